import test from 'ava'
import fc from 'fast-check'
import { plainFrame } from '../../test/support/raw-end.ts'
import { partHeaderBytes } from './frame.ts'
import { IncomingLane } from './incoming-lane.ts'

/** A part of a body that is claimed to have `total` bytes. */
function part(number: number, total: number, offset: number, bytes: Uint8Array) {
  const body = new Uint8Array(partHeaderBytes + bytes.length)
  const view = new DataView(body.buffer)
  view.setUint32(0, total, true)
  view.setUint32(4, offset, true)
  body.set(bytes, partHeaderBytes)
  return { ...plainFrame('data', body), isPart: true, count: 1, first: number }
}

test('parts of any lengths make the body whose parts they are', (t) => {
  const cuts = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(cuts, (lengths) => {
      const total = lengths.reduce((sum, length) => sum + length, 0)
      const whole = Uint8Array.from({ length: total }, (_, index) => index % 251)
      const lane = new IncomingLane(4_000_000)
      let offset = 0
      for (const [index, length] of lengths.entries()) {
        const body = lane.accept(part(index + 1, total, offset, whole.subarray(offset, offset + length)), 'device')
        offset += length
        if (offset < total) t.is(body, 'waiting')
        else t.true(Buffer.from(Object(body)).equals(whole))
      }
    }),
    { numRuns: 40 },
  )
})

test('a part that claims a long body takes memory for what has come, and not for the claim', (t) => {
  const most = 256 * 1024 * 1024
  const lane = new IncomingLane(most)
  const before = process.memoryUsage().arrayBuffers
  t.is(lane.accept(part(1, most, 0, new Uint8Array(1000)), 'device'), 'waiting')
  const grownBytes = process.memoryUsage().arrayBuffers - before
  t.true(grownBytes < most / 16, `${grownBytes} bytes`)
})

test('a part that does not follow the last one, or changes the length of the body, is refused', (t) => {
  const bytes = new Uint8Array(100)
  for (const [total, offset] of [
    [300, 0],
    [300, 200],
    [301, 100],
    [150, 100],
  ] as const) {
    const lane = new IncomingLane(1000)
    lane.accept(part(1, 300, 0, bytes), 'device')
    t.throws(() => lane.accept(part(2, total, offset, bytes), 'device'), { code: 'LINK_FRAME' })
  }
  const lane = new IncomingLane(1000)
  t.throws(() => lane.accept(part(1, 300, 100, bytes), 'device'), { code: 'LINK_FRAME' })
  t.throws(() => lane.accept(part(1, 1001, 0, bytes), 'device'), { code: 'LINK_FRAME' })
})
