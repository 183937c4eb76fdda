import type { PackedError } from '../../../runtime/index.ts'
import type { FileLine } from '../../data/files/node-shared-files.ts'
import type { Update } from '../../learn/learner.ts'
import type { OwnEvaluation } from '../../learn/role-learner.ts'
import type { Settings } from '../../role/role.ts'
import type { Layout } from '../../weights/layout.ts'
import type { ClientEvaluationRequest, PassAnswer, PoolPass } from '../training-pool.ts'
import type { HeldMessage, HeldReceipt, HeldReply } from './held-sums.ts'
import type { SharedTraining } from './shared-arrays.ts'

/** What a training worker is started with. */
export interface WorkerSetup {
  /** URL of the workload's bundle. */
  readonly bundle: string
  readonly settings: Settings
  readonly seed: number
}

/** The same with the worker's line for files, in its workerData. */
export interface WorkerStart extends WorkerSetup {
  readonly files: FileLine
}

/** What a worker is asked, one at a time. Weights, and the arrays of terms, are shared memory, and read only. */
export type WorkerRequest =
  | { readonly type: 'initialWeights' }
  | {
      readonly type: 'train'
      readonly training: SharedTraining
      /** The vectors of the update are to stay in the thread. */
      readonly hold: boolean
    }
  | { readonly type: 'evaluateClient'; readonly request: ClientEvaluationRequest }
  | { readonly type: 'pass'; readonly request: PoolPass }
  | { readonly type: 'evaluate'; readonly chunk: number; readonly weights: SharedArrayBuffer }

/** `abort` stops the request that is under way. What concerns held deltas comes at any time. */
export type WorkerMessage = WorkerRequest | HeldMessage | { readonly type: 'abort' }

export interface WorkerDescription {
  readonly layout: Layout
  readonly modelTopology: unknown
  readonly runsOn: string | undefined
  readonly plainLearningRate: number | undefined
  readonly clients: number
  readonly testExamples: number
}

/** First `ready` or `failed`; then one for each request, and between them answers of held vectors. */
export type WorkerReply =
  | HeldReply
  | { readonly type: 'ready'; readonly description: WorkerDescription }
  | { readonly type: 'weights'; readonly weights: Float32Array }
  | { readonly type: 'update'; readonly update: Update }
  | { readonly type: 'held'; readonly receipt: HeldReceipt }
  | { readonly type: 'passed'; readonly answer: PassAnswer }
  | { readonly type: 'evaluation'; readonly evaluation: OwnEvaluation }
  | { readonly type: 'failed'; readonly error: PackedError }
