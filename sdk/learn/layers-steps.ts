import type { Tensor, Variable } from '@tensorflow/tfjs'
import { sizeOf } from '../weights/layout.ts'
import type { Subject } from './layers-training.ts'
import type { StepTerms } from './step-terms.ts'
import type { Steps } from './steps.ts'
import type { TensorFlow } from './tensorflow.ts'

/** One of the weights that steps move, with what an optimizer keeps of it. */
export interface TrainedWeight {
  readonly variable: Variable
  /** What the terms add to its gradient besides pull·w; absent without terms. */
  readonly offset: Tensor | undefined
  /** From zeros, which are absent. */
  states: readonly Tensor[]
  write(values: Tensor): void
}

/** A gradient for each of the weights, in their order. */
export type Gradients = readonly Tensor[]

/** The steps of one training on TensorFlow.js: those of engine/steps/, tensor by tensor. */
export interface TensorSteps {
  readonly trained: readonly TrainedWeight[]
  /** Moves the weights by a batch's mean gradient. */
  step(gradients: Gradients): void
  dispose(): void
}

/** Begins a training from the round's weights, which the model has already. */
export function tensorSteps(subject: Subject, steps: Steps, weights: Float32Array, terms: StepTerms): TensorSteps {
  const { tf } = subject
  const trained = trainedWeights(subject, weights, terms)
  const move = mover(tf, steps)
  return {
    trained,
    step(gradients) {
      tf.tidy(() => {
        const whole = trained.map(({ variable, offset }, index) => {
          const gradient = gradients[index] ?? tf.zerosLike<Tensor>(variable)
          return offset ? gradient.add(variable.mul(terms.pull)).add(offset) : gradient
        })
        const moveOne = move.next(clipped(steps, whole))
        for (const [index, weight] of trained.entries()) {
          const { values, states } = moveOne(weight, index)
          for (const state of weight.states) state.dispose()
          weight.states = states.map((state) => tf.keep(state))
          weight.write(values)
        }
      })
    },
    dispose() {
      for (const { offset, states } of trained) {
        offset?.dispose()
        for (const state of states) state.dispose()
      }
    },
  }
}

/** √Σ x² over all of them, in float64. */
export function globalNorm(gradients: Gradients): number {
  let sum = 0
  for (const gradient of gradients) for (const value of gradient.dataSync()) sum += value * value
  return Math.sqrt(sum)
}

/** What cuts the gradients' global norm to `most`, and leaves shorter ones as they are. */
export function normScale(most: number, gradients: Gradients): number {
  const norm = globalNorm(gradients)
  return norm > most ? most / norm : 1
}

function clipped({ clipNorm, clipValue }: Steps, gradients: Gradients): Gradients {
  if (clipValue !== undefined) return gradients.map((gradient) => gradient.clipByValue(-clipValue, clipValue))
  if (clipNorm === undefined) return gradients
  const scale = normScale(clipNorm, gradients)
  return gradients.map((gradient) => gradient.mul(scale))
}

/** The optimizer: what the weights become, and its states. */
function mover(tf: TensorFlow, steps: Steps) {
  const { learningRate, optimizer = 'sgd', momentum = 0, nesterov = false, weightDecay = 0 } = steps
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = steps
  const coupled = optimizer === 'adamw' ? 0 : weightDecay
  const kept = optimizer === 'adamw' ? 1 - learningRate * weightDecay : 1
  const decayed = (gradient: Tensor, variable: Variable) =>
    coupled === 0 ? gradient : gradient.add(variable.mul(coupled))
  const faded = (state: Tensor | undefined, factor: number, added: Tensor) => state?.mul(factor).add(added) ?? added

  type Moved = { readonly values: Tensor; readonly states: readonly Tensor[] }
  type MoveOne = (weight: TrainedWeight, index: number) => Moved
  const sgd =
    (gradients: Gradients): MoveOne =>
    ({ variable, states: [before] }, index) => {
      const gradient = decayed(gradients[index] ?? tf.zerosLike<Tensor>(variable), variable)
      if (momentum === 0) return { values: variable.sub(gradient.mul(learningRate)), states: [] }
      const velocity = faded(before, momentum, gradient)
      const way = nesterov ? velocity.mul(momentum).add(gradient) : velocity
      return { values: variable.sub(way.mul(learningRate)), states: [velocity] }
    }
  let power1 = 1
  let power2 = 1
  const adam = (gradients: Gradients): MoveOne => {
    power1 *= beta1
    power2 *= beta2
    const [rate, spread] = [learningRate / (1 - power1), 1 / Math.sqrt(1 - power2)]
    return ({ variable, states: [before1, before2] }, index) => {
      const gradient = decayed(gradients[index] ?? tf.zerosLike<Tensor>(variable), variable)
      const m = faded(before1, beta1, gradient.mul(1 - beta1))
      const v = faded(before2, beta2, gradient.square().mul(1 - beta2))
      const way = m.mul(rate).div(v.sqrt().mul(spread).add(epsilon))
      return { values: variable.mul(kept).sub(way), states: [m, v] }
    }
  }
  return { next: optimizer === 'sgd' ? sgd : adam }
}

function trainedWeights({ tf, model, description }: Subject, weights: Float32Array, terms: StepTerms): TrainedWeight[] {
  const { pull, linear } = terms
  const hasTerms = pull !== 0 || linear.length > 0
  let next = 0
  const starts = description.layout.tensors.map(({ shape }) => (next += sizeOf(shape)) - sizeOf(shape))
  return model.trainableWeights.map((weight) => {
    const variable = weight.read()
    if (!(variable instanceof tf.Variable)) throw new TypeError(`${weight.name} is no variable`)
    const start = starts[model.weights.indexOf(weight)] ?? 0
    // Rounded as variable·pull is, so that they cancel where the weights haven't moved.
    const pulled = (value: number) => Math.fround(Math.fround(pull) * value)
    const offsets = () =>
      Float32Array.from({ length: variable.size }, (_, index) =>
        linear.reduce(
          (sum, { factor, values }) => sum + factor * (values[start + index] ?? 0),
          -pulled(weights[start + index] ?? 0),
        ),
      )
    return {
      variable,
      offset: hasTerms ? tf.tensor(offsets(), variable.shape) : undefined,
      states: [],
      write: (values: Tensor) => weight.write(values),
    }
  })
}
