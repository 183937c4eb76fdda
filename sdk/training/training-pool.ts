import type { Adapters } from '../learn/adapters.ts'
import { learnError } from '../learn/errors.ts'
import type {
  Ability,
  Evaluation,
  LossGradients,
  ModelLayers,
  ModelSection,
  PartGradients,
  Update,
} from '../learn/learner.ts'
import type {
  Activations,
  HeldUpdate,
  LossOptions,
  OwnEvaluation,
  RoleLearner,
  RolePass,
  RolePasses,
  RoleTrainingRequest,
} from '../learn/role-learner.ts'
import type { Steps } from '../learn/steps.ts'
import { arrayOf } from '../sum/accumulator.ts'
import type { Layout } from '../weights/layout.ts'
import type { JobProducts } from './job-products.ts'

/**
 * A training of a client. All requests of a round share the same arrays, which don't change while these requests run.
 */
export interface PoolTrainingRequest extends RoleTrainingRequest {
  readonly client: number
  /** The trainer's end. Labels its random stream. */
  readonly end: string
  /** When aborted, the request rejects with the signal's reason, and the training stops within one batch. */
  readonly signal?: AbortSignal
}

/** A training on the root set. */
export type RootTrainingRequest = Omit<PoolTrainingRequest, 'client'>

/** An evaluation on examples of one client. */
export interface ClientEvaluationRequest extends LossOptions {
  readonly client: number
  readonly weights: Float32Array
  /** Whether to evaluate on the client's training examples or on its held-out examples. */
  readonly on: 'training' | 'held-out'
}

/**
 * The direction of a pass through a part: forward to values; backward from a gradient; or, through the last part,
 * backward from the loss of labels.
 */
export type PartWay =
  | { readonly to: 'values' }
  | { readonly from: 'gradient'; readonly gradient: Float32Array }
  | { readonly from: 'loss'; readonly labels?: Float32Array | undefined }

/**
 * A pass of an end. Dropout draws from the stream (seed, round, end, 'part'), followed by the request's label if there
 * is one.
 */
export interface PoolPass extends RolePass {
  /** Absent for an end without data, whose passes have inputs instead of examples. */
  readonly client: number | undefined
  readonly end: string
  readonly way: PartWay
}

export type PassAnswer = Activations | PartGradients | LossGradients

/** Runs a workload's learner in this thread, or in several worker threads, with the same results. */
export interface TrainingPool {
  readonly layout: Layout
  /** The model's architecture as TensorFlow.js JSON, if the learner has one. */
  readonly modelTopology?: unknown
  /** As `Learner.adapters`. */
  readonly adapters?: Adapters | undefined
  /** Names the code that does the arithmetic, if the learner names it. */
  readonly runsOn?: string | undefined
  /** How products are summed. Absent if the learner doesn't say. */
  readonly jobProducts?: JobProducts | undefined
  /** As `Learner.ownSteps`. */
  readonly ownSteps?: Steps | undefined
  /** As `Learner.abilities`. */
  readonly abilities?: readonly Ability[] | undefined
  /** As `Learner.sections`. */
  readonly sections?: readonly ModelSection[] | undefined
  /** As `Learner.modelLayers`. */
  readonly modelLayers?: ModelLayers | undefined
  readonly clients: number
  /** Initial weights, drawn from the stream (seed, 'initial-weights'). */
  initialWeights(): Promise<Float32Array>
  /** Trains one client. Its stream is (seed, round, end, 'train'), followed by the request's label if there is one. */
  train(request: PoolTrainingRequest): Promise<Update>
  /**
   * As `train`, but the update's vectors stay in the thread that trained, which adds several at a time. Absent where a pool
   * holds none.
   */
  trainHeld?(request: PoolTrainingRequest): Promise<HeldUpdate>
  /** As `train`, on the root set. Absent where the data have none. */
  trainRoot?: ((request: RootTrainingRequest) => Promise<Update>) | undefined
  /** Means over the test set, which is evaluated in fixed chunks. The chunks are summed in order. */
  evaluate(weights: Float32Array): Promise<Evaluation>
  /** Means over a client's own examples, from one evaluation by the learner. */
  evaluateClient(request: ClientEvaluationRequest): Promise<OwnEvaluation>
  /** Passes through a part of the model. Absent where no learner has parts. */
  pass?(request: PoolPass): Promise<PassAnswer>
  /** The ids of a client's examples, in order. LEARN_IDS where they have none; absent where no examples have any. */
  ids?(client: number): Promise<readonly string[]>
  /** Number of examples that a client trains on: at once, where the data tell it at once. Absent where no learner has parts. */
  samples?(client: number): number | Promise<number>
  /** By client, of the first `clients`: the label that dominates the examples. LEARN_LABELS where the data don't say. */
  labels?(clients: number): Promise<Float64Array>
  close(): Promise<void>
}

/** Runs the learner for any client: a pool, or another runner of the learner. */
type ClientRunner = Pick<
  TrainingPool,
  | 'layout'
  | 'ownSteps'
  | 'modelLayers'
  | 'sections'
  | 'clients'
  | 'initialWeights'
  | 'train'
  | 'trainRoot'
  | 'evaluateClient'
  | 'evaluate'
  | 'pass'
  | 'ids'
  | 'samples'
>

/** The learner of one client, outside of a role. Its vectors are arrays. */
export function clientLearner(runner: ClientRunner, client: number, end: string): RoleLearner {
  const { layout, ownSteps, modelLayers, sections, clients, trainRoot } = runner
  const train: RoleLearner['train'] = (request) => runner.train({ client, end, ...request })
  return {
    layout,
    ownSteps,
    sections,
    ids: () => idsOf(runner, client),
    modelLayers,
    own: { client, clients },
    initialWeights: () => runner.initialWeights(),
    train,
    trainHeld: train,
    ...(trainRoot && { trainRoot: (request) => trainRoot({ ...request, end }) }),
    take: arrayOf,
    ...rolePasses(runner, () => ({ client, end })),
    loss: (weights, options) => runner.evaluateClient({ ...options, weights, client, on: 'training' }),
    evaluateClient: (weights) => runner.evaluateClient({ weights, client, on: 'held-out' }),
    evaluate: (weights) => runner.evaluate(weights),
  }
}

/** @throws LEARN_IDS where the client's examples have no ids. */
export async function idsOf({ ids }: Pick<TrainingPool, 'ids'>, client: number): Promise<readonly string[]> {
  if (!ids) throw learnError('LEARN_IDS', { client })
  return ids(client)
}

/** The passes of one end, through a pool or another runner of the learner. */
export function rolePasses(
  { pass, samples }: Pick<TrainingPool, 'pass' | 'samples'>,
  of: () => { readonly client?: number | undefined; readonly end: string },
): RolePasses {
  const lacks = (what: string) => learnError('LEARN_ABILITY', { what, ability: 'parts' })
  const through = async (request: RolePass, way: PartWay) => {
    const { client, end } = of()
    if (pass) return pass({ ...request, client, end, way })
    throw lacks(`a pass of ${end}`)
  }
  const unexpected = () => new TypeError('the answer to a pass through a part belongs to another kind of pass')
  return {
    async samples() {
      const { client, end } = of()
      if (samples) return samples(client ?? Number.NaN)
      throw lacks(`a pass of ${end}`)
    },
    async forward(request) {
      const answer = await through(request, { to: 'values' })
      if ('values' in answer) return answer
      throw unexpected()
    },
    async backward(request, gradient) {
      const answer = await through(request, { from: 'gradient', gradient })
      if ('gradient' in answer) return answer
      throw unexpected()
    },
    async lossOfPart(request, labels) {
      const answer = await through(request, { from: 'loss', labels })
      if ('loss' in answer) return answer
      throw unexpected()
    },
  }
}
