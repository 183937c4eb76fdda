import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs'
import type { FittedLoss } from '../learn/fitted-loss.ts'
import type { LocalTraining, StepTerms } from '../learn/local-training.ts'
import type { Steps } from '../learn/steps.ts'
import { sizeOf } from '../weights/layout.ts'
import type { TensorLoss } from './layers-loss.ts'
import type { ModelDescription } from './layers-model.ts'
import type { TensorFlow } from './tensorflow.ts'

/** A model in training. Its variables hold the weights of one client at a time. */
export interface Subject {
  readonly tf: TensorFlow
  readonly model: LayersModel
  readonly description: ModelDescription
  readonly fitted: FittedLoss
  /** Undefined for a composition of operations of this package. */
  readonly loss: TensorLoss | undefined
  /** Runs work during which the model's output is the loss's input. */
  forLoss<Result>(work: () => Result): Result
}

/** A weight that steps move, with its optimizer's state. */
interface TrainedWeight {
  readonly variable: Variable
  /** The terms' gradient, except pull·w. Absent without terms. */
  readonly offset: Tensor | undefined
  move(move: TensorMove, gradient: Tensor): void
  dispose(): void
}

/** One gradient for each weight, in order. */
export type Gradients = readonly Tensor[]

/** The steps of one training on TensorFlow.js: as those of engine/steps/, but on tensors. */
export interface TensorSteps {
  readonly trained: readonly TrainedWeight[]
  /** Moves the weights by a batch's mean gradient. */
  step(gradients: Gradients, learningRate: number): void
  dispose(): void
}

/** Begins a training. The model must have the training's start as its weights. */
export function tensorSteps(subject: Subject, training: LocalTraining, terms: StepTerms): TensorSteps {
  const { tf } = subject
  const { steps } = training
  const trained = trainedWeights(subject, training, terms)
  const optimizer = tensorOptimizer(steps)
  return {
    trained,
    step(gradients, learningRate) {
      tf.tidy(() => {
        const whole = trained.map(({ variable, offset }, index) => {
          const gradient = gradients[index] ?? tf.zerosLike<Tensor>(variable)
          return offset ? gradient.add(variable.mul(terms.pull)).add(offset) : gradient
        })
        const move = optimizer(learningRate)
        for (const [index, gradient] of clipped(steps, whole).entries()) trained[index]?.move(move, gradient)
      })
    },
    dispose() {
      for (const weight of trained) weight.dispose()
    },
  }
}

/**
 * The factor that scales the gradients' global norm down to `most`; 1 for shorter gradients. The norm is summed in
 * float64.
 */
export function normScale(most: number, gradients: Gradients): number {
  let squares = 0
  for (const gradient of gradients) for (const value of gradient.dataSync()) squares += value * value
  const norm = Math.sqrt(squares)
  return norm > most ? most / norm : 1
}

function clipped({ clipNorm, clipValue }: Steps, gradients: Gradients): Gradients {
  if (clipValue !== undefined) return gradients.map((gradient) => gradient.clipByValue(-clipValue, clipValue))
  if (clipNorm === undefined) return gradients
  const scale = normScale(clipNorm, gradients)
  return gradients.map((gradient) => gradient.mul(scale))
}

function trainedWeights(
  { tf, model, description }: Subject,
  { centre, frozen }: LocalTraining,
  terms: StepTerms,
): TrainedWeight[] {
  const { pull, linear } = terms
  const hasTerms = pull !== 0 || linear.length > 0
  let next = 0
  const starts = description.layout.tensors.map(({ shape }) => (next += sizeOf(shape)) - sizeOf(shape))
  const startOf = (weight: (typeof model.weights)[number]) => starts[model.weights.indexOf(weight)] ?? 0
  return model.trainableWeights
    .filter((weight) => frozen?.mask[startOf(weight)] !== 0)
    .map((weight) => {
      const variable = weight.read()
      if (!(variable instanceof tf.Variable)) throw new TypeError(`${weight.name} is no variable`)
      const start = startOf(weight)
      // Rounded as variable·pull is, so that both cancel where the weights haven't moved.
      const pulled = (value: number) => Math.fround(Math.fround(pull) * value)
      const offsets = () =>
        Float32Array.from({ length: variable.size }, (_, index) =>
          linear.reduce(
            (sum, { factor, values }) => sum + factor * (values[start + index] ?? 0),
            -pulled(centre[start + index] ?? 0),
          ),
        )
      const offset = hasTerms ? tf.tensor(offsets(), variable.shape) : undefined
      let states: readonly Tensor[] = []
      const forget = () => {
        for (const state of states) state.dispose()
      }
      return {
        variable,
        offset,
        move(move: TensorMove, gradient: Tensor) {
          const moved = move(variable, gradient, states)
          forget()
          states = moved.states.map((state) => tf.keep(state))
          weight.write(moved.weight)
        },
        dispose() {
          forget()
          offset?.dispose()
        },
      }
    })
}

/**
 * Moves a weight by its gradient. `states` is the optimizer's state after the last move; empty at first, which means
 * zeros.
 */
type TensorMove = (weight: Tensor, gradient: Tensor, states: readonly Tensor[]) => MovedTensor

interface MovedTensor {
  readonly weight: Tensor
  readonly states: readonly Tensor[]
}

/** The optimizer for one training. Called once in each step, returns the step's move, which applies to each weight. */
function tensorOptimizer(steps: Steps): (learningRate: number) => TensorMove {
  return steps.optimizer === undefined || steps.optimizer === 'sgd' ? sgd(steps) : adam(steps)
}

/** SGD, as in engine/steps/momentum-sgd.ts. */
function sgd({ momentum = 0, nesterov = false, weightDecay = 0 }: Steps): (learningRate: number) => TensorMove {
  return (learningRate) =>
    (weight, gradient, [before]) => {
      const decayed = withDecay(gradient, weight, weightDecay)
      if (momentum === 0) return { weight: weight.sub(decayed.mul(learningRate)), states: [] }
      const velocity = mixed(before, momentum, decayed)
      const way = nesterov ? velocity.mul(momentum).add(decayed) : velocity
      return { weight: weight.sub(way.mul(learningRate)), states: [velocity] }
    }
}

/** Adam, as in engine/steps/adam.ts. */
function adam(steps: Steps): (learningRate: number) => TensorMove {
  const { optimizer, weightDecay = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = steps
  let power1 = 1
  let power2 = 1
  return (learningRate) => {
    const [coupled, kept] = optimizer === 'adamw' ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
    power1 *= beta1
    power2 *= beta2
    const [rate, spread] = [learningRate / (1 - power1), 1 / Math.sqrt(1 - power2)]
    return (weight, gradient, [mean, square]) => {
      const decayed = withDecay(gradient, weight, coupled)
      const m = mixed(mean, beta1, decayed.mul(1 - beta1))
      const v = mixed(square, beta2, decayed.square().mul(1 - beta2))
      const way = m.mul(rate).div(v.sqrt().mul(spread).add(epsilon))
      return { weight: weight.mul(kept).sub(way), states: [m, v] }
    }
  }
}

function withDecay(gradient: Tensor, weight: Tensor, decay: number): Tensor {
  return decay === 0 ? gradient : gradient.add(weight.mul(decay))
}

function mixed(before: Tensor | undefined, keep: number, added: Tensor): Tensor {
  return before ? before.mul(keep).add(added) : added
}
