import type { Evaluation, Update } from '../learn/learner.ts'
import type { HeldUpdate, LossOptions, OwnEvaluation, RoleTrainingRequest } from '../learn/role-learner.ts'
import type { Layout } from '../weights/layout.ts'

/** A training of a client. Its arrays are the same for all requests of a round, and not changed while these run. */
export interface PoolTrainingRequest extends RoleTrainingRequest {
  readonly client: number
  /** The trainer's name on its channels: labels its random stream. */
  readonly end: string
  /** Aborted: the request rejects with the signal's reason, and its training stops within one batch. */
  readonly signal?: AbortSignal
}

/** An evaluation on examples of one client. */
export interface ClientEvaluationRequest extends LossOptions {
  readonly client: number
  readonly weights: Float32Array
  /** The client's examples that are trained on, or those that are held out from training. */
  readonly on: 'training' | 'held-out'
}

/** Runs a workload's learner: in this thread, or in several worker threads. Results don't depend on which. */
export interface TrainingPool {
  readonly layout: Layout
  /** The model's architecture as TensorFlow.js JSON, where there is one. */
  readonly modelTopology?: unknown
  /** What does the arithmetic, where the learner says it. */
  readonly runsOn?: string | undefined
  /** As the learner says. */
  readonly plainLearningRate?: number | undefined
  readonly clients: number
  /** From the stream (seed, 'initial-weights'). */
  initialWeights(): Promise<Float32Array>
  /** Trains one client; its stream is (seed, round, end, 'train'), and the request's label where it has one. */
  train(request: PoolTrainingRequest): Promise<Update>
  /** The same, of which the delta stays in the thread that trained it; absent where there are no others. */
  trainHeld?(request: PoolTrainingRequest): Promise<HeldUpdate>
  /** Means over the test set: evaluated in fixed chunks, which are summed in their order. */
  evaluate(weights: Float32Array): Promise<Evaluation>
  /** Means over a client's own examples, from one pass of the learner's evaluation. */
  evaluateClient(request: ClientEvaluationRequest): Promise<OwnEvaluation>
  close(): Promise<void>
}
