import test from 'ava'
import fc from 'fast-check'
import { clockedNode, noting, settled, terminated } from '../../test/support/clocked-nodes.ts'
import { type ActorRef, isActorRef, memoryRoute, type NodeLinkOptions, type Route } from '../index.ts'
import { decodeFrame, type Frame } from './frame.ts'

/** The longest time for which a node keeps an acknowledgement back that nobody waits for. */
const boundMs = 20

interface SentFrame extends Pick<Frame, 'kind' | 'lane' | 'first' | 'count' | 'expected'> {
  readonly atMs: number
}

/** A server and a device with an entry each. Notes the frames that each has sent since they greeted. */
async function joined(options: NodeLinkOptions = {}) {
  let ms = 0
  const [atServer, atDevice]: [unknown[], unknown[]] = [[], []]
  const [fromServer, fromDevice]: [SentFrame[], SentFrame[]] = [[], []]
  let toServer: ActorRef<unknown> | undefined
  let toDevice: ActorRef<unknown> | undefined
  const server = clockedNode('server', {
    ...options,
    authenticate: async () => ({ mayStop: false, entry: () => noting(server.system, atServer) }),
    onPeer: ({ entry }) => isActorRef<unknown>(entry) && (toDevice = entry),
  })
  const device = clockedNode('device', {
    ...options,
    onPeer: ({ entry }) => isActorRef<unknown>(entry) && (toServer = entry),
  })
  const noted = (route: Route, into: SentFrame[]): Route => ({
    send(frame) {
      const { kind, lane, first, count, expected } = decodeFrame(frame, 'the sender')
      into.push({ kind, lane, first, count, expected, atMs: ms })
      route.send(frame)
    },
    listen: (listener) => route.listen(listener),
    close: () => route.close(),
  })
  const own = noting(device.system, atDevice)
  device.link.connect({
    async dial() {
      const [left, right] = memoryRoute()
      server.link.accept(noted(right, fromServer), { from: '192.0.2.1' })
      return noted(left, fromDevice)
    },
    rights: { mayStop: false, entry: () => own },
  })
  const nodes = [server, device]
  await settled(...nodes)
  if (!toServer || !toDevice) throw new Error('the nodes have no entries')
  for (const frames of [fromServer, fromDevice]) frames.length = 0
  return {
    nodes,
    toServer,
    toDevice,
    fromServer,
    fromDevice,
    atServer,
    atDevice,
    /** Lets time pass, a millisecond at a time. */
    async pass(forMs: number) {
      await settled(...nodes)
      for (let passed = 0; passed < forMs; passed++) {
        ms += 1
        for (const { clock } of nodes) clock.advance(1)
        await settled(...nodes)
      }
    },
  }
}

const kindsOf = (frames: readonly SentFrame[]) => frames.map(({ kind }) => kind)

test('an acknowledgement that no frame takes along leaves alone after 20 ms, once', async (t) => {
  const { nodes, toServer, fromServer, fromDevice, atServer, pass } = await joined()
  toServer.tell('one')
  await pass(5)
  toServer.tell('two')
  await pass(boundMs - 6)
  t.deepEqual(atServer, ['one', 'two'])
  t.deepEqual(kindsOf(fromServer), [], 'nobody waits for it')
  await pass(1)
  t.deepEqual(kindsOf(fromServer), ['acknowledge'])
  const last = fromDevice.at(-1)
  t.is(fromServer[0]?.expected.control, (last?.first ?? 0) + (last?.count ?? 0), 'it acknowledges both')
  await pass(10 * boundMs)
  t.is(fromServer.length, 1)
  await terminated(...nodes)
})

test('an acknowledgement travels with a frame that leaves in time, and then not alone', async (t) => {
  const { nodes, toServer, toDevice, fromServer, atServer, atDevice, pass } = await joined()
  toServer.tell('ask')
  await pass(boundMs / 2)
  toDevice.tell('answer')
  await pass(0)
  t.deepEqual([atServer, atDevice], [['ask'], ['answer']])
  t.deepEqual(kindsOf(fromServer), ['data'])
  const acknowledged = fromServer[0]?.expected.control
  await pass(10 * boundMs)
  t.deepEqual(kindsOf(fromServer), ['data'])
  toServer.tell('next')
  await pass(boundMs)
  t.deepEqual(kindsOf(fromServer), ['data', 'acknowledge'])
  t.is(fromServer[1]?.expected.control, (acknowledged ?? 0) + 1)
  await terminated(...nodes)
})

test('whenever messages are told, each frame is acknowledged within 20 ms', async (t) => {
  const tell = fc.record({ afterMs: fc.nat(25), by: fc.constantFrom('server', 'device'), messages: fc.nat(3) })
  await fc.assert(
    fc.asyncProperty(fc.array(tell, { minLength: 1, maxLength: 12 }), async (tells) => {
      const { nodes, toServer, toDevice, fromServer, fromDevice, pass } = await joined()
      for (const { afterMs, by, messages } of tells) {
        await pass(afterMs)
        for (let number = 0; number < messages; number++) (by === 'device' ? toServer : toDevice).tell(number)
      }
      await pass(3 * boundMs)
      for (const [sent, answers] of [
        [fromDevice, fromServer],
        [fromServer, fromDevice],
      ] as const)
        for (const { kind, first, count, atMs } of sent) {
          if (kind !== 'data') continue
          const answer = answers.find(({ expected }) => expected.control >= first + count)
          if (!answer || answer.atMs > atMs + boundMs)
            throw new Error(`sent at ${atMs} ms, acknowledged at ${answer?.atMs} ms`)
        }
      await terminated(...nodes)
    }),
    { numRuns: 40 },
  )
  t.pass()
})

test('a window that is full is acknowledged at once, so that no sender waits for the time', async (t) => {
  const narrow = { frameBytes: { control: 300, bulk: 300 }, window: { control: 900, bulk: 900 } }
  const { nodes, toServer, fromServer, fromDevice, atServer, pass } = await joined(narrow)
  const texts = Array.from({ length: 300 }, (_, number) => `message ${number} ${'x'.repeat(number % 150)}`)
  for (const text of texts) toServer.tell(text)
  await pass(0)
  t.deepEqual(atServer, texts)
  t.true(fromServer.length > 0 && fromServer.length <= fromDevice.length)
  await terminated(...nodes)
})
