import type { CodedError } from '../../runtime/index.ts'
import { sumError } from './errors.ts'
import type { Words } from './exact-sums.ts'
import { type PackedVector, unpacked } from './packed-vector.ts'
import type { DeltaPeak } from './vector-passes.ts'

/** One value for each weight of the model: an array, or a delta that stays in the thread that made it. */
export type Vector = Float32Array | HeldDelta

/** A vector of a contribution: as it was trained, or packed to travel in fewer bytes. */
export type SentVector = Vector | PackedVector

/** The grids on which a sum is exact. */
export interface Quanta {
  /** s: a product weight·value is rounded once to a multiple of 2^−s, 0 to 51. */
  readonly quantumBits: number
  /** Weights are multiples of 2^−weightBits, 0 to 52. 0: whole numbers, such as samples. */
  readonly weightBits: number
}

/** A vector and its weight in a sum. */
export interface WeightedDelta {
  /** Names the sender in errors. */
  readonly end: string
  readonly delta: Vector
  /**
   * A multiple of 2^−weightBits, at most 2^29 of them. The product with a float32 is then exact in a double, so that
   * only one rounding follows. `weightIn` rounds a real number to such a multiple.
   */
  readonly weight: number
}

/** A sum that can be sent and merged: exact, so any tree of partial sums gives the same bits. */
export interface PartialSum {
  readonly quantumBits: number
  /** Little-endian 64-bit integers in units of 2^−quantumBits, one for each weight. */
  readonly sum: BigInt64Array
  /**
   * A further summand beyond the range of `sum`, if any: one integer for each weight, in units of 2^(20−quantumBits).
   */
  readonly high?: BigInt64Array
  /**
   * Upper bound of the magnitude of both summands together over all weights, in units of 2^−quantumBits, to detect
   * overflow.
   */
  readonly bound: Words
  readonly weight: number
  readonly updates: number
}

/** A vector of this end as an array. Takes a held delta. */
export async function arrayOf(vector: SentVector): Promise<Float32Array> {
  if (vector instanceof HeldDelta) return vector.take()
  return vector instanceof Float32Array ? vector : unpacked(vector, 'this end')
}

/** Identifies a sum to which several holders contribute. The same name with a higher number is a new sum. */
export interface SumName {
  readonly name: string
  readonly number: number
}

/** Keeps deltas, and sums them without moving them. */
export interface DeltaHolder {
  /** Returns the holder's part of the sum, and forgets the part. */
  collect(sum: SumName): Promise<PartialSum>
}

/**
 * A delta that stays in the thread that trained it, and is added there: only one partial sum travels for each round and
 * thread. Can be added once, or taken once; then the delta is gone.
 */
export abstract class HeldDelta {
  abstract readonly length: number
  abstract readonly peak: DeltaPeak
  abstract readonly holder: DeltaHolder
  #gone: 'added' | 'taken' | undefined

  /** Adds weight·delta to the holder's part of a sum. SUM_GONE if the delta is gone. */
  addTo(sum: SumName, weight: number, quanta: Quanta): void {
    this.checkHeld()
    this.#gone = 'added'
    this.addThere(sum, weight, quanta)
  }

  /** Moves the delta out of its thread. Rejects with SUM_GONE if the delta is gone, and where its holder has ended. */
  async take(): Promise<Float32Array> {
    this.checkHeld()
    this.#gone = 'taken'
    return this.takeThere()
  }

  checkHeld(): void {
    if (this.#gone) throw sumError('SUM_GONE', { gone: this.#gone })
  }

  protected abstract addThere(sum: SumName, weight: number, quanta: Quanta): void
  protected abstract takeThere(): Promise<Float32Array>
}

/**
 * Adds weighted deltas reproducibly: the same set of updates in any order, through any tree of merges, gives the same
 * bits. Memory doesn't grow with the number of updates.
 */
export interface Accumulator {
  readonly size: number
  /** Σ weight, exact. */
  readonly weight: number
  readonly updates: number
  /**
   * Adds weight·delta. Refuses without a change: a value that isn't finite or is too large (SUM_VALUE, naming end,
   * tensor and offset); a sum that could overflow (SUM_OVERFLOW); another size (SUM_SIZE); a weight off the grid or out
   * of range, or a sum of weights out of range (SUM_WEIGHT).
   */
  add(update: WeightedDelta): void
  /**
   * Adds several updates with the result of single `add` calls, but up to four arrays in one pass over the sum, since
   * memory is the bottleneck. Returns for each update the error that refused it, or undefined.
   */
  addAll(updates: readonly WeightedDelta[]): readonly (CodedError | undefined)[]
  /**
   * Adds another accumulator's sum; `end` names its sender. With a weight, which is on the grid of weights and at most 1,
   * adds this share of the sum: each integer, and Σ weight, is rounded once more. Refuses as `add` does, and SUM_QUANTUM.
   */
  merge(end: string, partial: PartialSum, weight?: number): void
  /** Collects the holders' parts of the sum. If held deltas were added, call before `partial`, `mean` and `total`. */
  settle(): Promise<void>
  /** A copy of the present sum. In shared memory it's the sum itself: read it before the next add or reset. */
  partial(): PartialSum
  /** Σ weight·delta / Σ weight as float32. SUM_EMPTY if the total weight is 0. */
  mean(): Float32Array
  /** Σ weight·delta, each value rounded to float32. */
  total(): Float32Array
  /** Sets the sum to zero, and keeps the memory. */
  reset(): void
}

/** Most quanta of a weight: the product with a float32 is exact in a double. */
const mostQuanta = 2 ** 29

/** Largest weight on a grid of 2^−weightBits. */
export function mostWeight(weightBits: number): number {
  return mostQuanta * 2 ** -weightBits
}

/** Least weight: 0 where weights are real, 1 for a whole number of samples. */
export function leastWeight(weightBits: number): number {
  return weightBits === 0 ? 1 : 0
}

/** Whether a number is a weight on the grid and within range. False for NaN, too. */
export function isWeight(weight: number, weightBits: number, most = mostWeight(weightBits)): boolean {
  return Number.isInteger(weight * 2 ** weightBits) && weight >= leastWeight(weightBits) && weight <= most
}

/**
 * Rounds a real weight, such as 1/√(1 + staleness), once to the grid of a sum: to the nearest multiple of
 * 2^−weightBits, half-way up. SUM_WEIGHT for a weight that isn't finite, is negative, or is out of range.
 */
export function weightIn(weight: number, weightBits: number): number {
  const rounded = Math.round(weight * 2 ** weightBits) * 2 ** -weightBits
  const least = leastWeight(weightBits)
  const most = mostWeight(weightBits)
  if (weight >= 0 && rounded >= least && rounded <= most) return rounded
  throw sumError('SUM_WEIGHT', { of: 'an update', weight, quantum: 2 ** -weightBits, least, most })
}
