import test from 'ava'
import fc from 'fast-check'
import { decode, encode } from '../../runtime/index.ts'
import { layoutOf } from '../weights/layout.ts'
import { type DeltaHolder, HeldDelta, type Quanta, type SumName } from './accumulator.ts'
import { refusalOf } from './errors.ts'
import { isPartialSums, type NamedSums, namedSums, type WeightedVectors } from './named-sums.ts'
import { peakOf } from './vector-passes.ts'
import { accumulator } from './wasm-accumulator.ts'

const size = 3
const layout = layoutOf([{ name: 'all', shape: [size] }])
const vectors = { delta: { quantumBits: 34 }, control: { quantumBits: 20 } }
const open = () => namedSums({ layout, vectors, weightBits: 10, name: 'test' })

const anyVector = fc
  .array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: size, maxLength: size })
  .map((values) => Float32Array.from(values))
const anyScalar = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 })
const anyContribution = fc.record({
  end: fc.constantFrom('a', 'b'),
  vectors: fc.record({ delta: anyVector, control: anyVector }),
  scalars: fc.record({ loss: anyScalar, bit: fc.constantFrom(0, 1) }),
  weight: fc.integer({ min: 1, max: 100_000 }).map((quanta) => quanta / 1024),
})
const all = ({ partial, mean, total, scalars, weight, updates }: NamedSums) => ({
  partial: partial(),
  means: [mean(), mean('control')],
  totals: [total(), total('control')],
  scalars: scalars(),
  weight,
  updates,
})

test('named sums have the same bits in any order and through any tree, each as a sum of its own', (t) => {
  const given = fc.array(fc.tuple(anyContribution, fc.nat(2)), { minLength: 1, maxLength: 7 })
  fc.assert(
    fc.property(given, (contributions) => {
      const flat = open()
      const alone = accumulator({ layout, quantumBits: 20, weightBits: 10 })
      for (const [one] of contributions) {
        flat.add(one)
        alone.add({ end: one.end, delta: one.vectors.control, weight: one.weight })
      }
      const parts = [open(), open(), open()]
      for (const [one, part] of contributions.toReversed()) parts[part]?.add(one)
      const top = open()
      for (const part of parts) {
        const travelled: unknown = decode(encode(part.partial()))
        t.true(isPartialSums(travelled))
        if (isPartialSums(travelled) && part.updates > 0) top.merge('middle', travelled)
      }
      t.deepEqual(all(top), all(flat))
      t.deepEqual(flat.partial().vectors.control, alone.partial())
      t.is(flat.scalars().bit, contributions.filter(([{ scalars }]) => scalars.bit === 1).length)
    }),
  )
})

test('sums of scalars are exact, whatever their sizes, and rounded once to the nearest double', (t) => {
  const sums = open()
  const zero = { delta: new Float32Array(size), control: new Float32Array(size) }
  for (const scalar of [1e300, 1, -1e300, 2 ** -1074, 2 ** -60]) {
    sums.add({ end: 'a', vectors: zero, scalars: { scalar }, weight: 1 })
  }
  t.deepEqual(sums.scalars(), { scalar: 1 })
  sums.add({ end: 'a', vectors: zero, scalars: { scalar: 2 ** -53 }, weight: 1 })
  // Half-way to the next double, except for the smallest part.
  t.deepEqual(sums.scalars(), { scalar: 1 + 2 ** -52 })
})

test('a contribution of which one vector or scalar is refused changes no sum', (t) => {
  const delta = Float32Array.of(1, 2, 3)
  const control = Float32Array.of(4, 5, 6)
  const good: WeightedVectors = {
    end: 'a',
    vectors: { delta, control },
    scalars: { loss: 1 },
    weight: 2,
  }
  const sums = open()
  sums.add(good)
  const before = all(sums)
  const bad = Float32Array.of(1, Number.NaN, 0)
  const refused: readonly (readonly [string, Partial<WeightedVectors>])[] = [
    ['SUM_VALUE', { vectors: { delta, control: bad } }],
    ['SUM_VALUE', { vectors: { delta: bad, control } }],
    ['SUM_SIZE', { vectors: { delta, control: new Float32Array(2) } }],
    ['SUM_VECTORS', { vectors: { delta } }],
    ['SUM_VECTORS', { vectors: { delta, control, other: delta } }],
    ['SUM_SCALAR', { scalars: { loss: Number.POSITIVE_INFINITY } }],
    ['SUM_WEIGHT', { weight: 2 ** -11 }],
  ]
  for (const [code, change] of refused) {
    t.throws(() => sums.add({ ...good, ...change }), { code })
    t.deepEqual(all(sums), before)
  }
  const other = namedSums({ layout, name: 'other' })
  t.throws(() => sums.merge('middle', other.partial()), { code: 'SUM_VECTORS' })
  t.throws(() => sums.mean('other'), { code: 'SUM_VECTORS' })
  t.deepEqual(all(sums), before)
})

/** Keeps vectors, and sums them by name. */
function keeper() {
  const sums = new Map<string, ReturnType<typeof accumulator>>()
  const holder: DeltaHolder = {
    async collect({ name }) {
      const sum = sums.get(name)
      if (sum) return sum.partial()
      throw new RangeError(name)
    },
  }
  return class extends HeldDelta {
    readonly length = size
    readonly holder = holder
    readonly peak
    readonly #delta: Float32Array
    constructor(delta: Float32Array) {
      super()
      this.#delta = delta
      this.peak = peakOf(delta)
    }
    protected addThere({ name }: SumName, weight: number, quanta: Quanta): void {
      const sum = sums.get(name) ?? accumulator({ layout, ...quanta })
      sums.set(name, sum)
      sum.add({ end: 'kept', delta: this.#delta, weight })
    }
    protected async takeThere(): Promise<Float32Array> {
      return this.#delta
    }
  }
}

test('named vectors that stay with a holder are summed there, each under its name', async (t) => {
  const Kept = keeper()
  const contributions = [
    { end: 'a', vectors: { delta: Float32Array.of(1, 2, 3), control: Float32Array.of(9, 8, 7) }, weight: 0.25 },
    { end: 'b', vectors: { delta: Float32Array.of(4, 5, 6), control: Float32Array.of(-1, 0, 1) }, weight: 3 },
  ]
  const [flat, held] = [open(), open()]
  for (const { end, vectors, weight } of contributions) {
    flat.add({ end, vectors, weight })
    held.add({ end, vectors: { delta: new Kept(vectors.delta), control: new Kept(vectors.control) }, weight })
  }
  t.throws(() => held.partial(), { code: 'SUM_UNSETTLED' })
  await held.settle()
  t.deepEqual(all(held), all(flat))
})

test('a held delta can be added once or taken once, and a sum that is given one again stays as it was', async (t) => {
  const Kept = keeper()
  const values = Float32Array.of(1, 2, 3)
  const taken = new Kept(values)
  t.is(await taken.take(), values)
  await t.throwsAsync(taken.take(), { code: 'SUM_GONE' })
  const sums = open()
  const refuse = (delta: HeldDelta, control: HeldDelta) =>
    t.throws(() => sums.add({ end: 'a', vectors: { delta, control }, weight: 1 }), { code: 'SUM_GONE' })
  const [one, other] = [new Kept(values), new Kept(values)]
  refuse(one, taken)
  refuse(taken, one)
  refuse(one, one)
  t.is(sums.updates, 0)
  sums.add({ end: 'a', vectors: { delta: one, control: other }, weight: 1 })
  await t.throwsAsync(one.take(), { code: 'SUM_GONE' })
  refuse(one, other)
  await sums.settle()
  t.deepEqual(sums.mean(), values)
})

test('contributions that wait are added together as one after another, with their refusals', (t) => {
  const value = fc.constantFrom(1, -2, 0.5, Number.NaN)
  const contribution = (names: readonly string[]) =>
    fc.record({
      end: fc.constantFrom('a', 'b'),
      vectors: fc.tuple(value, value, value).map((values) => {
        return Object.fromEntries(names.map((name) => [name, Float32Array.from(values)]))
      }),
      scalars: fc.record({ loss: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY) }),
      weight: fc.constantFrom(1, 2, 0.25),
    })
  for (const names of [['delta'], ['delta', 'control']]) {
    const quanta = Object.fromEntries(names.map((name) => [name, { quantumBits: 30 }]))
    fc.assert(
      fc.property(fc.array(contribution(names), { maxLength: 9 }), (contributions) => {
        const [together, single] = ['together', 'single'].map((name) => namedSums({ layout, vectors: quanta, name }))
        const codes = together?.addAll(contributions).map((refusal) => refusal?.code)
        const expected = contributions.map((one) => refusalOf(() => single?.add(one))?.code)
        t.deepEqual(codes, expected)
        t.deepEqual(together?.partial(), single?.partial())
      }),
    )
  }
})
