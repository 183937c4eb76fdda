import type { Examples } from '../data/examples.ts'
import type { RandomStream } from '../random/random-stream.ts'
import type { Layout } from '../weights/layout.ts'

/**
 * Terms that a federated algorithm adds to each local step. What they add to the gradient counts as the gradient: it is clipped
 * with it. Arrays are in the order of the layout; those of weights that aren't trained are passed over.
 */
export interface LocalTerms {
  /** μ of FedProx (Li et al. 2020): adds μ·(w − w_round). */
  readonly proximal?: number
  /** FedDyn (Acar et al. 2021). */
  readonly dynamic?: DynamicRegulariser
  /** c − c_k of SCAFFOLD (Karimireddy et al. 2020), which is added. */
  readonly correction?: Float32Array
  /**
   * C of DP-SGD (Abadi et al. 2016): the gradient of each example's loss is scaled down to this length if it is longer, before
   * the batch's mean is taken and other terms are added. Whoever asks for it adds the noise. Not for models that normalize over
   * a batch, in which an example has no gradient of its own.
   */
  readonly exampleClip?: number
}

/** Of FedDyn: −⟨gradient, w⟩ + α/2·‖w − w_round‖² is added to the loss. */
export interface DynamicRegulariser {
  readonly alpha: number
  /** The client's own ∇L_k(w_k^{t−1}), from its last training. Absent: zero, as at first. */
  readonly gradient?: Float32Array
}

/** How much a client is asked to do. Absent: as the learner's settings say. */
export interface LocalWork {
  /** E: passes over the examples, from 1. Not together with `steps`. */
  readonly epochs?: number
  /** Optimizer's steps in all, from 1: through as many epochs as that takes, the last of them perhaps cut short. */
  readonly steps?: number
  /** η of these steps. */
  readonly learningRate?: number
}

export interface TrainingRequest {
  /** The round's weights; read only. Training starts here, its terms pull here, and its delta counts from here, unless told otherwise. */
  readonly weights: Float32Array
  /** Weights at which the training starts: a personal model's, or that of a phase before. */
  readonly start?: Float32Array
  /** Weights to which the proximal and dynamic terms pull. */
  readonly centre?: Float32Array
  /** Weights from which the delta counts. */
  readonly base?: Float32Array
  readonly work?: LocalWork
  /** Which tensors of the layout are trained, in its order; the others stay as they are at the start. Absent: all. */
  readonly trainable?: readonly boolean[]
  readonly examples: Examples
  /** The only source of randomness: order of examples, dropout. */
  readonly random: RandomStream
  readonly terms?: LocalTerms
  /** Asked, once the training is done, for where the delta may be put; without it, or where a learner doesn't ask, a new array. */
  readonly into?: () => Float32Array
  /** Aborted: the learner stops within one batch and rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What a trainer sends: how far its weights have moved, and on how many examples. */
export interface Update {
  /** Weights after training − the base, by default the round's weights. */
  readonly delta: Float32Array
  readonly samples: number
  /** Local steps done: τ_k of FedNova, K of SCAFFOLD. */
  readonly steps?: number
  /** Further vectors of the layout that the learner made, by name. */
  readonly vectors?: Readonly<Record<string, Float32Array>>
  /** Means over the examples, such as `loss`. */
  readonly metrics: Readonly<Record<string, number>>
}

/** A training's own choices, as roles and pools make them: see `TrainingRequest`. */
export interface TrainingChoices extends Pick<TrainingRequest, 'start' | 'centre' | 'base' | 'work' | 'trainable'> {
  /** Places, among the client's examples, of those to train on, each epoch in an order of its own. Absent: all. */
  readonly indices?: Uint32Array
  /** Tells the random streams of several trainings of one end in one round apart, such as the number of a dispatch. */
  readonly label?: string | number
}

export interface EvaluationOptions {
  /** The loss of each example is wanted, too. */
  readonly perExample?: boolean
}

export interface Evaluation {
  readonly samples: number
  /** The loss of each example, in their order, where it was asked for. */
  readonly losses?: Float32Array
  /** Means over the examples, such as `loss` and `accuracy` (0 to 1). One without a value is left out, or undefined. */
  readonly metrics: Readonly<Record<string, number>>
  /** Where a metric isn't finite, what is known of the cause: for a person to read. */
  readonly whyNotFinite?: string
}

/**
 * What a learner can do besides training from the round's weights by its own settings. `work`: other epochs, steps, learning
 * rate. `start`: other weights to start at, pull to, or count from. `trainable`: some tensors only. `losses`: the loss of each
 * example. `parts`: passes through a part of the model.
 */
export type Ability = 'work' | 'start' | 'trainable' | 'losses' | 'parts'

/** The layers of a model after one layer, up to and with another, each named as in the layout. All that is after the first must pass through it. */
export interface ModelPart {
  /** Absent: the part begins with the model's input. */
  readonly after?: string
  /** Absent: the part ends with the model's output, as the loss takes it. */
  readonly through?: string
}

/** A pass through a part. The same request gives the same bits: nothing is kept between the way there and the way back. */
export interface PartPass {
  readonly part: ModelPart
  /** Of the whole layout; those of other parts are passed over. */
  readonly weights: Float32Array
  /** Values that the part takes, row-major, one example after another. */
  readonly inputs: Float32Array
  readonly examples: number
  /** Of a training pass: dropout draws from it. The way back takes a stream of the same labels. Absent: no training. */
  readonly random?: RandomStream
}

/** Gradients of the way back. */
export interface PartGradients {
  /** With respect to the weights, of the whole layout; zero where the part has none. */
  readonly gradient: Float32Array
  /** With respect to the inputs; empty for a part that begins with the model's input. */
  readonly inputs: Float32Array
}

/** Passes through parts of a model, for clients and servers that have a part each: split and vertical learning. */
export interface ModelParts {
  /** Values that the part gives, row-major, one example after another. */
  forward(pass: PartPass): Promise<Float32Array>
  /** `gradient` is the loss's, with respect to the values that `forward` gives. */
  backward(pass: PartPass, gradient: Float32Array): Promise<PartGradients>
  /** The mean loss of the part that ends with the model's output, and the gradients of that mean. */
  loss(pass: PartPass, labels: Float32Array): Promise<PartGradients & { readonly loss: number }>
}

/** What a person writes, or takes ready: weights in, update and metrics out. Holds no state between calls. */
export interface Learner {
  readonly layout: Layout
  /** The model's architecture as TensorFlow.js JSON, where there is one: stored beside the weights. */
  readonly modelTopology?: unknown
  /** What does the arithmetic, and where it isn't the engine, why: for a person to read. */
  readonly runsOn?: string
  /** η of a learner whose steps are w −= η·g and nothing else; absent for any other. */
  readonly plainLearningRate?: number | undefined
  /** What else a person should know of how the model is trained, each in a sentence. */
  readonly remarks?: readonly string[]
  /** Without one of them, a request that needs it is refused with LEARN_ABILITY before it reaches the learner. */
  readonly abilities?: readonly Ability[]
  initialWeights(random: RandomStream): Promise<Float32Array>
  /** Refuses examples that don't fit the model, as training or evaluation would. It reads labels, and no features. */
  check?(examples: Examples, purpose: 'train' | 'evaluate'): void
  train(request: TrainingRequest): Promise<Update>
  evaluate(weights: Float32Array, examples: Examples, options?: EvaluationOptions): Promise<Evaluation>
  /** Present where `parts` is among the abilities. */
  readonly parts?: ModelParts
  dispose?(): void
}
