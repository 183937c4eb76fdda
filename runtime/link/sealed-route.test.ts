import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { deflateFrames, memoryRoute } from '../index.ts'
import { encodeFrame, type FrameKind, frameFlags, frameHeaderBytes } from './frame.ts'
import { SealedRoute } from './sealed-route.ts'

const codec = deflateFrames()

/** Both ends of a route that have agreed, and the frames that arrive at the second. */
function agreed(isChecked: boolean, isDeflated = false) {
  const [left, right] = memoryRoute()
  const [from, to] = [new SealedRoute(left), new SealedRoute(right)]
  for (const end of [from, to]) end.agree({ isChecked, codec: isDeflated ? codec : undefined })
  const arrived: Uint8Array<ArrayBuffer>[] = []
  right.listen({ heard: (bytes) => void arrived.push(bytes), lost() {} })
  return { from, to, arrived }
}

function frameOf(body: Uint8Array<ArrayBuffer>, kind: FrameKind = 'data') {
  const numbers = { control: 7, bulk: 9 }
  return { kind, lane: 'bulk', isPart: false, count: 1, first: 3, expected: numbers, window: numbers, body } as const
}

const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .tuple(fc.nat(255), fc.integer({ min: 0, max: 200_000 }))
    .map(([byte, length]) => new Uint8Array(length).fill(byte)),
  fc.infiniteStream(fc.nat(255)).map((bytes) => Uint8Array.from(bytes.take(20_000))),
)

test('a frame arrives as it was sent, with a check sum or without, compressed or not', (t) => {
  fc.assert(
    fc.property(bodies, fc.boolean(), fc.boolean(), (bytes, isChecked, isDeflated) => {
      const { from, to, arrived } = agreed(isChecked, isDeflated)
      const frame = frameOf(Uint8Array.from(bytes))
      from.send(encodeFrame(frame))
      const [came] = arrived
      if (!came) return t.fail()
      t.is(((came[1] ?? 0) & frameFlags.checked) !== 0, isChecked)
      const read = to.read(came, 'other')
      t.is(Buffer.compare(read.body, frame.body), 0)
      t.deepEqual({ ...read, body: 0 }, { ...frame, body: 0 })
    }),
    { numRuns: 50 },
  )
})

test('what compresses is sent compressed, and noise is sent as it is', (t) => {
  const { from, arrived } = agreed(false, true)
  const noise = Uint8Array.from(createHash('shake256', { outputLength: 100_000 }).digest())
  for (const body of [new Uint8Array(100_000), noise, new Uint8Array(100)]) from.send(encodeFrame(frameOf(body)))
  t.deepEqual(
    arrived.map((frame) => ((frame[1] ?? 0) & frameFlags.deflated) !== 0),
    [true, false, false],
  )
  t.true((arrived[0]?.length ?? 0) < 1000)
})

test('one changed bit of a checked frame, or a missing check sum, is damage', (t) => {
  const { from, to, arrived } = agreed(true)
  for (const kind of ['data', 'acknowledge', 'challenge'] as const)
    from.send(
      encodeFrame(
        frameOf(
          Uint8Array.from({ length: 50 }, (_, index) => index),
          kind,
        ),
      ),
    )
  for (const frame of arrived)
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const changed = frame.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      t.throws(() => to.read(changed, 'other'), { code: 'LINK_DAMAGED' })
    }
  t.throws(() => to.read(encodeFrame(frameOf(new Uint8Array(3))), 'other'), { code: 'LINK_DAMAGED' })
  t.throws(() => agreed(false).to.read(encodeFrame(frameOf(new Uint8Array(3), 'hello')), 'other'), {
    code: 'LINK_DAMAGED',
  })
})

test('a compressed body that is larger than it says, or was not agreed, is refused before it is made', (t) => {
  const compressed = (packed: Uint8Array, length: number) => {
    const body = new Uint8Array(4 + packed.length)
    new DataView(body.buffer).setUint32(0, length, true)
    body.set(packed, 4)
    const frame = encodeFrame(frameOf(body))
    frame[1] = (frame[1] ?? 0) | frameFlags.deflated
    return frame
  }
  const { to } = agreed(false, true)
  const packed = deflateRawSync(new Uint8Array(1000))
  t.is(to.read(compressed(packed, 1000), 'other').body.length, 1000)
  const bomb = deflateRawSync(new Uint8Array(50_000_000))
  for (const [bytes, length] of [
    [packed, 999],
    [packed, 1001],
    [packed, 2 ** 32 - 1],
    [bomb, 262_144],
    [packed.subarray(0, 4), 1000],
    [Uint8Array.of(255, 255, 255), 10],
    [new Uint8Array(), 0],
  ] as const)
    t.throws(() => to.read(compressed(bytes, length), 'other'), { code: 'LINK_FRAME' })
  const before = process.memoryUsage().arrayBuffers
  for (let time = 0; time < 3; time++) t.throws(() => to.read(compressed(bomb, 262_144), 'other'))
  t.true(process.memoryUsage().arrayBuffers - before < 40_000_000)
  t.throws(() => agreed(false).to.read(compressed(packed, 1000), 'other'), { code: 'LINK_FRAME' })
  const short = compressed(new Uint8Array(), 0).slice(0, frameHeaderBytes + 2)
  t.throws(() => to.read(short, 'other'), { code: 'LINK_FRAME' })
})
