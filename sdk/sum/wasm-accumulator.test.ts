import test from 'ava'
import fc from 'fast-check'
import type { CodedError } from '../../runtime/index.ts'
import { layoutOf } from '../weights/layout.ts'
import {
  type DeltaHolder,
  HeldDelta,
  type PartialSum,
  type SumName,
  type WeightedDelta,
  weightIn,
} from './accumulator.ts'
import { type DeltaPeak, peakOf } from './vector-passes.ts'
import { accumulator } from './wasm-accumulator.ts'

const bits = 34
const layoutFor = (size: number) =>
  layoutOf([
    { name: 'first', shape: [1] },
    { name: 'rest', shape: [size - 1] },
  ])
const empty = (size: number, quantumBits = bits) => accumulator({ layout: layoutFor(size), quantumBits })

/** n·δ in quanta, rounded to the nearest integer, ties to even, by exact arithmetic on the double's bits. */
function quanta(delta: number, weight: number, quantumBits: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, delta * weight)
  const encoded = view.getBigUint64(0)
  const exponent = Number((encoded >> 52n) & 0x7ffn)
  const fraction = encoded & ((1n << 52n) - 1n)
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n)
  const shift = Math.max(exponent, 1) - 1075 + quantumBits
  let magnitude: bigint
  if (shift >= 0) magnitude = mantissa << BigInt(shift)
  else {
    const down = BigInt(-shift)
    const half = 1n << (down - 1n)
    magnitude = (mantissa + half) >> down
    if ((mantissa & ((1n << down) - 1n)) === half && (magnitude & 1n) === 1n) magnitude -= 1n
  }
  return encoded >> 63n === 1n ? -magnitude : magnitude
}

const sumOf = ({ sum }: PartialSum) => [...sum]
const anyDelta = (size: number) =>
  fc
    .array(
      fc.oneof(
        fc.float({ min: -100, max: 100, noNaN: true }),
        fc.constantFrom(0, -0, 2 ** -35, 3 * 2 ** -35, -(2 ** -35), 1e-45, 2 ** -149),
      ),
      {
        minLength: size,
        maxLength: size,
      },
    )
    .map((values) => Float32Array.from(values))
const anyUpdates = fc.integer({ min: 2, max: 11 }).chain((size) =>
  fc.array(fc.record({ delta: anyDelta(size), weight: fc.integer({ min: 1, max: 1000 }) }), {
    minLength: 1,
    maxLength: 8,
  }),
)
const named = (updates: readonly { delta: Float32Array; weight: number }[]): WeightedDelta[] =>
  updates.map((update, index) => ({ end: `trainer-${index}`, ...update }))

const numberOf = ({ end }: WeightedDelta) => Number(end.slice('trainer-'.length))

test('each product is rounded once to the quantum, ties to even, and summed exactly', (t) => {
  fc.assert(
    fc.property(anyUpdates, (updates) => {
      const size = updates[0]?.delta.length ?? 0
      const sum = empty(size)
      for (const update of named(updates)) sum.add(update)
      const expected = Array.from({ length: size }, (_, index) =>
        updates.reduce((total, { delta, weight }) => total + quanta(delta[index] ?? 0, weight, bits), 0n),
      )
      t.deepEqual(sumOf(sum.partial()), expected)
    }),
  )
})

test('any order and any tree of partial sums gives the same bits', (t) => {
  fc.assert(
    fc.property(
      anyUpdates,
      fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
      fc.infiniteStream(fc.nat({ max: 2 })),
      (updates, order, groups) => {
        const size = updates[0]?.delta.length ?? 0
        const flat = empty(size)
        for (const update of named(updates)) flat.add(update)
        const middle = [
          empty(size),
          empty(size),
          accumulator({ layout: layoutFor(size), quantumBits: bits, shared: true }),
        ]
        const shuffled = named(updates).toSorted(
          (a, b) => (order[numberOf(a)] ?? 0) - (order[numberOf(b)] ?? 0) || (a.end < b.end ? 1 : -1),
        )
        for (const update of shuffled) middle[groups.next().value ?? 0]?.add(update)
        const top = empty(size)
        for (const [index, part] of middle.entries()) if (part.updates > 0) top.merge(`middle-${index}`, part.partial())
        t.deepEqual(sumOf(top.partial()), sumOf(flat.partial()))
        t.deepEqual(top.mean(), flat.mean())
        t.is(top.weight, flat.weight)
        t.is(top.updates, updates.length)
      },
    ),
  )
})

test('a refused update leaves every bit as it was, and is named with tensor and offset', (t) => {
  const damage = fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** 17,
    -(2 ** 18),
    3e38,
  )
  fc.assert(
    fc.property(anyUpdates, damage, fc.nat(), (updates, value, at) => {
      const size = updates[0]?.delta.length ?? 0
      const sum = empty(size)
      for (const update of named(updates)) sum.add(update)
      const before = sum.partial()
      const delta = Float32Array.from(updates[0]?.delta ?? [])
      const index = at % size
      delta[index] = value
      const error = t.throws(() => sum.add({ end: 'trainer-9', delta, weight: 1 }), { code: 'SUM_VALUE' })
      t.like(error, {
        values: { end: 'trainer-9', tensor: index === 0 ? 'first' : 'rest', offset: index === 0 ? 0 : index - 1 },
      })
      t.deepEqual(sum.partial(), before)
    }),
  )
})

test('a value damaged far behind takes back what was added before it, over many blocks', (t) => {
  const size = 50_001
  const sum = empty(size)
  sum.add({ end: 'a', delta: new Float32Array(size).fill(0.25), weight: 3 })
  const before = sum.partial()
  const delta = new Float32Array(size).fill(0.5)
  delta[size - 1] = Number.NaN
  t.throws(() => sum.add({ end: 'b', delta, weight: 2 }), { code: 'SUM_VALUE' })
  t.deepEqual(sum.partial(), before)
  t.true(sum.mean().every((mean) => mean === 0.25))
})

test('the range ends where it says', (t) => {
  const sum = empty(2)
  const largest = Math.fround(2 ** 17 - 2 ** -7)
  t.notThrows(() => sum.add({ end: 'a', delta: Float32Array.of(largest, -largest), weight: 1 }))
  t.throws(() => sum.add({ end: 'b', delta: Float32Array.of(2 ** 17, 0), weight: 1 }), { code: 'SUM_VALUE' })
})

/** The sum with its high integers added. */
function totals({ sum, high }: PartialSum): bigint[] {
  return Array.from(sum, (integer, index) => integer + ((high?.[index] ?? 0n) << 20n))
}

test('updates of clients with very many samples count, in any order and through any tree to the same bits', (t) => {
  const size = 3
  const values = fc.oneof(
    fc.float({ min: -2, max: 2, noNaN: true }),
    fc.float({ min: -10_000, max: 10_000, noNaN: true }),
    fc.constantFrom(0, 2 ** -149, 3 * 2 ** -35),
  )
  const update = fc.record({
    delta: fc.array(values, { minLength: size, maxLength: size }).map((given) => Float32Array.from(given)),
    weight: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom(1_000_000, 2 ** 20 - 1)),
    group: fc.nat(2),
  })
  fc.assert(
    fc.property(fc.array(update, { minLength: 1, maxLength: 8 }), (updates) => {
      const flat = empty(size)
      const parts = [empty(size), empty(size), accumulator({ layout: layoutFor(size), shared: true })]
      const expected = Array.from({ length: size }, () => 0n)
      for (const [number, { delta, weight }] of updates.entries()) {
        flat.add({ end: `trainer-${number}`, delta, weight })
        const isLarge = delta.some((value) => Math.abs(value * weight) >= 2 ** 17)
        delta.forEach((value, index) => {
          const integer = isLarge ? quanta(value, weight, bits - 20) << 20n : quanta(value, weight, bits)
          expected[index] = (expected[index] ?? 0n) + integer
        })
      }
      for (const { group, ...update } of updates.toReversed()) parts[group]?.add({ end: 'trainer', ...update })
      const top = empty(size)
      for (const part of parts) if (part.updates > 0) top.merge('middle', part.partial())
      t.deepEqual(totals(top.partial()), expected)
      t.deepEqual(top.partial(), flat.partial())
      t.deepEqual(top.mean(), flat.mean())
      top.reset()
      top.add({ end: 'trainer-0', delta: Float32Array.of(1, 2, 3), weight: 2 })
      t.is(top.partial().high, undefined)
      t.deepEqual(top.mean(), Float32Array.of(1, 2, 3))
    }),
  )
})

test('deltas that stay with their holders give the same sum, of clients with very many samples, too', async (t) => {
  const size = 3
  const held = accumulator({ layout: layoutFor(size), shared: true })
  const holder: DeltaHolder = { collect: async () => held.partial() }
  class Held extends HeldDelta {
    readonly length = size
    readonly holder = holder
    readonly peak: DeltaPeak
    readonly #delta: Float32Array
    constructor(delta: Float32Array) {
      super()
      this.#delta = delta
      this.peak = peakOf(delta)
    }
    protected addThere(_: SumName, weight: number): void {
      held.add({ end: 'held', delta: this.#delta, weight })
    }
    protected takeThere(): Promise<Float32Array> {
      return Promise.resolve(this.#delta)
    }
  }
  const updates = [
    { end: 'a', delta: Float32Array.of(0.9, -3, 1e-7), weight: 1_000_000 },
    { end: 'b', delta: Float32Array.of(1, 2, 3), weight: 10 },
    { end: 'c', delta: Float32Array.of(4_000, -0.5, 3), weight: 2_000_000 },
  ]
  const flat = empty(size)
  const top = empty(size)
  for (const update of updates) {
    flat.add(update)
    top.add({ ...update, delta: new Held(update.delta) })
  }
  t.throws(() => top.add({ end: 'd', delta: new Held(Float32Array.of(2 ** 17, 0, 0)), weight: 1 }), {
    code: 'SUM_VALUE',
  })
  await top.settle()
  t.deepEqual(top.partial(), flat.partial())
  t.deepEqual(top.mean(), flat.mean())
})

test('a client of a million samples beside small ones is in the mean as precisely as float32 is', (t) => {
  const sum = empty(2)
  sum.add({ end: 'large', delta: Float32Array.of(0.9, -1e-7), weight: 1_000_000 })
  sum.add({ end: 'small', delta: Float32Array.of(0.1, 1e-7), weight: 10 })
  const exact = (value: number, other: number) => (value * 1_000_000 + other * 10) / 1_000_010
  const [first = 0, second = 0] = sum.mean()
  t.true(Math.abs(first - exact(Math.fround(0.9), Math.fround(0.1))) < 2 ** -24)
  t.true(Math.abs(second - exact(Math.fround(-1e-7), Math.fround(1e-7))) < 2 ** -34)
})

test('a damaged value of a client with very many samples leaves every bit as it was', (t) => {
  const sum = empty(2)
  sum.add({ end: 'a', delta: Float32Array.of(1, 2), weight: 1_000_000 })
  const before = sum.partial()
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 17, 1e38]) {
    const error = t.throws<CodedError>(
      () => sum.add({ end: 'b', delta: Float32Array.of(0.5, value), weight: 1_000_000 }),
      { code: 'SUM_VALUE', message: /times its weight, which is 1000000/ },
    )
    t.regex(error?.hint ?? '', /quantumBits, which is 34/)
    t.deepEqual(sum.partial(), before)
  }
  t.throws(() => sum.add({ end: 'b', delta: Float32Array.of(2 ** 10, 0), weight: 2 ** 29 }), { code: 'SUM_VALUE' })
  t.deepEqual(sum.partial(), before)
})

test('a sum goes on exactly where one 64-bit integer ends', (t) => {
  const add = (sum: ReturnType<typeof empty>, updates: number, value: number) => {
    for (let added = 0; added < updates; added++) {
      sum.add({ end: `trainer-${added}`, delta: Float32Array.of(value, -value), weight: 1 })
    }
    return sum
  }
  const largest = Math.fround(2 ** 17 - 2 ** -7)
  const sum = add(empty(2), 10_000, largest)
  const expected = 10_000n * quanta(largest, 1, bits)
  t.deepEqual(totals(sum.partial()), [expected, -expected])
  t.deepEqual(sum.mean(), Float32Array.of(largest, -largest))
  const halves = [add(empty(2), 3_000, largest), add(empty(2), 7_000, largest)]
  const top = empty(2)
  for (const half of halves) top.merge('middle', half.partial())
  t.deepEqual(top.partial(), sum.partial())
})

test('a sum that could leave its range is refused and changes nothing', (t) => {
  const sum = empty(2, 0)
  const delta = Float32Array.of(2 ** 50, 1)
  let added = 0
  const error = t.throws<CodedError>(
    () => {
      for (; added < 10; added++) sum.add({ end: `trainer-${added}`, delta, weight: 2 ** 20 })
    },
    { code: 'SUM_OVERFLOW', message: /trainer-3, whose weight is 1048576/ },
  )
  t.regex(error?.hint ?? '', /quantumBits, which is 0/)
  const expected = [3n * 2n ** 70n, 3n * 2n ** 20n]
  t.deepEqual(totals(sum.partial()), expected)
  t.throws(() => sum.merge('middle', sum.partial()), { code: 'SUM_OVERFLOW' })
  t.deepEqual(totals(sum.partial()), expected)
})

test('other sizes, samples and quanta are refused; reset begins anew', (t) => {
  const sum = empty(3)
  t.throws(() => sum.mean(), { code: 'SUM_EMPTY' })
  t.throws(() => sum.add({ end: 'a', delta: new Float32Array(2), weight: 1 }), { code: 'SUM_SIZE' })
  for (const weight of [0, -1, 1.5, Number.NaN, 2 ** 30]) {
    t.throws(() => sum.add({ end: 'a', delta: new Float32Array(3), weight }), { code: 'SUM_WEIGHT' })
  }
  t.throws(() => sum.merge('b', empty(3, 20).partial()), { code: 'SUM_QUANTUM' })
  sum.add({ end: 'a', delta: Float32Array.of(1, 2, 3), weight: 4 })
  sum.reset()
  sum.add({ end: 'a', delta: Float32Array.of(5, 6, 7), weight: 2 })
  t.deepEqual(sum.mean(), Float32Array.of(5, 6, 7))
})

test('real weights give the same bits in any order and tree, as exactly as whole ones', (t) => {
  const size = 3
  const weightBits = 20
  const update = fc.record({
    delta: anyDelta(size),
    weight: fc.double({ min: 0, max: 500, noNaN: true }).map((weight) => weightIn(weight, weightBits)),
    group: fc.nat(1),
  })
  fc.assert(
    fc.property(fc.array(update, { minLength: 1, maxLength: 8 }), (updates) => {
      const open = () => accumulator({ layout: layoutFor(size), weightBits })
      const flat = open()
      const parts = [open(), open()]
      for (const { group: _, ...one } of updates) flat.add({ end: 'flat', ...one })
      for (const { group, ...one } of updates.toReversed()) parts[group]?.add({ end: 'part', ...one })
      const top = open()
      for (const part of parts) if (part.updates > 0) top.merge('middle', part.partial())
      const expected = Array.from({ length: size }, (_, index) =>
        updates.reduce((total, { delta, weight }) => total + quanta(delta[index] ?? 0, weight, bits), 0n),
      )
      t.deepEqual(sumOf(flat.partial()), expected)
      t.deepEqual(top.partial(), flat.partial())
      if (flat.weight > 0) t.deepEqual(top.mean(), flat.mean())
      t.deepEqual(top.total(), flat.total())
    }),
  )
})

test('a client split in two counts as the whole, and all weights scaled by a power of two give the same mean', (t) => {
  const size = 4
  // Deltas on a grid of 2^-10, so that the quantum rounds no product.
  const delta = fc
    .array(fc.integer({ min: -100_000, max: 100_000 }), { minLength: size, maxLength: size })
    .map((values) => Float32Array.from(values, (value) => value / 1024))
  const updates = fc.array(fc.record({ delta, weight: fc.integer({ min: 2, max: 1000 }) }), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(updates, fc.nat(), fc.integer({ min: -8, max: 4 }), (all, cut, power) => {
      const open = () => accumulator({ layout: layoutFor(size), weightBits: 8 })
      const [whole, split, scaled] = [open(), open(), open()]
      for (const { delta, weight } of all) {
        const first = 1 + (cut % (weight - 1))
        whole.add({ end: 'whole', delta, weight })
        split.add({ end: 'first', delta, weight: first })
        split.add({ end: 'second', delta, weight: weight - first })
        scaled.add({ end: 'scaled', delta, weight: weight * 2 ** power })
      }
      t.deepEqual(sumOf(split.partial()), sumOf(whole.partial()))
      t.is(split.weight, whole.weight)
      t.deepEqual(split.mean(), whole.mean())
      t.is(scaled.weight, whole.weight * 2 ** power)
      t.deepEqual(scaled.mean(), whole.mean())
    }),
  )
})

test('real weights are rounded once, at their source, and refused off their grid or beyond it', (t) => {
  t.is(weightIn(1 / Math.sqrt(2), 10), 724 / 1024)
  t.is(weightIn(2 ** -12, 10), 0)
  for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 20]) {
    t.throws(() => weightIn(weight, 10), { code: 'SUM_WEIGHT' })
  }
  t.throws(() => weightIn(0.4, 0), { code: 'SUM_WEIGHT' })
  const sum = accumulator({ layout: layoutFor(2), weightBits: 10 })
  const delta = Float32Array.of(1, 2)
  for (const weight of [2 ** -11, -1, Number.NaN, 2 ** 20]) {
    t.throws(() => sum.add({ end: 'a', delta, weight }), { code: 'SUM_WEIGHT' })
  }
  sum.add({ end: 'a', delta, weight: 0 })
  t.throws(() => sum.mean(), { code: 'SUM_EMPTY' })
  sum.add({ end: 'b', delta, weight: 0.5 })
  t.deepEqual(sum.mean(), delta)
  t.deepEqual(sum.total(), Float32Array.of(0.5, 1))
})

test('weights that add up beyond exact numbers are refused and change nothing', (t) => {
  const sum = accumulator({ layout: layoutFor(2) })
  const large = { ...sum.partial(), weight: 2 ** 53 - 3, updates: 1 }
  sum.merge('middle', large)
  sum.add({ end: 'a', delta: Float32Array.of(1, 2), weight: 2 })
  const before = sum.partial()
  t.throws(() => sum.add({ end: 'b', delta: Float32Array.of(1, 2), weight: 1 }), { code: 'SUM_WEIGHT' })
  t.throws(() => sum.merge('middle', large), { code: 'SUM_WEIGHT' })
  t.deepEqual(sum.partial(), before)
})

test('updates that wait are added together to the same bits and refusals as one after another', (t) => {
  const size = 9
  const value = fc.oneof(
    { weight: 20, arbitrary: fc.float({ min: -2, max: 2, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, 2 ** 17, 100_000, 2 ** -35) },
  )
  const update = fc.record({
    end: fc.constantFrom('a', 'b'),
    delta: fc.array(value, { minLength: size, maxLength: size }).map((values) => Float32Array.from(values)),
    weight: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom(2 ** 20, 0.5)),
  })
  fc.assert(
    fc.property(fc.array(update, { maxLength: 11 }), fc.constantFrom(34, 0), (updates, quantumBits) => {
      const [together, single] = [empty(size, quantumBits), empty(size, quantumBits)]
      const refusals = together.addAll(updates)
      const expected = updates.map((one) => {
        try {
          return single.add(one)
        } catch (error) {
          return error instanceof Error ? error.message : error
        }
      })
      t.deepEqual(
        refusals.map((refusal) => refusal?.message),
        expected,
      )
      t.deepEqual(together.partial(), single.partial())
    }),
  )
})

test('updates over many blocks are added together, and one that is refused leaves no trace', (t) => {
  const size = 20_003
  const delta = (seed: number) => Float32Array.from({ length: size }, (_, index) => Math.sin(index * seed))
  const damaged = delta(9)
  damaged[size - 1] = Number.NaN
  const deltas = [delta(1), delta(2), damaged, delta(3), delta(4), delta(5), delta(6), delta(7)]
  const updates = deltas.map((delta, index) => ({ end: `trainer-${index}`, delta, weight: index + 1 }))
  const [together, single] = [empty(size), empty(size)]
  const refusals = together.addAll(updates)
  t.deepEqual(
    refusals.map((refusal) => refusal?.code),
    [undefined, undefined, 'SUM_VALUE', ...Array.from({ length: 5 }, () => undefined)],
  )
  for (const update of updates) if (update.delta !== damaged) single.add(update)
  t.deepEqual(together.partial(), single.partial())
})

test('updates that wait for a sum near its limit are counted as far as it goes', (t) => {
  const delta = Float32Array.of(2 ** 50, 1)
  const updates = Array.from({ length: 6 }, () => ({ end: 'a', delta, weight: 2 ** 20 }))
  const sum = empty(2, 0)
  t.deepEqual(
    sum.addAll(updates).map((refusal) => refusal?.code),
    [undefined, undefined, undefined, 'SUM_OVERFLOW', 'SUM_OVERFLOW', 'SUM_OVERFLOW'],
  )
  t.is(sum.updates, 3)
})

test('a share of a sum is each of its integers times the share, rounded once, half-way up, and of its weight', (t) => {
  fc.assert(
    fc.property(
      fc.array(anyDelta(11), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 0, max: 2 ** 24 }),
      fc.constantFrom(24, 29, 33, 40),
      fc.integer({ min: 1, max: 2 ** 28 }),
      (deltas, factor, weightBits, scale) => {
        const options = { layout: layoutFor(11), weightBits }
        const part = accumulator(options)
        for (const [index, delta] of deltas.entries())
          part.add({ end: `${index}`, delta, weight: scale * 2 ** -weightBits })
        const given = part.partial()
        const share = factor * 2 ** -weightBits
        const whole = accumulator(options)
        whole.merge('a', given, share)
        const found = whole.partial()
        const [half, shift] = [1n << BigInt(weightBits - 1), BigInt(weightBits)]
        t.deepEqual(
          sumOf(found),
          sumOf(given).map((integer) => (integer * BigInt(factor) + half) >> shift),
        )
        t.is(found.updates, deltas.length)
        t.is(found.weight, Math.round(given.weight * share * 2 ** weightBits) * 2 ** -weightBits)
      },
    ),
  )
})

test('a share of a sum beyond the range of 64 bits is rounded once, too', (t) => {
  const options = { layout: layoutFor(3), weightBits: 24 }
  const part = accumulator(options)
  for (let update = 0; update < 20; update++)
    part.add({ end: 'a', delta: Float32Array.of(100_000, -90_000.5, 1 / 3), weight: 32 })
  const given = part.partial()
  t.truthy(given.high)
  const factor = 11_863_283
  const whole = accumulator(options)
  whole.merge('a', given, factor * 2 ** -24)
  const integersOf = ({ sum, high }: PartialSum) => [...sum].map((low, index) => low + ((high?.[index] ?? 0n) << 20n))
  t.deepEqual(
    integersOf(whole.partial()),
    integersOf(given).map((integer) => (integer * BigInt(factor) + (1n << 23n)) >> 24n),
  )
})

test('shares add up in any order to the same bits, and a share of 1 changes nothing', (t) => {
  const options = { layout: layoutFor(4), weightBits: 24 }
  const parts = [0.3, 0.7, -0.9].map((value, index) => {
    const part = accumulator(options)
    part.add({ end: `${index}`, delta: new Float32Array(4).fill(value), weight: 1 })
    return part.partial()
  })
  const merged = (order: readonly number[]) => {
    const whole = accumulator(options)
    for (const index of order) whole.merge(`${index}`, parts[index]!, [1, weightIn(Math.SQRT1_2, 24), 0.5][index])
    return whole.partial()
  }
  t.deepEqual(merged([2, 0, 1]), merged([0, 1, 2]))
  const plain = accumulator(options)
  plain.merge('a', parts[0]!)
  t.deepEqual(merged([0]), plain.partial())
})

test('a share off the grid, or above 1, is refused', (t) => {
  const part = accumulator({ layout: layoutFor(2), weightBits: 24 }).partial()
  const whole = accumulator({ layout: layoutFor(2), weightBits: 24 })
  for (const share of [1.5, 2 ** -25, Number.NaN, -0.5])
    t.throws(() => whole.merge('a', part, share), { code: 'SUM_WEIGHT' })
  const counted = accumulator({ layout: layoutFor(2) })
  t.throws(() => counted.merge('a', counted.partial(), 0.5), { code: 'SUM_WEIGHT' })
})
