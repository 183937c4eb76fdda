import test from 'ava'
import fc from 'fast-check'
import { PacketBound } from './packet-bound.ts'

/** A packet of MQTT with this many bytes after its fixed header. */
function packet(length: number): Uint8Array {
  const digits: number[] = []
  for (let left = length; digits.length === 0 || left > 0; left = Math.floor(left / 128))
    digits.push((left % 128) | (left >= 128 ? 128 : 0))
  return Uint8Array.from([0x30, ...digits, ...new Uint8Array(length).fill(0xff)])
}

test('packets keep their bounds, however their bytes are divided', (t) => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 400 }), fc.constantFrom(127, 128, 16_383, 16_384)), {
    minLength: 1,
    maxLength: 8,
  })
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })
  fc.assert(
    fc.property(lengths, cuts, fc.integer({ min: 0, max: 20_000 }), (given, places, most) => {
      const bytes = Buffer.concat(given.map(packet))
      const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length]
      const bound = new PacketBound(10_000, most)
      let from = 0
      let isKept = true
      for (const end of ends.toSorted((one, other) => one - other)) {
        isKept &&= bound.keeps(bytes.subarray(from, end))
        from = end
      }
      t.is(
        isKept,
        given.every((length, index) => length <= (index === 0 ? 10_000 : most)),
      )
    }),
  )
})

test('a length of more than four digits is none', (t) => {
  t.false(new PacketBound(2 ** 30, 2 ** 30).keeps(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80)))
  t.true(new PacketBound(2 ** 30, 2 ** 30).keeps(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f)))
})
