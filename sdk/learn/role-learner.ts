import type { Vector } from '../sum/accumulator.ts'
import type { Layout } from '../weights/layout.ts'
import type {
  Evaluation,
  EvaluationOptions,
  LocalTerms,
  PartGradients,
  PartPass,
  TrainingChoices,
  Update,
} from './learner.ts'

/** An update whose vectors may have stayed where they were made. */
export interface HeldUpdate extends Omit<Update, 'delta' | 'vectors'> {
  readonly delta: Vector
  readonly vectors?: Readonly<Record<string, Vector>>
}

/** One training of a role's own data. */
export interface RoleTrainingRequest extends TrainingChoices {
  readonly round: number
  /** Unchanged while the training runs. */
  readonly weights: Float32Array
  readonly terms: LocalTerms
}

export interface LossOptions extends EvaluationOptions {
  /** Named columns of the examples that are wanted beside the losses, such as each example's group. */
  readonly columns?: readonly string[]
  /** The round whose weights these are: arrays of one round are copied once for all clients. */
  readonly round?: number
}

/** An evaluation on a client's own examples. */
export interface OwnEvaluation extends Evaluation {
  /** By name, the value of each example, in the order of `losses`. */
  readonly columns?: Readonly<Record<string, Float64Array>>
}

/** A pass of a role through a part of the model: see `PartPass`. */
export interface RolePass extends Pick<PartPass, 'part' | 'weights'> {
  readonly round: number
  /** Places among the examples that this task trains on; or the values that the part takes, of so many examples. */
  readonly of: { readonly indices: Uint32Array } | { readonly inputs: Float32Array; readonly examples: number }
  /** Tells the random streams of several passes of one end in one round apart. The way back has that of the way there. */
  readonly label?: string | number
  /** Whether dropout drops values. Default: true. */
  readonly training?: boolean
}

export interface Activations {
  /** Values that the part gives, row-major, one example after another. */
  readonly values: Float32Array
  /** Of the task's own examples, where the pass is of these. */
  readonly labels?: Float32Array
}

/** Gradients of a way back that began with the loss. */
export type LossGradients = PartGradients & { readonly loss: number }

/** Passes through parts of the model. LEARN_ABILITY where the learner has none. */
export interface RolePasses {
  forward(pass: RolePass): Promise<Activations>
  /** `gradient` is the loss's, with respect to the values that `forward` gives for the same pass. */
  backward(pass: RolePass, gradient: Float32Array): Promise<PartGradients>
  /** The mean loss of the last part and its gradients. Labels are by default those of the task's own examples. */
  lossOfPart(pass: RolePass, labels?: Float32Array): Promise<LossGradients>
}

/** Training and evaluation as a role sees them: its own data, its own random streams. */
export interface RoleLearner extends RolePasses {
  readonly layout: Layout
  /** η of a learner whose steps are w −= η·g and nothing else; absent for any other. */
  readonly plainLearningRate?: number | undefined
  initialWeights(): Promise<Float32Array>
  /** Trains on this task's dataset. */
  train(request: RoleTrainingRequest): Promise<Update>
  /** Trains as `train` does. The vectors may stay where they were made: each can be added to a sum once, or taken once. */
  trainHeld(request: RoleTrainingRequest): Promise<HeldUpdate>
  /** Brings a vector here from where it was trained: it can't be added or taken then. */
  take(vector: Vector): Promise<Float32Array>
  /** Evaluates on the examples that this task trains on: the loss of given weights on its own data. */
  loss(weights: Float32Array, options?: LossOptions): Promise<OwnEvaluation>
  /** Evaluates on this task's own held-out examples. LEARN_HELD_OUT where the data holds none out. */
  evaluateClient(weights: Float32Array): Promise<Evaluation>
  /** Evaluates on the job's test set. */
  evaluate(weights: Float32Array): Promise<Evaluation>
}
