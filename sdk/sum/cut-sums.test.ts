import test from 'ava'
import fc from 'fast-check'
import { layoutOf } from '../weights/layout.ts'
import { addedSums, cutSums, joinedSums } from './cut-sums.ts'
import { namedSums } from './named-sums.ts'

const options = (size: number) => ({
  layout: layoutOf([{ name: 'w', shape: [size] }]),
  vectors: { delta: { quantumBits: 34 }, control: { quantumBits: 30 } },
  name: 'cut-sums',
})

/** The partial sum of one update. Large values need high integers. */
function updateOf(values: readonly number[], weight: number) {
  const sums = namedSums(options(values.length))
  sums.add({ end: 'a', vectors: { delta: Float32Array.from(values), control: Float32Array.from(values) }, weight })
  return sums.partial()
}

test('parts that are added in any order and put together again are the sum of the whole updates, also beyond the range of 64 bits', (t) => {
  const values = (size: number) =>
    fc.array(
      fc
        .oneof(fc.float({ min: -1, max: 1, noNaN: true }), fc.float({ min: -30_000, max: 30_000, noNaN: true }))
        .map(Math.fround),
      {
        minLength: size,
        maxLength: size,
      },
    )
  const cases = fc.integer({ min: 1, max: 9 }).chain((size) =>
    fc.record({
      updates: fc.array(fc.tuple(values(size), fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 8 }),
      count: fc.integer({ min: 1, max: 12 }),
      size: fc.constant(size),
    }),
  )
  fc.assert(
    fc.property(cases, ({ updates, count, size }) => {
      const partials = updates.map(([given, weight]) => updateOf(given, weight))
      const whole = namedSums(options(size))
      for (const partial of partials) whole.merge('a', partial)
      const cut = partials.map(({ vectors }) => cutSums(vectors, count))
      const parts = Array.from({ length: count }, (_, part) => {
        // Each part is added in another order, as in a ring.
        const turned = [...cut.slice(part % cut.length), ...cut.slice(0, part % cut.length)]
        return turned.map((pieces) => pieces[part] ?? {}).reduce((sum, piece) => addedSums(sum, 'a', piece))
      })
      const ring = namedSums(options(size))
      ring.merge('a', { vectors: joinedSums(parts), scalars: {} })
      t.deepEqual(ring.mean(), whole.mean())
      t.deepEqual(ring.total('control'), whole.total('control'))
      t.is(ring.weight, whole.weight)
    }),
  )
})

test('sums of other sizes, quanta or names are refused', (t) => {
  const { vectors } = updateOf([1, 2, 3], 1)
  const { vectors: shorter } = updateOf([1, 2], 1)
  const { delta } = vectors
  t.throws(() => addedSums(vectors, 'b', shorter), { code: 'SUM_SIZE', message: /update of b has 2 values/ })
  t.throws(() => addedSums(vectors, 'b', delta ? { delta } : {}), { code: 'SUM_VECTORS' })
  t.throws(() => addedSums({ delta: vectors.control ?? vectors.delta! }, 'b', delta ? { delta } : {}), {
    code: 'SUM_QUANTUM',
  })
})
