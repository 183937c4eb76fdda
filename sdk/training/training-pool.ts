import { learnError } from '../learn/errors.ts'
import type { Evaluation, PartGradients, Update } from '../learn/learner.ts'
import type {
  Activations,
  HeldUpdate,
  LossGradients,
  LossOptions,
  OwnEvaluation,
  RolePass,
  RolePasses,
  RoleTrainingRequest,
} from '../learn/role-learner.ts'
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

/** A way through a part: there; back from a gradient; or, through the last part, back from the loss of labels. */
export type PartWay =
  | { readonly to: 'values' }
  | { readonly from: 'gradient'; readonly gradient: Float32Array }
  | { readonly from: 'loss'; readonly labels?: Float32Array | undefined }

/** A pass of an end. Its dropout draws from the stream (seed, round, end, 'part'), and the request's label where it has one. */
export interface PoolPass extends RolePass {
  /** Absent for an end without data, whose passes are of inputs. */
  readonly client: number | undefined
  readonly end: string
  readonly way: PartWay
}

export type PassAnswer = Activations | PartGradients | LossGradients

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
  /** Passes through a part of the model. Absent where no learner has parts. */
  pass?(request: PoolPass): Promise<PassAnswer>
  close(): Promise<void>
}

/** The passes of one end, through what runs its learner. */
export function rolePasses(
  pass: TrainingPool['pass'],
  of: () => { readonly client?: number | undefined; readonly end: string },
): RolePasses {
  const through = async (request: RolePass, way: PartWay) => {
    const { client, end } = of()
    if (pass) return pass({ ...request, client, end, way })
    throw learnError('LEARN_ABILITY', { what: `a pass of ${end}`, ability: 'parts' })
  }
  const unexpected = () => new TypeError('a pass through a part answered another way than it was asked')
  return {
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
