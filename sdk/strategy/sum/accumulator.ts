import type { HeldDelta } from './held-delta.ts'

/** What a trainer's update gives to the sum. */
export interface WeightedDelta {
  /** Names the sender in errors. */
  readonly end: string
  readonly delta: Float32Array | HeldDelta
  readonly samples: number
}

/** A sum that can travel and be merged: exact, so any tree of partial sums gives the same bits. */
export interface PartialSum {
  readonly quantumBits: number
  /** Little-endian 64-bit integers in units of 2^−quantumBits, one per weight. */
  readonly sum: BigInt64Array
  /** What goes beyond `sum` and is added to it, where there is any: one per weight, in units of 2^(20−quantumBits). */
  readonly high?: BigInt64Array
  /** Upper bound of the magnitude of both together over all weights, in units of 2^−quantumBits: guards against overflow. */
  readonly bound: bigint
  readonly samples: number
  readonly updates: number
}

/**
 * Adds weighted deltas reproducibly: the same set of updates in any order, through any tree of merges, gives the same
 * bits; memory doesn't grow with the number of updates.
 */
export interface Accumulator {
  readonly size: number
  readonly samples: number
  readonly updates: number
  /**
   * Adds samples·delta. Refuses, changing nothing: a value not finite or too large (SUM_VALUE, naming end, tensor and
   * offset), a sum that could overflow (SUM_OVERFLOW), another size (SUM_SIZE), samples not a positive integer (SUM_SAMPLES).
   */
  add(update: WeightedDelta): void
  /** Adds another accumulator's sum; `end` names its sender. Same refusals. */
  merge(end: string, partial: PartialSum): void
  /** Brings in what holders of deltas have summed for it. Before `partial` and `mean`, where held deltas were added. */
  settle(): Promise<void>
  /** A copy of the present sum; in shared memory, the sum itself: read before it's added to or reset. */
  partial(): PartialSum
  /** Σ n_k Δ_k / Σ n_k as float32; throws SUM_EMPTY if nothing was added. */
  mean(): Float32Array
  /** Back to zero, keeping its memory. */
  reset(): void
}
