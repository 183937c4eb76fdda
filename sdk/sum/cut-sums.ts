import { joined } from '../weights/joined.ts'
import type { PartialSum } from './accumulator.ts'
import { sumError } from './errors.ts'
import { integerOf, wordsOf } from './exact-sums.ts'

/** Partial sums of named vectors, or of the same part of each. */
export type CutSums = Readonly<Record<string, PartialSum>>

/** The integers of a sum with a further summand beyond its range are carried as `WasmAccumulator` carries them. */
const highBits = 20n
const mostBound = 2n ** 62n

/** Number of values of each vector. */
export function sizeOfSums(sums: CutSums): number {
  return Math.max(0, ...Object.values(sums).map(({ sum }) => sum.length))
}

/** Cuts each vector into this number of parts, whose sizes differ by at most 1. Some are empty if values are few. */
export function cutSums(sums: CutSums, count: number): CutSums[] {
  const size = sizeOfSums(sums)
  const start = (part: number) => Math.floor((part * size) / count)
  return Array.from({ length: count }, (_, part) =>
    mapped(sums, (whole) => ({
      ...whole,
      sum: whole.sum.slice(start(part), start(part + 1)),
      ...(whole.high && { high: whole.high.slice(start(part), start(part + 1)) }),
    })),
  )
}

/** Puts the parts of sums together again, in their order. */
export function joinedSums(parts: readonly CutSums[]): CutSums {
  const [first = {}] = parts
  return mapped(first, (known, name) => {
    const pieces = parts.map((part) => part[name] ?? known)
    const isHigh = pieces.some(({ high }) => high)
    const even = isHigh ? pieces.map(carried) : pieces
    return {
      ...known,
      sum: concatenated(even.map(({ sum }) => sum)),
      ...(isHigh && { high: concatenated(even.map(({ high = new BigInt64Array() }) => high)) }),
    }
  })
}

/**
 * Adds two partial sums exactly, with the result that an accumulator has that merges both.
 *
 * @param end names the sender of the second one in errors.
 * @throws SUM_VECTORS, SUM_SIZE, SUM_QUANTUM where they aren't sums of the same part of the same vectors.
 */
export function addedSums(first: CutSums, end: string, second: CutSums): CutSums {
  const [names, came] = [Object.keys(first), Object.keys(second)]
  return mapped(first, (one, name) => {
    const other = second[name]
    if (!other || came.length !== names.length)
      throw sumError('SUM_VECTORS', { end, came: came.join(', ') || 'none', expected: names.join(', ') })
    return added(one, end, other)
  })
}

function added(one: PartialSum, end: string, other: PartialSum): PartialSum {
  for (const { length } of [other.sum, other.high ?? other.sum])
    if (length !== one.sum.length) throw sumError('SUM_SIZE', { end, came: length, expected: one.sum.length })
  const { quantumBits } = one
  if (other.quantumBits !== quantumBits)
    throw sumError('SUM_QUANTUM', { end, came: other.quantumBits, expected: quantumBits })
  const bound = integerOf(one.bound) + integerOf(other.bound)
  const sum = plus(one.sum, other.sum)
  const high = one.high && other.high ? plus(one.high, other.high) : (one.high ?? other.high)
  const whole = {
    quantumBits,
    sum,
    ...(high && { high }),
    bound: wordsOf(bound),
    weight: one.weight + other.weight,
    updates: one.updates + other.updates,
  }
  return high || bound >= mostBound ? carried(whole) : whole
}

/** Carries from the low to the high integers, so that each low integer is at most half a high quantum. */
function carried(partial: PartialSum): PartialSum {
  const sum = partial.sum.slice()
  const high = partial.high?.slice() ?? new BigInt64Array(sum.length)
  const half = 1n << (highBits - 1n)
  for (let index = 0; index < sum.length; index++) {
    const integer = sum[index] ?? 0n
    const carry = (integer + half) >> highBits
    sum[index] = integer - (carry << highBits)
    high[index] = (high[index] ?? 0n) + carry
  }
  return { ...partial, sum, high }
}

function plus(one: BigInt64Array, other: BigInt64Array): BigInt64Array {
  const sum = new BigInt64Array(one.length)
  for (let index = 0; index < sum.length; index++) sum[index] = (one[index] ?? 0n) + (other[index] ?? 0n)
  return sum
}

function concatenated(arrays: readonly BigInt64Array[]): BigInt64Array {
  return joined(arrays, (length) => new BigInt64Array(length))
}

function mapped(sums: CutSums, change: (sum: PartialSum, name: string) => PartialSum): CutSums {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, change(sum, name)] as const))
}
