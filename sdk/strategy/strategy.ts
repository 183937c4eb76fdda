import type { LocalTerms } from '../learn/learner.ts'
import type { RandomStream } from '../random/random-stream.ts'

/** Decides who takes part in a round. */
export interface Selector {
  /** A subset of `ends` (given sorted, all present), sorted; a function of its arguments only. */
  select(ends: readonly string[], random: RandomStream): readonly string[]
}

/** Moves the weights by the round's mean delta. `State` is snapshotted with the weights: plain values and typed arrays. */
export interface ServerOptimizer<State = unknown> {
  init(size: number): State
  /** Changes `weights` and `state` in place; `mean` is Σ n_k Δ_k / Σ n_k. Float32 arithmetic in a fixed order. */
  step(weights: Float32Array, mean: Float32Array, state: State): void
}

/** A federated algorithm: how a round selects, waits, aggregates and steps. */
export interface Strategy {
  readonly name: string
  readonly selector: Selector
  readonly optimizer: ServerOptimizer
  readonly localTerms: LocalTerms
  /** The round stops waiting when this fraction (0 to 1] of the selected ends is counted. 1: waits for all that can answer. */
  readonly quorum: number
  /** The round stops waiting after this time, from its distribution on. Absent: no deadline. */
  readonly deadlineMs?: number
  /** Fewest counted updates for the round to be committed; fewer is a failed round. */
  readonly minimumUpdates: number
  /** n_k·Δ_k is rounded once to 2^−quantumBits, or to 2^20 times that if it's beyond the range, and summed in integers. */
  readonly quantumBits: number
}
