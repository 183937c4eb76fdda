import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs'
import { sizeOf } from '../weights/layout.ts'
import type { Loss } from './layers-loss.ts'
import type { ModelDescription } from './layers-model.ts'
import { type TensorMove, tensorOptimizer } from './layers-optimizer.ts'
import type { StepTerms } from './step-terms.ts'
import type { Steps } from './steps.ts'
import type { TensorFlow } from './tensorflow.ts'

/** A model to train: its variables hold the weights of one client at a time. */
export interface Subject {
  readonly tf: TensorFlow
  readonly model: LayersModel
  readonly description: ModelDescription
  readonly loss: Loss
  /** Runs work in which the model gives what the loss takes. */
  forLoss<Result>(work: () => Result): Result
}

/** One of the weights that steps move, with what the optimizer keeps of it. */
interface TrainedWeight {
  readonly variable: Variable
  /** What the terms add to its gradient besides pull·w; absent without terms. */
  readonly offset: Tensor | undefined
  move(move: TensorMove, gradient: Tensor): void
  dispose(): void
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
  const optimizer = tensorOptimizer(steps)
  return {
    trained,
    step(gradients) {
      tf.tidy(() => {
        const whole = trained.map(({ variable, offset }, index) => {
          const gradient = gradients[index] ?? tf.zerosLike<Tensor>(variable)
          return offset ? gradient.add(variable.mul(terms.pull)).add(offset) : gradient
        })
        const move = optimizer()
        for (const [index, gradient] of clipped(steps, whole).entries()) trained[index]?.move(move, gradient)
      })
    },
    dispose() {
      for (const weight of trained) weight.dispose()
    },
  }
}

/** What cuts the gradients' global norm to `most`, and leaves shorter ones as they are. The norm is summed in float64. */
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
