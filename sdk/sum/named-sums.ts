import type { CodedError } from '../../runtime/index.ts'
import { isRecord } from '../../runtime/index.ts'
import type { Layout } from '../weights/layout.ts'
import { HeldDelta, type PartialSum, type SentVector, type WeightedDelta } from './accumulator.ts'
import { refusalOf, sumError } from './errors.ts'
import { isScalarPartial, isWords, type ScalarPartial, scalarSum } from './exact-sums.ts'
import { unpacked } from './packed-vector.ts'
import { type Track, WasmAccumulator } from './wasm-accumulator.ts'

/** The quantum of each named vector that is summed, including `delta`. */
export type VectorQuanta = Readonly<Record<string, { readonly quantumBits: number }>>

/** A client's contribution to named sums. */
export interface WeightedVectors {
  /** Names the sender in errors. */
  readonly end: string
  /** One for each name of the sums. */
  readonly vectors: Readonly<Record<string, SentVector>>
  /** Added without a weight: a client that weighs a scalar does so itself, in one rounding. */
  readonly scalars?: Readonly<Record<string, number>>
  /** A multiple of the sums' 2^−weightBits: see `WeightedDelta`. */
  readonly weight: number
}

/** Named sums that can be sent and merged through any tree. */
export interface PartialSums {
  readonly vectors: Readonly<Record<string, PartialSum>>
  readonly scalars: ScalarPartial
}

/**
 * One reproducible sum for each named vector, all over the same contributions with the same weights, and exact sums of
 * their scalars. The same set of contributions gives the same bits in any order and through any tree of merges.
 */
export interface NamedSums {
  /** Σ weight, exact. */
  readonly weight: number
  readonly updates: number
  /**
   * Adds weight·vector to each sum, and the scalars to theirs. Refuses without a change: vectors other than those of
   * the sums (SUM_VECTORS), a packed vector of false content (SUM_ENCODING), a scalar that isn't finite (SUM_SCALAR),
   * and as `Accumulator.add` does.
   */
  add(contribution: WeightedVectors): void
  /**
   * Adds several contributions with the result of single `add` calls, in fewer passes over memory where they have one
   * vector each. Returns for each contribution the error that refused it, or undefined.
   */
  addAll(contributions: readonly WeightedVectors[]): readonly (CodedError | undefined)[]
  /** Adds the sums of `end`, or a share of the vectors' sums. Refuses as `add` and `Accumulator.merge` do. */
  merge(end: string, partial: PartialSums, weight?: number): void
  /** As `Accumulator.settle`. */
  settle(): Promise<void>
  /** As `Accumulator.partial`, for all sums. */
  partial(): PartialSums
  /** Σ weight·vector / Σ weight as float32. SUM_EMPTY if the total weight is 0. */
  mean(vector?: string): Float32Array
  /** Σ weight·vector, each value rounded to float32. */
  total(vector?: string): Float32Array
  /** Σ scalar by name, in alphabetical order. Each is the double nearest to the exact sum. */
  scalars(): Record<string, number>
  reset(): void
}

export interface NamedSumsOptions {
  readonly layout: Layout
  /** Default: a delta in quanta of 2^−34. */
  readonly vectors?: VectorQuanta
  /** Default 0: weights are whole numbers. */
  readonly weightBits?: number
  /** Identifies the sums to holders of deltas. Unique at a time. */
  readonly name: string
  /** Use memory that other threads can read. Default: false. */
  readonly shared?: boolean
  /** Counts waiting for holders as activity. */
  readonly track?: Track
}

export function namedSums({ vectors = { delta: { quantumBits: 34 } }, name, ...options }: NamedSumsOptions): NamedSums {
  const names = Object.keys(vectors)
  const sums = new Map(
    Object.entries(vectors).map(([vector, { quantumBits }]) => [
      vector,
      new WasmAccumulator({ ...options, quantumBits, name: `${name}/${vector}` }),
    ]),
  )
  const [first] = sums.values()
  if (!first) throw new RangeError('named sums need the name of a vector')
  const scalars = scalarSum()
  const sumOf = (vector: string) => {
    const sum = sums.get(vector)
    if (sum) return sum
    throw sumError('SUM_VECTORS', { end: 'this aggregation', came: vector, expected: names.join(', ') })
  }
  /** Pairs each sum with its vector or partial sum. SUM_VECTORS if names don't match. */
  const pairs = <Given>(end: string, given: Readonly<Record<string, Given>>): (readonly [WasmAccumulator, Given])[] => {
    const found: (readonly [WasmAccumulator, Given])[] = []
    for (const [vector, sum] of sums) {
      const one = given[vector]
      if (one !== undefined) found.push([sum, one])
    }
    const came = Object.keys(given)
    if (found.length === names.length && came.length === names.length) return found
    throw sumError('SUM_VECTORS', { end, came: came.join(', ') || 'none', expected: names.join(', ') })
  }
  /** As `pairs`, with packed vectors as arrays; SUM_SCALAR where a scalar isn't finite. */
  const checkFrame = ({ end, vectors: given, scalars: numbers }: WeightedVectors) => {
    if (numbers)
      for (const [scalar, value] of Object.entries(numbers))
        if (!Number.isFinite(value)) throw sumError('SUM_SCALAR', { name: scalar, end, value })
    return pairs(end, given).map(([sum, vector]) => {
      const isOpen = vector instanceof Float32Array || vector instanceof HeldDelta
      return [sum, isOpen ? vector : unpacked(vector, end, options.layout.size)] as const
    })
  }
  const add = ({ end, weight, scalars: numbers }: WeightedVectors, all: ReturnType<typeof checkFrame>) => {
    if (all.length > 1) {
      const held = all.flatMap(([, delta]) => (delta instanceof HeldDelta ? [delta] : []))
      if (new Set(held).size < held.length) throw sumError('SUM_GONE', { gone: 'added under another name' })
      // All sums are checked before the first add, which checks its own, so that a refusal changes nothing.
      for (const [sum, delta] of all.slice(1)) sum.check({ end, delta, weight })
    }
    for (const [sum, delta] of all) sum.add({ end, delta, weight })
    if (numbers) scalars.add(numbers)
  }
  return {
    get weight() {
      return first.weight
    },
    get updates() {
      return first.updates
    },
    add: (contribution) => add(contribution, checkFrame(contribution)),
    addAll(contributions) {
      const deltas: WeightedDelta[] = []
      const refusals = contributions.map((one) =>
        refusalOf(() => {
          const all = checkFrame(one)
          if (sums.size > 1) add(one, all)
          else for (const [, delta] of all) deltas.push({ end: one.end, delta, weight: one.weight })
        }),
      )
      if (sums.size > 1) return refusals
      const added = first.addAll(deltas).values()
      return contributions.map(({ scalars: numbers = {} }, index) => {
        const refusal = refusals[index] ?? added.next().value
        if (!refusal) scalars.add(numbers)
        return refusal
      })
    },
    merge(end, partial, weight) {
      const all = pairs(end, partial.vectors)
      for (const [sum, part] of all) sum.checkPartial(end, part, weight)
      for (const [sum, part] of all) sum.merge(end, part, weight)
      scalars.merge(partial.scalars)
    },
    async settle() {
      await Promise.all([...sums.values()].map((sum) => sum.settle()))
    },
    partial: () => ({
      vectors: Object.fromEntries([...sums].map(([vector, sum]) => [vector, sum.partial()])),
      scalars: scalars.partial(),
    }),
    mean: (vector = 'delta') => sumOf(vector).mean(),
    total: (vector = 'delta') => sumOf(vector).total(),
    scalars: () => scalars.totals(),
    reset() {
      for (const sum of sums.values()) sum.reset()
      scalars.reset()
    },
  }
}

/** Whether an untrusted value is a set of named sums. `merge` checks sizes and bounds. */
export function isPartialSums(value: unknown): value is PartialSums {
  if (!isRecord(value) || !isRecord(value.vectors) || !isRecord(value.scalars)) return false
  return Object.values(value.vectors).every(isPartialSum) && isScalarPartial(value.scalars)
}

export function isPartialSum(value: unknown): value is PartialSum {
  return (
    isRecord(value) &&
    value.sum instanceof BigInt64Array &&
    (value.high === undefined || value.high instanceof BigInt64Array) &&
    isWords(value.bound) &&
    [value.quantumBits, value.weight, value.updates].every((number) => typeof number === 'number')
  )
}
