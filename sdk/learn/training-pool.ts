import type { Layout } from '../weights/layout.ts'
import type { Evaluation, LocalTerms, Update } from './learner.ts'

export interface PoolRequest {
  readonly client: number
  readonly end: string
  readonly round: number
  /** The round's weights: the same array for all of a round, unchanged while any of them trains. */
  readonly weights: Float32Array
  readonly terms: LocalTerms
  readonly signal?: AbortSignal
}

/** Runs a workload's learner: in this thread, or in several worker threads. Results don't depend on which. */
export interface TrainingPool {
  readonly layout: Layout
  readonly modelTopology?: unknown
  readonly clients: number
  initialWeights(): Promise<Float32Array>
  train(request: PoolRequest): Promise<Update>
  evaluate(weights: Float32Array): Promise<Evaluation>
  close(): Promise<void>
}
