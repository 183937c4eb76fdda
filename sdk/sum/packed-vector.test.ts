import test from 'ava'
import fc from 'fast-check'
import { CodedError } from '../../runtime/index.ts'
import { layoutOf } from '../weights/layout.ts'
import { namedSums } from './named-sums.ts'
import { bytesOf, isPackedVector, type Levels, type PackedVector, packed, unpacked, valuesOf } from './packed-vector.ts'

const anyVector = fc
  .tuple(
    fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 300 }),
    fc.integer({ min: 0, max: 40 }),
  )
  .map(([values, every]) => Float32Array.from(values, (value, i) => (every > 0 && i % every !== 0 ? 0 : value)))

const anyLevels = fc
  .record({
    most: fc.constantFrom(1, 2, 3, 15, 255, 40_000, 2 ** 23),
    bucket: fc.integer({ min: 1, max: 64 }),
    isNamed: fc.boolean(),
    divisor: fc.integer({ min: 1, max: 255 }),
    numbers: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 300 }),
    zeros: fc.boolean(),
  })
  .map(({ most, bucket, isNamed, divisor, numbers, zeros }): Levels => {
    const level = (number: number) => Math.round(number * most) || (zeros ? 0 : 1)
    const scales = Float64Array.from({ length: Math.ceil(numbers.length / bucket) }, (_, i) => 0.1 + i / 3)
    const ends = Uint32Array.from(scales, (_, i) => Math.min(numbers.length, (i + 1) * bucket))
    return { levels: Int32Array.from(numbers, level), scales, bucket: isNamed ? ends : bucket, divisor }
  })

/** The bits of values, without the sign of 0. */
const bits = (values: Float32Array) => [...new Uint32Array(values.map((value) => value + 0).buffer)]
const opened = (vector: Float32Array | PackedVector) =>
  vector instanceof Float32Array ? vector : unpacked(vector, 'trainer-1')

test('a packed vector has the same bits again, and takes no more bytes than before', (t) => {
  fc.assert(
    fc.property(anyVector, (vector) => {
      const sent = packed(vector)
      t.deepEqual(bits(opened(sent)), bits(vector))
      t.true(bytesOf(sent) <= vector.byteLength)
    }),
  )
  fc.assert(
    fc.property(anyLevels, (levels) => {
      const vector = valuesOf(levels)
      const sent = packed(vector, levels)
      t.deepEqual(bits(opened(sent)), bits(vector))
      t.true(bytesOf(sent) <= vector.byteLength)
    }),
  )
})

test('zeros take a bit, or nothing beside few values; levels take as many bits as they need', (t) => {
  const size = 3200
  const vector = (every: number) => Float32Array.from({ length: size }, (_, i) => (i % every === 0 ? i + 1 : 0))
  t.is(bytesOf(packed(vector(1))), 4 * size)
  t.is(bytesOf(packed(vector(4))), size / 8 + (4 * size) / 4)
  t.is(bytesOf(packed(vector(100))), (8 * size) / 100)
  const steps = (most: number) => ({
    levels: Int32Array.from({ length: size }, (_, i) => (i % 2 === 0 ? most : -1)),
    ...{ scales: Float64Array.of(0.5), bucket: size, divisor: most },
  })
  for (const [most, each] of [
    [1, 1],
    [2, 2],
    [4, 3],
    [5, 4],
    [15, 5],
  ] as const)
    t.is(bytesOf(packed(valuesOf(steps(most)), steps(most))), (each * size) / 8 + 8)
})

test('values that are no numbers stay, so that the sum refuses them', (t) => {
  const levels = { levels: Int32Array.of(0, 1), scales: Float64Array.of(Number.NaN), bucket: 2, divisor: 1 }
  t.true(opened(packed(valuesOf(levels), levels)).every(Number.isNaN))
})

const sparse = (): PackedVector => ({ size: 99, positions: Uint32Array.of(3, 4, 98), values: Float32Array.of(1, 2, 3) })
const inBits = (): PackedVector => ({ size: 9, positions: Uint8Array.of(5, 1), values: Float32Array.of(1, 2, 3) })
const inSteps = (): PackedVector => ({
  size: 4,
  values: { most: 3, divisor: 3, bucket: 2, scales: Float64Array.of(1, 2), codes: Uint8Array.of(0b01_000_101, 0b0010) },
})
const steps = (change: object): PackedVector => {
  const { values, ...rest } = inSteps()
  return { ...rest, values: { ...values, ...change } as typeof values }
}

test('false content is refused with its fault, and changes no sum', (t) => {
  const sumOf = (size: number) => namedSums({ layout: layoutOf([{ name: 'w', shape: [size] }]), name: 'sum' })
  for (const fair of [sparse(), inBits(), inSteps()]) {
    const sums = sumOf(fair.size)
    sums.add({ end: 'trainer-1', vectors: { delta: fair }, weight: 1 })
    t.deepEqual(sums.total(), unpacked(fair, 'trainer-1'))
  }
  const refused: readonly (readonly [PackedVector, RegExp])[] = [
    [{ ...sparse(), positions: Uint32Array.of(3, 4, 99) }, /index 99/],
    [{ ...sparse(), positions: Uint32Array.of(3, 3, 98) }, /index 3/],
    [{ ...sparse(), positions: Uint32Array.of(4, 3, 98) }, /index 3/],
    [{ ...sparse(), positions: Uint32Array.of(3, 98) }, /3 values for 2 positions/],
    [{ ...sparse(), values: Float32Array.of(1) }, /1 values for 3 positions/],
    [{ size: 9, values: Float32Array.of(1, 2) }, /2 values for 9 positions/],
    [{ ...inBits(), positions: Uint8Array.of(5) }, /1 bytes of positions/],
    [{ ...inBits(), positions: Uint8Array.of(5, 2) }, /position that is not below 9/],
    [{ ...inBits(), positions: Uint8Array.of(7, 1) }, /3 values for 4 positions/],
    [steps({ codes: Uint8Array.of(0) }), /1 bytes of codes/],
    [steps({ codes: Uint8Array.of(0xff, 0xff) }), /code 7/],
    [steps({ scales: Float64Array.of(1) }), /1 scales for 2 buckets/],
    [steps({ bucket: 0 }), /levels of no size/],
    [steps({ bucket: new Uint32Array() }), /buckets that end at undefined/],
    [steps({ bucket: Uint32Array.of(1, 3) }), /buckets that end at 3/],
    [steps({ bucket: Uint32Array.of(4, 4) }), /buckets that end at 4/],
    [steps({ most: 0 }), /levels of no size/],
    [steps({ most: 2 ** 31 }), /levels of no size/],
    [steps({ divisor: 0 }), /levels of no size/],
  ]
  for (const [delta, message] of refused) {
    const sums = sumOf(delta.size)
    t.throws(() => sums.add({ end: 'trainer-1', vectors: { delta }, weight: 1 }), { code: 'SUM_ENCODING', message })
    const [refusal] = sums.addAll([{ end: 'trainer-1', vectors: { delta }, weight: 1 }])
    t.is(refusal?.code, 'SUM_ENCODING')
    t.is(sums.updates, 0)
    t.true(sums.total().every((value) => value === 0))
  }
  const other = sumOf(5)
  t.throws(() => other.add({ end: 'a', vectors: { delta: { ...sparse(), size: 2 ** 50 } }, weight: 1 }), {
    code: 'SUM_SIZE',
  })
  const nan = sumOf(4)
  t.throws(
    () => nan.add({ end: 'a', vectors: { delta: steps({ scales: Float64Array.of(1, Number.NaN) }) }, weight: 1 }),
    {
      code: 'SUM_VALUE',
    },
  )
})

test('whatever has the shape of a packed vector is read, or refused with a code', (t) => {
  const number = fc.oneof(fc.nat(40), fc.constantFrom(2 ** 23, 2 ** 24, 2 ** 32, 2 ** 50))
  const bytes = fc.uint8Array({ maxLength: 12 })
  const values = fc.oneof(
    fc.float32Array({ maxLength: 12 }),
    fc.record({
      ...{ most: number, divisor: fc.double(), bucket: number },
      ...{ scales: fc.float64Array({ maxLength: 9 }), codes: bytes },
    }),
  )
  const positions = fc.option(fc.oneof(bytes, fc.uint32Array({ maxLength: 12 })), { nil: undefined })
  fc.assert(
    fc.property(fc.record({ size: fc.nat(40), positions, values }), ({ positions, ...rest }) => {
      const vector = { ...rest, ...(positions && { positions }) }
      if (!isPackedVector(vector)) return
      try {
        t.is(unpacked(vector, 'trainer-1', vector.size).length, vector.size)
      } catch (error) {
        t.true(error instanceof CodedError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
  for (const value of [null, [], {}, { size: -1, values: new Float32Array() }, { size: 1, values: [1] }])
    t.false(isPackedVector(value))
})
