import type { PackedError } from '../../../runtime/index.ts'
import type { GivenDatasets } from '../../data/datasets.ts'
import type { FileLine } from '../../data/files/node-shared-files.ts'
import type { LocalTerms, Update } from '../../learn/learner.ts'
import type { OwnEvaluation } from '../../learn/role-learner.ts'
import type { Settings } from '../../role/role.ts'
import type { HeldMessage, HeldReceipt, HeldReply } from '../held-sums.ts'
import type {
  ClientEvaluationRequest,
  PassAnswer,
  PoolPass,
  RootTrainingRequest,
  TrainingPool,
} from '../training-pool.ts'

/** The start values of a training worker. */
export interface WorkerSetup {
  /** URL of the workload's bundle. */
  readonly bundle: string
  readonly settings: Settings
  readonly seed: number
  readonly datasets?: GivenDatasets | undefined
}

/** The start values and the worker's file line, as the worker's workerData. */
export interface WorkerStart extends WorkerSetup {
  readonly files: FileLine
}

/** Requests to a worker, one at a time. Weights and the arrays of terms are in shared memory, and read-only. */
export type WorkerRequest =
  | { readonly type: 'initialWeights' }
  | {
      readonly type: 'train'
      /** Without a client: on the root set. */
      readonly training: SharedTraining
      /** The vectors of the update stay in the worker. */
      readonly hold: boolean
    }
  | { readonly type: 'evaluateClient'; readonly request: ClientEvaluationRequest }
  | { readonly type: 'pass'; readonly request: PoolPass }
  | { readonly type: 'ids'; readonly client: number }
  | { readonly type: 'samples'; readonly client: number }
  | { readonly type: 'labels'; readonly clients: number }
  | { readonly type: 'testExamples' }
  | { readonly type: 'evaluate'; readonly chunk: number; readonly weights: SharedArrayBuffer }

/** `abort` stops the request in progress. Messages about held vectors arrive at any time. */
export type WorkerMessage = WorkerRequest | HeldMessage | { readonly type: 'abort' }

export interface WorkerDescription
  extends Pick<
    TrainingPool,
    'layout' | 'adapters' | 'jobProducts' | 'ownSteps' | 'abilities' | 'modelLayers' | 'sections' | 'clients'
  > {
  readonly modelTopology: unknown
  readonly runsOn: string | undefined
  readonly hasRoot: boolean
}

/** First `ready` or `failed`, then one reply for each request. Replies about held vectors come at any time. */
export type WorkerReply =
  | HeldReply
  | { readonly type: 'ready'; readonly description: WorkerDescription }
  | { readonly type: 'counted'; readonly count: number }
  | { readonly type: 'weights'; readonly weights: Float32Array }
  | { readonly type: 'update'; readonly update: Update }
  | { readonly type: 'held'; readonly receipt: HeldReceipt }
  | { readonly type: 'passed'; readonly answer: PassAnswer }
  | { readonly type: 'ids'; readonly ids: readonly string[] }
  | { readonly type: 'labels'; readonly labels: Float64Array }
  | { readonly type: 'evaluation'; readonly evaluation: OwnEvaluation }
  | { readonly type: 'failed'; readonly error: PackedError }

/** Copies an array into memory that all threads read. */
type Share = (values: Float32Array) => SharedArrayBuffer

/**
 * Copies arrays into memory that all workers read, so that the arrays of a round are copied once, not once for each
 * client.
 */
export function sharedArrays() {
  const rounds = new WeakMap<Float32Array, { round: number; buffer: SharedArrayBuffer }>()
  const once: Share = (values) => {
    const buffer = new SharedArrayBuffer(values.byteLength)
    new Float32Array(buffer).set(values)
    return buffer
  }
  return {
    once,
    /**
     * Returns the same memory for the same array in the same round. In another round the array may hold other values.
     */
    forRound(values: Float32Array, round: number): SharedArrayBuffer {
      const known = rounds.get(values)
      if (known?.round === round) return known.buffer
      const buffer = once(values)
      rounds.set(values, { round, buffer })
      return buffer
    },
  }
}

/** A training request as a worker receives it. */
export type SharedTraining = Omit<RootTrainingRequest, 'signal'> & { readonly client?: number }

/** The request with its arrays of weights and terms in shared memory. */
export function sharedTraining(
  asked: RootTrainingRequest & { readonly client?: number },
  share: Share,
): SharedTraining {
  const { signal: _, ...request } = asked
  const { weights, start, centre, base, terms } = request
  return {
    ...request,
    weights: shared(weights, share),
    ...(start && { start: shared(start, share) }),
    ...(centre && { centre: shared(centre, share) }),
    ...(base && { base: shared(base, share) }),
    terms: sharedTerms(terms, share),
  }
}

function sharedTerms({ dynamic, correction, contrastive, ...numbers }: LocalTerms, share: Share): LocalTerms {
  return {
    ...numbers,
    ...(dynamic && {
      dynamic: { ...dynamic, ...(dynamic.gradient && { gradient: shared(dynamic.gradient, share) }) },
    }),
    ...(contrastive && { contrastive: { ...contrastive, previous: shared(contrastive.previous, share) } }),
    ...(correction && { correction: shared(correction, share) }),
  }
}

export function shared(values: Float32Array, share: Share): Float32Array {
  return values.buffer instanceof SharedArrayBuffer ? values : new Float32Array(share(values))
}
