import type { Examples } from '../data/examples.ts'
import type { RandomStream } from '../random/random-stream.ts'
import type { Layout } from '../weights/layout.ts'
import type { Adapters } from './adapters.ts'
import type { MetricCounts } from './metric-counts.ts'
import type { Steps } from './steps.ts'

/**
 * How a model's products are summed. `plain` rounds each product, and then the sum; `fused` rounds them once, together
 * (fused multiply-add). Either gives the same bits on all platforms, but not those of the other.
 */
export type Products = 'plain' | 'fused'

/**
 * Terms that a federated algorithm adds to each local step. Gradients of the terms are part of a step's gradient, and
 * are clipped with it. Arrays are in the order of the layout; values for weights that aren't trained are ignored.
 */
export interface LocalTerms {
  /** μ of FedProx (Li et al. 2020): adds μ·(w − w_round). */
  readonly proximal?: number
  /** The dynamic regulariser of FedDyn (Acar et al. 2021). */
  readonly dynamic?: DynamicRegulariser
  /** c − c_k of SCAFFOLD (Karimireddy et al. 2020), added to the gradient. */
  readonly correction?: Float32Array
  /**
   * C of DP-SGD (Abadi et al. 2016): the gradient of each example's loss is scaled down to this length if it's longer,
   * before the batch's mean is taken and other terms are added. The caller adds the noise. Not for models that
   * normalize over a batch, in which an example has no gradient of its own.
   */
  readonly exampleClip?: number
  readonly contrastive?: ContrastiveTerm
  readonly groups?: GroupTerm
}

/**
 * MOON (Li, He, Song 2021) adds weight·ℓ to each example's loss, ℓ = −log(e^{sim(z, z_centre)/T} / (e^{sim(z, z_centre)/T} +
 * e^{sim(z, z_previous)/T})). sim is the cosine, z the output of a layer with the weights in training, z_centre that with
 * the request's centre, and z_previous that with other weights, the latter two without dropout. Only z has a gradient.
 */
export interface ContrastiveTerm {
  /** μ */
  readonly weight: number
  /** T */
  readonly temperature: number
  readonly previous: Float32Array
  /** The layer whose output is the representation z. Default: the input of the last layer with weights. */
  readonly layer?: string
}

/**
 * FedGFT (Wang et al. 2023) adds factor·p to each example's loss, with p the probability of class 1 of two, and a factor
 * for each group and label.
 */
export interface GroupTerm {
  /** The column that holds an example's group, 0 or 1. */
  readonly column: string
  /** First by group, then by label. */
  readonly factors: readonly [readonly [number, number], readonly [number, number]]
}

/** FedDyn adds −⟨gradient, w⟩ + α/2·‖w − w_round‖² to the loss. */
export interface DynamicRegulariser {
  readonly alpha: number
  /** The client's own ∇L_k(w_k^{t−1}), from its last training. Absent: zero, as in the first training. */
  readonly gradient?: Float32Array
}

/** The amount of a client's local work. Absent values come from the learner's settings. */
export interface LocalWork {
  /** E: passes over the examples, 1 or more. Not together with `steps`. */
  readonly epochs?: number
  /** Total number of optimizer steps, 1 or more. Takes as many epochs as needed, the last one perhaps cut short. */
  readonly steps?: number
  /** η of these steps. */
  readonly learningRate?: number
}

export interface TrainingRequest {
  /**
   * The round's weights; read-only. By default the training starts here, the terms pull here, and the delta is relative
   * to these weights.
   */
  readonly weights: Float32Array
  /** Weights at which the training starts, such as those of a personal model or of an earlier phase. */
  readonly start?: Float32Array
  /** Weights to which the proximal and dynamic terms pull. */
  readonly centre?: Float32Array
  /** Weights to which the delta is relative. */
  readonly base?: Float32Array
  readonly work?: LocalWork
  /** The round of the training, from 1, by which a schedule has its learning rate. Default 1. */
  readonly round?: number
  /**
   * For each tensor of the layout, whether it's trained; other tensors keep their values from the start. Absent: all
   * tensors.
   */
  readonly trainable?: readonly boolean[]
  readonly examples: Examples
  /** The only source of randomness: order of examples, dropout. */
  readonly random: RandomStream
  readonly terms?: LocalTerms
  /** Default: plain. `fused` for learners that have `fused`. */
  readonly products?: Products
  /**
   * Called once the training is done: returns an array for the delta. Without `into`, or where a learner doesn't call
   * it, the delta is a new array.
   */
  readonly into?: () => Float32Array
  /** When aborted, the learner stops within one batch and rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** The result of a training: how far the weights have moved, and on how many examples. */
export interface Update {
  /** Weights after training − the base, by default the round's weights. */
  readonly delta: Float32Array
  readonly samples: number
  /** Number of local steps: τ_k of FedNova, K of SCAFFOLD. */
  readonly steps?: number
  /** Further vectors from the learner, by name, each with the layout's size. */
  readonly vectors?: Readonly<Record<string, Float32Array>>
  /** Means over the examples, such as `loss`. */
  readonly metrics: Readonly<Record<string, number>>
}

/** Choices for a training that roles and pools make, see `TrainingRequest`. */
export interface TrainingChoices extends Pick<TrainingRequest, 'start' | 'centre' | 'base' | 'work' | 'trainable'> {
  /** Indices of the client's examples to train on; each epoch shuffles them. Absent: all. */
  readonly indices?: Uint32Array
  /** Whether label l of L classes is taken for L − 1 − l, as a client that poisons its data would have it. */
  readonly flipLabels?: boolean
  /**
   * Distinguishes the random streams of several trainings of one end in one round, such as by the number of a dispatch.
   */
  readonly label?: string | number
}

export interface EvaluationOptions {
  /** Whether to return the loss of each example, too. */
  readonly perExample?: boolean
  /** As in `TrainingRequest`. */
  readonly products?: Products
}

export interface Evaluation {
  readonly samples: number
  /** The loss of each example, in the order of the examples, if requested. */
  readonly losses?: Float32Array
  /**
   * Means over the examples, such as `loss` and `accuracy` (0 to 1). A metric without a value is absent or undefined.
   */
  readonly metrics: Readonly<Record<string, number>>
  /**
   * By name, the sums from which metrics come that aren't means over the examples: evaluations of parts are joined by
   * them. The metrics have their values, too.
   */
  readonly counts?: Readonly<Record<string, MetricCounts>>
  /** The known cause of metrics that aren't finite, for people to read. */
  readonly whyNotFinite?: string
}

/** The outputs of a model for examples. */
export interface Predictions {
  /** Shape of one example's outputs. */
  readonly shape: readonly number[]
  /** Row-major, one example after another. */
  readonly values: Float32Array
  /**
   * `classes`: the last dimension has a value for each class, of which one holds. `labels`: each value is for a label that is
   * 0 or 1. Absent: the values are what the model is asked for.
   */
  readonly of?: 'classes' | 'labels'
  /** For classes and labels: whether the model ends with the activation that makes its values probabilities. */
  readonly areProbabilities?: boolean
}

/**
 * Abilities of a learner beyond training from the round's weights with its own settings. `work`: other epochs, steps,
 * learning rate. `start`: other weights for the start, the pull, or the base of the delta. `trainable`: only some
 * tensors. `losses`: the loss of each example. `parts`: passes through a part of the model. `contrastive`, `groups`: these
 * local terms. `classes`: labels are classes, whose number the learner states.
 */
export type Ability = 'work' | 'start' | 'trainable' | 'losses' | 'parts' | 'contrastive' | 'groups' | 'classes'

/**
 * The layers of a model after one layer, up to and with another, each named as in the layout. All values must pass
 * through these two layers.
 */
export interface ModelPart {
  /** Absent: the part begins with the model's input. */
  readonly after?: string
  /** Absent: the part ends with the model's output, as the loss takes it. */
  readonly through?: string
}

/**
 * A pass through a part. The same request gives the same bits: nothing is kept between the forward and the backward
 * pass.
 */
export interface PartPass {
  readonly part: ModelPart
  /** Weights of the whole layout; those of other parts are ignored. */
  readonly weights: Float32Array
  /** Input values of the part, row-major, one example after another. */
  readonly inputs: Float32Array
  readonly examples: number
  /** As in `TrainingRequest`. */
  readonly products?: Products
  /**
   * Stream for dropout in a training pass. The backward pass takes a stream of the same labels. Absent: no training.
   */
  readonly random?: RandomStream
}

/** Gradients of a backward pass. */
export interface PartGradients {
  /** With respect to the weights, of the whole layout; zero outside the part. */
  readonly gradient: Float32Array
  /** With respect to the inputs; empty for a part that begins with the model's input. */
  readonly inputs: Float32Array
}

/** The layers of a model that can be cut after any layer through which all values pass. */
export interface ModelLayers {
  /**
   * Names of the layers, each after the layers of its inputs. Without a last activation that the loss applies. The name
   * of a tensor begins with its layer's name and a slash.
   */
  readonly layers: readonly string[]
  /** Names of the tensors that no step moves: those of frozen layers, and statistics that normalizations keep. */
  readonly untrained: readonly string[]
}

/** Passes through parts of a model, for clients and servers that each have a part: split and vertical learning. */
export interface ModelParts {
  /** Output values of the part, row-major, one example after another. */
  forward(pass: PartPass): Promise<Float32Array>
  /** Gradients from `gradient`, which is the loss's, with respect to the values that `forward` returns. */
  backward(pass: PartPass, gradient: Float32Array): Promise<PartGradients>
  /** The mean loss, and its gradients, of a part that ends with the model's output. */
  loss(pass: PartPass, labels: Float32Array): Promise<LossGradients>
}

/** Gradients of a backward pass that began with the loss. */
export interface LossGradients extends PartGradients {
  /** Mean over the examples. */
  readonly loss: number
  /** Number of examples whose class was found. Absent for a loss without classes. */
  readonly correct?: number
}

/**
 * The share of one party in a model that several parties train jointly: a range of the layout, with a layout of its own.
 */
export interface ModelSection {
  readonly layout: Layout
  /** As `Learner.modelTopology`, if the section is one model. */
  readonly modelTopology?: unknown
  /** Number of values that the party's own part gives for one example. */
  readonly outputs: number
}

/** In a model of several parties, one party's part: from its features to the values that go on to the rest. */
export function partOfParty(party: number): ModelPart {
  return { through: `party-${party}` }
}

/** In a model of several parties, the part after the values of all parties, side by side in the parties' order. */
export const partAfterParties: ModelPart = { after: 'parties' }

/**
 * Trains and evaluates one model: weights in, update and metrics out. A workload's own, or a ready one. Keeps no state
 * between calls.
 */
export interface Learner {
  readonly layout: Layout
  /** The model's architecture as TensorFlow.js JSON, if there is one. Stored with the weights. */
  readonly modelTopology?: unknown
  /**
   * Present where only adapters of a frozen model train: the layout is that of the adapters, and published models have
   * them merged into the model's weights.
   */
  readonly adapters?: Adapters | undefined
  /** Names the code that does the arithmetic and, if that isn't the engine, the reason, for people to read. */
  readonly runsOn?: string
  /** The learner's settings of its steps, for algorithms that need to know them. Absent for other kinds of training. */
  readonly ownSteps?: Steps | undefined
  /** Number of classes that labels name. Present if `classes` is among the abilities. */
  readonly classes?: number | undefined
  /** Further facts about the model's training for people to know, one sentence each. */
  readonly remarks?: readonly string[]
  /**
   * The learner's abilities. A request that needs another is refused with LEARN_ABILITY before it reaches the learner.
   */
  readonly abilities?: readonly Ability[]
  /**
   * Present if requests may ask for fused products: loads what these need, and says whether this platform computes them,
   * or emulates them, many times as slowly.
   */
  readonly fused?: () => Promise<{ readonly isEmulated: boolean }>
  initialWeights(random: RandomStream): Promise<Float32Array>
  /** Refuses examples that don't fit the model, as training or evaluation would. Reads labels, but no features. */
  check?(examples: Examples, purpose: 'train' | 'evaluate'): void
  train(request: TrainingRequest): Promise<Update>
  evaluate(weights: Float32Array, examples: Examples, options?: EvaluationOptions): Promise<Evaluation>
  /** The model's outputs for each example, with its last activation applied. */
  predict?(
    weights: Float32Array,
    examples: Examples,
    options?: Pick<EvaluationOptions, 'products'>,
  ): Promise<Predictions>
  /** Present if `parts` is among the abilities. */
  readonly parts?: ModelParts
  /** Present if the parts are those between layers. */
  readonly modelLayers?: ModelLayers
  /**
   * For a model of several parties: the layout's sections in order, one for each party. The first belongs to the party
   * that has the labels: its own part, and the part after the parties.
   */
  readonly sections?: readonly ModelSection[]
  dispose?(): void
}
