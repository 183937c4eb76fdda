import test from 'ava'
import { clockedNode, settled, terminated } from '../../test/support/clocked-nodes.ts'
import { nonceFor, rawEnd, rawGreeting } from '../../test/support/raw-end.ts'
import { type ActorRef, isActorRef, type Route } from '../index.ts'
import { packRest } from './greeting.ts'

/** A message of one frame, long enough for a buffer of the pool. */
const large = (value: number) => ({ values: new Float64Array(6000).fill(value) })

interface Held {
  readonly frame: Uint8Array
  /** The frame as it was when it was sent. */
  readonly copy: Uint8Array
}

/** A server, and nodes that tests speak for, on routes that keep the server's frames as sockets do. */
async function stage() {
  const entries = new Map<string, ActorRef<unknown>>()
  const server = clockedNode('server', {
    authenticate: async ({ node }) => ({ mayStop: false, identity: node }),
    onPeer: ({ node, entry }) => isActorRef<unknown>(entry) && entries.set(node, entry),
  })
  return {
    server,
    /** Joins a node. `isQueued`: whether its route says that no frame has left the process. */
    async join(node: string, isQueued: boolean) {
      const raw = rawEnd()
      const held: Held[] = []
      const route: Route = {
        send(frame) {
          held.push({ frame, copy: frame.slice() })
          raw.other.send(frame)
        },
        listen: (listener) => raw.other.listen(listener),
        close: () => raw.other.close(),
        get queuedBytes() {
          return isQueued ? held.reduce((sum, { frame }) => sum + frame.length, 0) : 0
        },
      }
      server.link.accept(route, { from: '192.0.2.1' })
      await settled(server)
      raw.say('hello', rawGreeting({ node, nonce: nonceFor(raw), rest: packRest([7, '/entry']) }))
      await settled(server)
      const entry = entries.get(node)
      if (!entry) throw new Error(`${node} was not let in`)
      const joined = {
        held,
        /** Has the server send a message. Answers with its last frame. */
        async told(value: number): Promise<Held> {
          entry.tell(large(value))
          await settled(server)
          const last = held.at(-1)
          if (!last) throw new Error('no frame was sent')
          return last
        },
        /** Acknowledges all frames of the bulk lane, and grants a window. */
        async acknowledge(windowBytes = 1024 * 1024) {
          const window = { control: windowBytes, bulk: windowBytes }
          raw.say('acknowledge', undefined, { expected: { control: 1, bulk: bulkFrames() + 1 }, window })
          await settled(server)
        },
        /** Sends frames that ask for all frames of the bulk lane again. */
        async askAgain(times: number) {
          for (let time = 0; time < times; time++) {
            raw.say('resend', undefined, { lane: 'bulk' })
            await settled(server)
          }
        },
        /** Sends frames that ask for any frame. */
        async beat(times: number) {
          for (let time = 0; time < times; time++) raw.say('beat')
          await settled(server)
        },
      }
      // The first message comes in short frames, since the speed of the route isn't known.
      await joined.told(0)
      await joined.acknowledge()
      if (!isQueued) held.length = 0
      return joined

      function bulkFrames(): number {
        return raw.heard.filter(({ kind, lane }) => kind === 'data' && lane === 'bulk').length
      }
    },
  }
}

test('the buffer of a frame that has left and was acknowledged is used again', async (t) => {
  const { server, join } = await stage()
  const device = await join('device', false)
  const first = await device.told(1)
  await device.acknowledge()
  const second = await device.told(2)
  t.is(second.frame.buffer, first.frame.buffer)
  await terminated(server)
})

test('a node that acknowledges frames before they have left sees no bytes of another session', async (t) => {
  const { server, join } = await stage()
  const [liar, device] = [await join('liar', true), await join('device', false)]
  const kept = await liar.told(1)
  await liar.acknowledge()
  await device.told(2)
  await device.told(3)
  t.deepEqual(kept.frame, kept.copy)
  await terminated(server)
})

test('a node that grants an endless window is sent no more ahead than the own window allows', async (t) => {
  const { server, join } = await stage()
  const device = await join('device', false)
  await device.acknowledge(2 ** 32 - 1)
  for (let number = 0; number < 60; number++) await device.told(number)
  const sentBytes = device.held.reduce((sum, { frame }) => sum + frame.length, 0)
  t.true(sentBytes > 900_000 && sentBytes < 1_100_000, `${sentBytes} bytes`)
  await terminated(server)
})

test('a node that reads nothing, and asks for frames all the time, has few of them in the memory of this one', async (t) => {
  const { server, join } = await stage()
  const device = await join('device', true)
  for (let number = 0; number < 20; number++) await device.told(number)
  const frames = () => device.held.length
  const heldBytes = () => device.held.reduce((sum, { frame }) => sum + frame.length, 0)
  await device.askAgain(30)
  t.true(heldBytes() < 3.2 * 1024 * 1024, `${heldBytes()} bytes`)
  const before = frames()
  await device.beat(1000)
  t.is(frames(), before)
  await terminated(server)
})
