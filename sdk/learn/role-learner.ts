import type { SentVector, Vector } from '../sum/accumulator.ts'
import type { Layout } from '../weights/layout.ts'
import type {
  Evaluation,
  EvaluationOptions,
  LocalTerms,
  LossGradients,
  ModelLayers,
  ModelSection,
  PartGradients,
  PartPass,
  TrainingChoices,
  Update,
} from './learner.ts'
import type { Steps } from './steps.ts'

/** An update whose vectors may have stayed in the thread that made them. */
export interface HeldUpdate extends Omit<Update, 'delta' | 'vectors'> {
  readonly delta: Vector
  readonly vectors?: Readonly<Record<string, Vector>>
}

/** One training on a role's own data. */
export interface RoleTrainingRequest extends TrainingChoices {
  readonly round: number
  /** Don't change these while the training runs. */
  readonly weights: Float32Array
  readonly terms: LocalTerms
}

export interface LossOptions extends EvaluationOptions {
  /** Named columns of the examples to return with the losses, such as each example's group. `label`: the labels. */
  readonly columns?: readonly string[]
  /** The round of these weights: an array is copied once a round for all clients. */
  readonly round?: number
  /** As `TrainingChoices`: the examples to evaluate on, and their labels. */
  readonly indices?: Uint32Array
  readonly flipLabels?: boolean
}

/** An evaluation on a client's own examples. */
export interface OwnEvaluation extends Evaluation {
  /** By name, the column's value for each example, in the order of `losses`. */
  readonly columns?: Readonly<Record<string, Float64Array>>
}

/** A pass of a role through a part of the model: see `PartPass`. */
export interface RolePass extends Pick<PartPass, 'part' | 'weights'> {
  readonly round: number
  /**
   * The inputs of the pass: indices of examples that this task trains on, or given input values of `examples` examples.
   */
  readonly of: { readonly indices: Uint32Array } | { readonly inputs: Float32Array; readonly examples: number }
  /**
   * Distinguishes the random streams of several passes of one end in one round. A backward pass has the label of its
   * forward pass.
   */
  readonly label?: string | number
  /** Whether dropout drops values. Default: true. */
  readonly training?: boolean
}

export interface Activations {
  /** Output values of the part, row-major, one example after another. */
  readonly values: Float32Array
  /** Labels of the task's own examples, if the pass used these. */
  readonly labels?: Float32Array
}

/** Passes through parts of the model. LEARN_ABILITY where the learner lacks `parts`. */
export interface RolePasses {
  /** Number of examples that this task trains on. */
  samples(): Promise<number>
  forward(pass: RolePass): Promise<Activations>
  /**
   * Gradients from `gradient`, which is the loss's, with respect to the values that `forward` returns for the same
   * pass.
   */
  backward(pass: RolePass, gradient: Float32Array): Promise<PartGradients>
  /** The mean loss of the last part, and its gradients. Default labels: those of the task's own examples. */
  lossOfPart(pass: RolePass, labels?: Float32Array): Promise<LossGradients>
}

/** Training and evaluation for a role, with its own data and its own random streams. */
export interface RoleLearner extends RolePasses {
  readonly layout: Layout
  /** As `Learner.ownSteps`. */
  readonly ownSteps?: Steps | undefined
  /** As `Learner.sections`. */
  readonly sections?: readonly ModelSection[] | undefined
  /** The ids of the examples that this task trains on, in order. LEARN_IDS where they have none. */
  ids(): Promise<readonly string[]>
  /** As `Learner.modelLayers`. */
  readonly modelLayers?: ModelLayers | undefined
  /** The client whose data this task has, and the number of the workload's clients. Absent for a task without data. */
  readonly own?: { readonly client: number; readonly clients: number } | undefined
  initialWeights(): Promise<Float32Array>
  /** Trains on this task's dataset. */
  train(request: RoleTrainingRequest): Promise<Update>
  /**
   * As `train`, but the vectors may stay in the thread that made them. Each can be added to a sum once, or taken once.
   */
  trainHeld(request: RoleTrainingRequest): Promise<HeldUpdate>
  /** Trains on the root set of the workload's data, for a server. Absent where the data have none. */
  readonly trainRoot?: ((request: RoleTrainingRequest) => Promise<Update>) | undefined
  /** Moves a vector from its thread to this one. Afterwards the vector can't be added or taken. */
  take(vector: SentVector): Promise<Float32Array>
  /** Evaluates given weights on the examples that this task trains on. */
  loss(weights: Float32Array, options?: LossOptions): Promise<OwnEvaluation>
  /** Evaluates on this task's held-out examples. LEARN_HELD_OUT where no examples are held out. */
  evaluateClient(weights: Float32Array): Promise<Evaluation>
  /** Evaluates on the job's test set. */
  evaluate(weights: Float32Array): Promise<Evaluation>
}

/** A learner with other calls in the place of its own. A role's learner is a class: a spread doesn't copy its calls. */
export function learnerWith(learner: RoleLearner, calls: Partial<RoleLearner>): RoleLearner {
  const { layout, ownSteps, sections, modelLayers, own, trainRoot } = learner
  return {
    ...{ layout, ownSteps, sections, modelLayers, own, trainRoot },
    ids: () => learner.ids(),
    initialWeights: () => learner.initialWeights(),
    train: (request) => learner.train(request),
    trainHeld: (request) => learner.trainHeld(request),
    take: (vector) => learner.take(vector),
    samples: () => learner.samples(),
    forward: (pass) => learner.forward(pass),
    backward: (pass, gradient) => learner.backward(pass, gradient),
    lossOfPart: (pass, labels) => learner.lossOfPart(pass, labels),
    loss: (weights, options) => learner.loss(weights, options),
    evaluateClient: (weights) => learner.evaluateClient(weights),
    evaluate: (weights) => learner.evaluate(weights),
    ...calls,
  }
}
