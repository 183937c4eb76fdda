import test from 'ava'
import * as fc from 'fast-check'
import { inMemoryExamples, join, subset } from './in-memory-examples.ts'

const examples = inMemoryExamples({
  features: Uint8Array.of(0, 51, 102, 153, 204, 255),
  labels: [3, 1, 2],
  shape: [2],
})

test('bytes are read as 0 to 1 into the given place', (t) => {
  const out = new Float32Array(4)
  examples.read(2, out, 1)
  t.deepEqual([...out], [0, Math.fround(0.8), 1, 0])
  t.is(examples.label(2), 2)
})

test('a subset has the chosen examples in the chosen order', (t) => {
  const chosen = subset(examples, Uint32Array.of(2, 0, 2))
  const out = new Float32Array(2)
  chosen.read(1, out, 0)
  t.deepEqual([...out], [0, Math.fround(0.2)])
  t.deepEqual([chosen.count, chosen.label(0), chosen.label(1), chosen.label(2)], [3, 2, 3, 2])
})

test('features that do not fit the labels and the shape are refused', (t) => {
  t.throws(() => inMemoryExamples({ features: new Uint8Array(5), labels: [0, 1], shape: [2] }), { code: 'DATA_COUNT' })
})

test('an index that is none of the examples is refused', (t) => {
  const chosen = subset(examples, Uint32Array.of(1))
  t.throws(() => examples.read(3, new Float32Array(2), 0), { code: 'DATA_INDEX' })
  t.throws(() => chosen.label(1), { code: 'DATA_INDEX' })
  t.throws(() => subset(examples, Uint32Array.of(3)), { code: 'DATA_INDEX' })
})

test('bytes read as their quotients, to the bit, whatever place they come from and go to', (t) => {
  // More than 64 KiB, so that the reader takes pairs of bytes where the offsets allow.
  const bytes = new Uint8Array(70_003).map((_, index) => (index * 2_654_435_761) >>> 16)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.nat(3),
      fc.nat(5),
      fc.array(fc.nat(1_000), { minLength: 1, maxLength: 9 }),
      fc.constantFrom(255, 1, -3, 1e-44),
      (size, skip, offset, places, divisor) => {
        const labels = new Uint8Array(Math.floor((bytes.length - skip) / size))
        const features = bytes.subarray(skip, skip + labels.length * size)
        const set = inMemoryExamples({ features, labels, shape: [size], divisor })
        const out = new Float32Array(offset + places.length * size)
        places.forEach((place, row) => set.read(place, out, offset + row * size))
        const expected = places.flatMap((place) =>
          Array.from(features.subarray(place * size, (place + 1) * size), (byte) => Math.fround(byte / divisor)),
        )
        t.deepEqual([...out.subarray(offset)], expected)
      },
    ),
  )
})

test('numbers other than bytes are read as they are, or divided', (t) => {
  const features = Float64Array.of(1.5, -2, 0.1, 4)
  const out = new Float32Array(5)
  inMemoryExamples({ features, labels: [0, 1], shape: [2] }).read(1, out, 1)
  t.deepEqual([...out], [0, Math.fround(0.1), 4, 0, 0])
  inMemoryExamples({ features, labels: [0, 1], shape: [2], divisor: 3 }).read(0, out, 0)
  t.deepEqual([...out.subarray(0, 2)], [0.5, Math.fround(-2 / 3)])
  t.throws(() => inMemoryExamples({ features, labels: [0, 1], shape: [2], divisor: 0 }), { code: 'DATA_DIVISOR' })
})

test('joined sets are read as one', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 4 }), { minLength: 1 }), (sets) => {
      const joined = join(sets.map((features) => inMemoryExamples({ features, labels: features, shape: [1] })))
      const all = sets.flatMap((set) => [...set])
      const out = new Float32Array(all.length)
      all.forEach((_, index) => joined.read(index, out, index))
      t.deepEqual(
        [...out],
        all.map((byte) => Math.fround(byte / 255)),
      )
      t.deepEqual(
        all.map((_, index) => joined.label(index)),
        all,
      )
      t.throws(() => joined.label(all.length), { code: 'DATA_INDEX' })
    }),
  )
  t.throws(() => join([]), { code: 'DATA_JOIN' })
  t.throws(() => join([examples, inMemoryExamples({ features: Uint8Array.of(1), labels: [0], shape: [1] })]), {
    code: 'DATA_JOIN',
  })
})

test('named columns go with their examples into subsets and joins', (t) => {
  const numbered = (first: number, columns: Readonly<Record<string, readonly number[]>>) =>
    inMemoryExamples({
      features: Float32Array.of(1, 2),
      labels: [0, 1],
      shape: [1],
      columns: { number: [first, first + 1], ...columns },
    })
  const joined = join([numbered(10, { group: [5, 6] }), numbered(20, {})])
  t.deepEqual(Object.keys(joined.columns ?? {}), ['number'])
  const chosen = subset(joined, Uint32Array.of(3, 0, 2))
  t.deepEqual(
    [0, 1, 2].map((index) => chosen.columns?.number?.(index)),
    [21, 10, 20],
  )
  t.throws(() => chosen.columns?.number?.(3), { code: 'DATA_INDEX' })
  t.throws(() => numbered(1, { group: [1] }), { code: 'DATA_COUNT' })
})

test('ids name the entities of examples, of subsets and of joined sets that all have them', (t) => {
  const set = (ids?: readonly string[]) =>
    inMemoryExamples({ features: Float32Array.of(1, 2), labels: [0, 1], shape: [1], ...(ids && { ids }) })
  const named = set(['a', 'b'])
  t.is(named.id?.(1), 'b')
  t.throws(() => named.id?.(2), { code: 'DATA_INDEX' })
  t.is(subset(named, Uint32Array.of(1)).id?.(0), 'b')
  const both = join([named, set(['c', 'd'])])
  t.deepEqual(
    [0, 1, 2, 3].map((index) => both.id?.(index)),
    ['a', 'b', 'c', 'd'],
  )
  t.is(join([named, set()]).id, undefined)
  t.throws(() => set(['a']), { code: 'DATA_COUNT' })
})
