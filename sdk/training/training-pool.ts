import type { Evaluation, LocalTerms, Update } from '../learn/learner.ts'
import type { HeldUpdate } from '../learn/role-learner.ts'
import type { Layout } from '../weights/layout.ts'

export interface PoolTrainingRequest {
  readonly client: number
  /** The trainer's name on its channels: labels its random stream. */
  readonly end: string
  readonly round: number
  /** The same array for all requests of a round, and not changed while they run. */
  readonly weights: Float32Array
  /** Its arrays, too, are not changed while the round's requests run. */
  readonly terms: LocalTerms
  /** Aborted: the request rejects with the signal's reason, and its training stops within one batch. */
  readonly signal?: AbortSignal
}

/** Runs a workload's learner: in this thread, or in several worker threads. Results don't depend on which. */
export interface TrainingPool {
  readonly layout: Layout
  /** The model's architecture as TensorFlow.js JSON, where there is one. */
  readonly modelTopology?: unknown
  /** What does the arithmetic, where the learner says it. */
  readonly runsOn?: string | undefined
  readonly clients: number
  /** From the stream (seed, 'initial-weights'). */
  initialWeights(): Promise<Float32Array>
  /** Trains one client; its stream is (seed, round, end, 'train'). */
  train(request: PoolTrainingRequest): Promise<Update>
  /** The same, of which the delta stays in the thread that trained it; absent where there are no others. */
  trainHeld?(request: PoolTrainingRequest): Promise<HeldUpdate>
  /** Means over the test set: evaluated in fixed chunks, which are summed in their order. */
  evaluate(weights: Float32Array): Promise<Evaluation>
  close(): Promise<void>
}
