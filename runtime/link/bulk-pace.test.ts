import test from 'ava'
import fc from 'fast-check'
import { clockedNode, noting, settled, terminated } from '../../test/support/clocked-nodes.ts'
import { type ActorRef, isActorRef, manualClock, memoryRoute, type Route } from '../index.ts'
import { BulkPace } from './bulk-pace.ts'
import { decodeFrame } from './frame.ts'

const most = 256 * 1024

test('frames take some 5 ms of a route whose acknowledgements come steadily, between 16 and 256 KiB, and windows 20 ms, from 1 MiB on', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 1, max: 200 }), (bytesPerMs, stepMs) => {
      const pace = new BulkPace()
      t.is(pace.frameBytes(most), 16 * 1024)
      let nowMs = 1000
      pace.sent(nowMs)
      for (let step = 0; step < 100; step++) {
        nowMs += stepMs
        pace.acknowledged(bytesPerMs * stepMs, false, nowMs)
      }
      t.is(pace.frameBytes(most), Math.min(most, Math.max(16 * 1024, 5 * bytesPerMs)))
      t.is(pace.windowBytes(), Math.max(1024 * 1024, 20 * bytesPerMs))
    }),
  )
})

test('messages that a route carries with pauses in between do not make it a slow one', (t) => {
  const pace = new BulkPace()
  let nowMs = 0
  pace.sent(nowMs)
  for (let step = 0; step < 20; step++) {
    nowMs += 50
    pace.acknowledged(20_000 * 50, false, nowMs)
  }
  pace.acknowledged(0, true, nowMs)
  for (let message = 0; message < 20; message++) {
    nowMs += 10_000
    pace.sent(nowMs)
    nowMs += 100
    pace.acknowledged(40_000, true, nowMs)
  }
  t.is(pace.frameBytes(most), 100_000)
})

/** A server and a device, joined by a route of a speed, which counts the bytes of data that the device sends. */
async function slowlyJoined(bytesPerMs: number) {
  const clock = manualClock()
  const received: unknown[] = []
  let entry: ActorRef<unknown> | undefined
  const server = clockedNode('server', {
    authenticate: async () => ({ mayStop: false, entry: () => noting(server.system, received) }),
  })
  const device = clockedNode('device', { onPeer: (peer) => isActorRef<unknown>(peer.entry) && (entry = peer.entry) })
  const sent = { bytes: 0, frames: 0, mostUnderWay: 0 }
  let underWay = 0
  const queue: { readonly dueMs: number; readonly deliver: () => void }[] = []
  let freeMs = 0
  const slow = (route: Route): Route => ({
    send(frame) {
      freeMs = Math.max(freeMs, clock.now()) + frame.length / bytesPerMs
      const { kind } = decodeFrame(frame, 'device')
      if (kind === 'data') {
        sent.bytes += frame.length
        sent.frames += 1
        underWay += frame.length
        sent.mostUnderWay = Math.max(sent.mostUnderWay, underWay)
      }
      const copy = frame.slice()
      const deliver = () => {
        route.send(copy)
        if (kind === 'data') underWay -= copy.length
      }
      queue.push({ dueMs: freeMs, deliver })
    },
    listen: (listener) => route.listen(listener),
    close: () => route.close(),
  })
  device.link.connect({
    async dial(lane) {
      const [left, right] = memoryRoute()
      server.link.accept(right, { from: '192.0.2.1' })
      // Frames of the control lane are few, and have a way of their own.
      return lane === 'bulk' ? slow(left) : left
    },
    rights: { mayStop: true },
  })
  const nodes = [server, device]
  await settled(...nodes)
  if (!entry) throw new Error('the device was not let in')
  return {
    nodes,
    entry,
    received,
    sent,
    async pass(ms: number, stepMs: number) {
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(stepMs)
        for (const node of nodes) node.clock.advance(stepMs)
        while (queue[0] && queue[0].dueMs <= clock.now()) queue.shift()?.deliver()
        await settled(...nodes)
      }
    },
  }
}

test('over a slow route a large message is sent once, in short frames', async (t) => {
  const { nodes, entry, received, sent, pass } = await slowlyJoined(20)
  const values = new Float64Array(100_000)
  for (let message = 0; message < 2; message++) {
    entry.tell(values)
    await pass(45_000, 50)
  }
  t.is(received.length, 2)
  t.true(sent.bytes < 2 * values.byteLength * 1.02, `${sent.bytes} bytes`)
  t.true(sent.frames >= values.byteLength / 8192, `${sent.frames} frames`)
  await terminated(...nodes)
})

for (const [speed, bytesPerMs, least, most] of [
  ['slow', 2000, 0.7, 1],
  ['quick', 100_000, 1.8, 2],
  ['very quick', 1_000_000, 3.7, 4],
] as const)
  test(`a ${speed} route carries at most ${most} MiB that are not acknowledged, and the whole of a message`, async (t) => {
    const { nodes, entry, received, sent, pass } = await slowlyJoined(bytesPerMs)
    const values = new Float64Array(2_000_000)
    for (let message = 0; message < 2; message++) {
      entry.tell(values)
      const forMs = Math.max(100, (1.5 * values.byteLength) / bytesPerMs)
      await pass(forMs, forMs / 100)
    }
    t.deepEqual(
      received.map((message) => Object(message).length),
      [values.length, values.length],
    )
    const underWay = sent.mostUnderWay / 2 ** 20
    t.true(underWay >= least && underWay <= 1.01 * most, `${underWay} MiB`)
    await terminated(...nodes)
  })
