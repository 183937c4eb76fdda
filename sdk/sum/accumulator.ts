import type { CodedError } from '../../runtime/index.ts'
import { sumError } from './errors.ts'
import type { Words } from './exact-sums.ts'

/** One value for each weight of the model: an array, or one that stays in the thread that made it. */
export type Vector = Float32Array | HeldDelta

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
   * A multiple of 2^−weightBits of at most 2^29 of these quanta: the product with a float32 is exact in a double, and so it
   * is rounded only once. `weightIn` rounds a real number to one.
   */
  readonly weight: number
}

/** A sum that can travel and be merged: exact, so any tree of partial sums gives the same bits. */
export interface PartialSum {
  readonly quantumBits: number
  /** Little-endian 64-bit integers in units of 2^−quantumBits, one per weight. */
  readonly sum: BigInt64Array
  /** The part beyond `sum`, to be added to it, where there is one: one per weight, in units of 2^(20−quantumBits). */
  readonly high?: BigInt64Array
  /** Upper bound of the magnitude of both together over all weights, in units of 2^−quantumBits: guards against overflow. */
  readonly bound: Words
  readonly weight: number
  readonly updates: number
}

/** A vector as an array: one that is held is taken. */
export async function arrayOf(vector: Vector): Promise<Float32Array> {
  return vector instanceof HeldDelta ? vector.take() : vector
}

/** Names a sum that several holders contribute to. The same name with a higher number begins anew. */
export interface SumName {
  readonly name: string
  readonly number: number
}

/** Keeps deltas, and sums them where they are. */
export interface DeltaHolder {
  /** Its part of the sum, which it then forgets. */
  collect(sum: SumName): Promise<PartialSum>
}

/** The largest value of a delta: enough to refuse the delta by. */
export interface DeltaPeak {
  /** Largest magnitude of a value; NaN if one is. */
  readonly magnitude: number
  /** The place of that value in the delta. */
  readonly index: number
}

/**
 * A delta that stays in the thread that trained it, and is added there: per round and thread only a partial sum travels.
 * It can be added once, or taken once: it's gone then.
 */
export abstract class HeldDelta {
  abstract readonly length: number
  abstract readonly peak: DeltaPeak
  abstract readonly holder: DeltaHolder
  #gone: 'added' | 'taken' | undefined

  /** Adds weight·delta to the holder's part of a sum. SUM_GONE if it's gone. */
  addTo(sum: SumName, weight: number, quanta: Quanta): void {
    this.checkHeld()
    this.#gone = 'added'
    this.addThere(sum, weight, quanta)
  }

  /** Moves the delta out of its thread. Rejects with SUM_GONE if it's gone, and where its holder has ended. */
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
 * bits; memory doesn't grow with the number of updates.
 */
export interface Accumulator {
  readonly size: number
  /** Σ weight, exact. */
  readonly weight: number
  readonly updates: number
  /**
   * Adds weight·delta. Refuses, changing nothing: a value not finite or too large (SUM_VALUE, naming end, tensor and
   * offset), a sum that could overflow (SUM_OVERFLOW), another size (SUM_SIZE), a weight off its grid or out of range, or
   * weights that add up beyond theirs (SUM_WEIGHT).
   */
  add(update: WeightedDelta): void
  /**
   * Adds several updates, as `add` does one after another: up to four arrays in one pass over the sum, for which memory is the
   * limit. Answers for each with the error by which it's refused, or undefined.
   */
  addAll(updates: readonly WeightedDelta[]): readonly (CodedError | undefined)[]
  /** Adds another accumulator's sum; `end` names its sender. Same refusals. */
  merge(end: string, partial: PartialSum): void
  /** Brings in the parts of the sum that holders of deltas have. Before `partial`, `mean` and `sum`, where held deltas were added. */
  settle(): Promise<void>
  /** A copy of the present sum; in shared memory, the sum itself: read before it's added to or reset. */
  partial(): PartialSum
  /** Σ weight·delta / Σ weight as float32; throws SUM_EMPTY where no weight was added. */
  mean(): Float32Array
  /** Σ weight·delta, each value rounded to float32. */
  total(): Float32Array
  /** Back to zero, keeping its memory. */
  reset(): void
}

/** Up to so many quanta of a weight, its product with a float32 is exact in a double. */
const mostQuanta = 2 ** 29

/** Largest weight on a grid of 2^−weightBits. */
export function mostWeight(weightBits: number): number {
  return mostQuanta * 2 ** -weightBits
}

/** Zero is a weight where weights are real; a whole number of samples begins at 1. */
export function leastWeight(weightBits: number): number {
  return weightBits === 0 ? 1 : 0
}

/** Whether a number lies on the grid of weights and is none too large. False for NaN, too. */
export function isWeight(weight: number, weightBits: number, most = mostWeight(weightBits)): boolean {
  return Number.isInteger(weight * 2 ** weightBits) && weight >= leastWeight(weightBits) && weight <= most
}

/**
 * Rounds a real weight, such as 1/√(1 + staleness), once to the grid of a sum: to the nearest multiple of 2^−weightBits,
 * and half-way upward. Throws SUM_WEIGHT for a weight that isn't finite, is negative, or beyond the range.
 */
export function weightIn(weight: number, weightBits: number): number {
  const rounded = Math.round(weight * 2 ** weightBits) * 2 ** -weightBits
  const least = leastWeight(weightBits)
  const most = mostWeight(weightBits)
  if (weight >= 0 && rounded >= least && rounded <= most) return rounded
  throw sumError('SUM_WEIGHT', { of: 'an update', weight, quantum: 2 ** -weightBits, least, most })
}

/** @returns the place of the first value that isn't a number, or else of the largest magnitude. */
export function peakOf(delta: Float32Array): DeltaPeak {
  let magnitude = 0
  let index = 0
  for (let i = 0; i < delta.length; i++) {
    const here = Math.abs(delta[i] ?? 0)
    if (here <= magnitude) continue
    magnitude = here
    index = i
    if (Number.isNaN(here)) break
  }
  return { magnitude, index }
}
