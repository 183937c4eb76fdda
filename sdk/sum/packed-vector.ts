import { fieldsOf, isCount, isMissingOr, isNumber } from '../../runtime/index.ts'
import { sumError } from './errors.ts'

/** A vector in steps: value i is the scale of its bucket · (levels[i] / divisor), rounded to float32. */
export interface Levels {
  /** Whole numbers of either sign, at most `mostLevel` in magnitude. */
  readonly levels: Int32Array
  readonly scales: Float64Array
  /** Number of values that share a scale, or for each scale the index after its last value. */
  readonly bucket: number | Uint32Array
  readonly divisor: number
}

/** Greatest magnitude of a level. */
export const mostLevel = 2 ** 23

/** A vector in the form in which it travels: its values that aren't 0, and their positions. */
export interface PackedVector {
  /** Number of all values. */
  readonly size: number
  /** Of the values that aren't 0: a bit for each value, or indices in rising order. Absent: no value is 0. */
  readonly positions?: Uint8Array | Uint32Array
  /** The values that aren't 0, in their order: as they are, or the codes of their levels. */
  readonly values: Float32Array | PackedLevels
}

interface PackedLevels extends Omit<Levels, 'levels'> {
  /** Greatest magnitude of the levels. */
  readonly most: number
  /** A number from 0 to 2·most − 1 for each level that isn't 0, in as few bits as these take, lowest bits first. */
  readonly codes: Uint8Array
}

/** The values of levels. */
export function valuesOf({ levels, scales, bucket, divisor }: Levels): Float32Array {
  const values = new Float32Array(levels.length)
  const scaleOf = scalesInOrder(scales, bucket)
  for (let i = 0; i < levels.length; i++) values[i] = scaleOf(i) * (levels[i]! / divisor)
  return values
}

/** The scale of a value. Called with rising indices. */
function scalesInOrder(scales: Float64Array, bucket: number | Uint32Array): (index: number) => number {
  if (typeof bucket === 'number') return (index) => scales[Math.floor(index / bucket)]!
  let place = 0
  return (index) => {
    while (index >= bucket[place]!) place += 1
    return scales[place]!
  }
}

/**
 * The shortest form of a vector: packed, or the vector itself. `levels`, if there are any, have the vector's values. The
 * values of `unpacked` are the same, but for the sign of 0.
 */
export function packed(vector: Float32Array, levels?: Levels): Float32Array | PackedVector {
  const inSteps = levels && packedLevels(levels)
  const size = vector.length
  const whole = inSteps ?? { size, ...nonZero(vector, Float32Array) }
  return bytesOf(whole) < bytesOf(vector) ? whole : vector
}

/** Bytes of the values of a vector that travels. */
export function bytesOf(vector: Float32Array | PackedVector): number {
  if (vector instanceof Float32Array) return vector.byteLength
  const { positions, values } = vector
  const ofValues =
    values instanceof Float32Array
      ? values.byteLength
      : values.codes.byteLength +
        values.scales.byteLength +
        (values.bucket instanceof Uint32Array ? values.bucket.byteLength : 0)
  return (positions?.byteLength ?? 0) + ofValues
}

/** Undefined where a level can't be told by a code. */
function packedLevels({ levels, ...steps }: Levels): PackedVector | undefined {
  const { positions, values } = nonZero(levels, Int32Array)
  const most = values.reduce((most, level) => Math.max(most, Math.abs(level)), 0)
  // A level of 0 isn't sent, and times a scale that isn't finite it would be no number.
  if (most === 0 || most > mostLevel || !steps.scales.every(Number.isFinite)) return undefined
  const bits = bitsFor(most)
  const codes = new Uint8Array(Math.ceil((values.length * bits) / 8))
  let [byte, held, waiting] = [0, 0, 0]
  for (const level of values) {
    held |= (level < 0 ? most + level : most + level - 1) << waiting
    for (waiting += bits; waiting >= 8; waiting -= 8) {
      codes[byte++] = held & 0xff
      held >>>= 8
    }
  }
  if (waiting > 0) codes[byte] = held
  return { size: levels.length, ...(positions && { positions }), values: { ...steps, most, codes } }
}

/** The values that aren't 0, and the shorter form of their positions. */
function nonZero<Values extends Float32Array | Int32Array>(
  vector: Values,
  Made: new (count: number) => Values,
): { readonly positions?: Uint8Array | Uint32Array; readonly values: Values } {
  let count = 0
  for (let i = 0; i < vector.length; i++) if (vector[i] !== 0) count += 1
  if (count === vector.length) return { values: vector }
  const values = new Made(count)
  const isSparse = 32 * count < vector.length
  const positions = isSparse ? new Uint32Array(count) : new Uint8Array(Math.ceil(vector.length / 8))
  let next = 0
  for (let i = 0; i < vector.length; i++) {
    if (vector[i] === 0) continue
    values[next] = vector[i]!
    if (isSparse) positions[next] = i
    else positions[i >> 3]! |= 1 << (i & 7)
    next += 1
  }
  return { positions, values }
}

function bitsFor(most: number): number {
  return Math.max(1, 32 - Math.clz32(2 * most - 1))
}

/** Whether an untrusted value has the shape of a packed vector. `unpacked` checks the content. */
export function isPackedVector(value: unknown): value is PackedVector {
  const { size, positions, values } = fieldsOf(value)
  return isCount(size) && isMissingOr(positions, arePositions) && (values instanceof Float32Array || areLevels(values))
}

function arePositions(value: unknown): value is Uint8Array | Uint32Array {
  return value instanceof Uint8Array || value instanceof Uint32Array
}

function areLevels(value: unknown): value is PackedLevels {
  const { most, divisor, bucket, scales, codes } = fieldsOf(value)
  return (
    isCount(most) &&
    (isCount(bucket) || bucket instanceof Uint32Array) &&
    isNumber(divisor) &&
    scales instanceof Float64Array &&
    codes instanceof Uint8Array
  )
}

/**
 * The values of a packed vector of unknown origin.
 *
 * @param end names the sender in errors.
 * @throws SUM_SIZE where the model has another number of values, SUM_ENCODING for content that `packed` doesn't make.
 */
export function unpacked({ size, positions, values }: PackedVector, end: string, expected = size): Float32Array {
  if (size !== expected) throw sumError('SUM_SIZE', { end, came: size, expected })
  const places = positions && placesOf(positions, size, end)
  const count = places?.length ?? size
  const whole = new Float32Array(size)
  if (values instanceof Float32Array) {
    requireThat(values.length === count, end, `${values.length} values for ${count} positions`)
    for (let i = 0; i < count; i++) whole[places?.[i] ?? i] = values[i]!
    return whole
  }
  const { most, divisor, bucket, scales, codes } = values
  requireThat(most >= 1 && most <= mostLevel && divisor >= 1, end, 'levels of no size')
  const buckets = bucketsOf(bucket, size, end)
  requireThat(scales.length === buckets, end, `${scales.length} scales for ${buckets} buckets`)
  const bits = bitsFor(most)
  const bytes = Math.ceil((count * bits) / 8)
  requireThat(codes.length === bytes, end, `${codes.length} bytes of codes, where ${count} codes take ${bytes}`)
  const scaleOf = scalesInOrder(scales, bucket)
  let [byte, held, waiting] = [0, 0, 0]
  for (let i = 0; i < count; i++) {
    for (; waiting < bits; waiting += 8) held |= codes[byte++]! << waiting
    const code = held & (2 ** bits - 1)
    held >>>= bits
    waiting -= bits
    requireThat(code < 2 * most, end, `a code ${code}, where the greatest is ${2 * most - 1}`)
    const place = places?.[i] ?? i
    const level = code < most ? code - most : code - most + 1
    whole[place] = scaleOf(place) * (level / divisor)
  }
  return whole
}

/** Number of the buckets of so many values. */
function bucketsOf(bucket: number | Uint32Array, size: number, end: string): number {
  if (typeof bucket === 'number') {
    requireThat(bucket >= 1, end, 'levels of no size')
    return Math.ceil(size / bucket)
  }
  const isRising = bucket.every((last, index) => last > (bucket[index - 1] ?? 0))
  requireThat(
    isRising && bucket.at(-1) === size,
    end,
    `buckets that end at ${bucket.at(-1)}, where there are ${size} values`,
  )
  return bucket.length
}

function placesOf(positions: Uint8Array | Uint32Array, size: number, end: string): Uint32Array {
  if (positions instanceof Uint32Array) {
    const wrong = positions.findIndex((place, index) => place >= size || (index > 0 && place <= positions[index - 1]!))
    requireThat(wrong < 0, end, `the index ${positions[wrong]}, which is no rising one below ${size}`)
    return positions
  }
  const bytes = Math.ceil(size / 8)
  requireThat(
    positions.length === bytes,
    end,
    `${positions.length} bytes of positions, where ${size} bits take ${bytes}`,
  )
  const places = new Uint32Array(size)
  let count = 0
  for (let i = 0; i < 8 * bytes; i++) if ((positions[i >> 3]! >> (i & 7)) & 1) places[count++] = i
  requireThat(count === 0 || places[count - 1]! < size, end, `a position that is not below ${size}`)
  return places.subarray(0, count)
}

/** @throws SUM_ENCODING */
function requireThat(holds: boolean, end: string, fault: string): void {
  if (!holds) throw sumError('SUM_ENCODING', { end, fault })
}
