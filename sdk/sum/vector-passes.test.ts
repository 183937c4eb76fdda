import test from 'ava'
import fc from 'fast-check'
import { peakOf, subtractBase } from './vector-passes.ts'

const anyFloat = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ min: -1, max: 1, noNaN: true }),
  fc.constantFrom(0, -0, 1, -1, 2 ** -149, 3.4028234663852886e38, -3.4028234663852886e38),
)
const anyValue = fc.oneof(
  { weight: 200, arbitrary: anyFloat },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY) },
)
/** Lengths around those of vectors and of blocks. */
const anyLength = fc.oneof(fc.nat({ max: 40 }), fc.constantFrom(4095, 4096, 4097, 8192, 12_295))

/** Few values, repeated, since generating thousands takes long; and some of them at places of their own. */
const vectorOf = (value: fc.Arbitrary<number>) =>
  fc
    .tuple(
      anyLength,
      fc.array(value, { minLength: 1, maxLength: 30 }),
      fc.array(fc.tuple(fc.nat(), value), { maxLength: 3 }),
    )
    .map(([length, values, others]) => {
      const vector = Float32Array.from({ length }, (_, index) => values[index % values.length] ?? 0)
      for (const [place, other] of others) if (length > 0) vector[place % length] = other
      return vector
    })

/** A loop without blocks. */
function plainPeak(vector: Float32Array) {
  let magnitude = 0
  let index = 0
  for (const [place, value] of vector.entries()) {
    if (Number.isNaN(value)) return { magnitude: Number.NaN, index: place }
    if (Math.abs(value) <= magnitude) continue
    magnitude = Math.abs(value)
    index = place
  }
  return { magnitude, index }
}

test('the peak is that of a plain loop: the first NaN, or the first of the largest values', (t) => {
  fc.assert(
    fc.property(vectorOf(anyValue), (vector) => {
      t.deepEqual(peakOf(vector), plainPeak(vector))
    }),
    { numRuns: 200 },
  )
  t.deepEqual(peakOf(Float32Array.of(1, Number.POSITIVE_INFINITY, Number.NaN, 2)), { magnitude: Number.NaN, index: 2 })
  t.deepEqual(peakOf(Float32Array.of(-0, 0)), { magnitude: 0, index: 0 })
})

test('the difference from a base has the bits of a plain loop, which says, too, whether it is finite', (t) => {
  const pairs = vectorOf(anyValue).chain((values) =>
    fc.tuple(fc.constant(values), fc.array(anyValue, { minLength: 1, maxLength: 20 })).map(([whole, others]) => ({
      values: whole,
      base: whole.map((_, index) => others[index % others.length] ?? 0),
    })),
  )
  fc.assert(
    fc.property(pairs, ({ values, base }) => {
      const expected = values.map((value, index) => value - (base[index] ?? 0))
      const moved = values.slice()
      t.is(subtractBase(moved, base), expected.every(Number.isFinite))
      t.deepEqual(moved, expected)
    }),
    { numRuns: 200 },
  )
})

test('a difference that overflows is not finite', (t) => {
  t.false(subtractBase(Float32Array.of(0, 3e38), Float32Array.of(0, -3e38)))
  t.false(subtractBase(Float32Array.of(Number.NaN), Float32Array.of(0)))
  t.true(subtractBase(Float32Array.of(3e38), Float32Array.of(3e38)))
})

test('a base may lie in memory that threads share', (t) => {
  const base = new Float32Array(new SharedArrayBuffer(12))
  base.set([1, 2, 3])
  const values = Float32Array.of(1, 1, 1)
  t.true(subtractBase(values, base))
  t.deepEqual(values, Float32Array.of(0, -1, -2))
})
