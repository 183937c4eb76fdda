import type { Scalar, Tensor } from '@tensorflow/tfjs'
import { type LabelCheck, type LossName, labelCheck } from './loss-name.ts'
import type { TensorFlow } from './tensorflow.ts'

export interface Loss {
  readonly check: LabelCheck
  mean(labels: Float32Array, outputs: Tensor): Scalar
  /** How many of the outputs (row-major) say the label's class; absent where there are no classes. */
  readonly correct?: (labels: Float32Array, outputs: ArrayLike<number>) => number
}

/** @throws LEARN_SETTING for an unknown loss, or one that doesn't fit the model's number of outputs. */
export function lossOf(tf: TensorFlow, name: LossName, units: number, shape: readonly number[]): Loss {
  const column = (labels: Float32Array) => tf.tensor2d(labels, [labels.length, 1])
  const check = labelCheck(name, units, shape)
  switch (name) {
    case 'softmaxCrossEntropy':
      return {
        check,
        mean: (labels, outputs) =>
          tf.losses.softmaxCrossEntropy<Tensor, Scalar>(tf.oneHot(tf.tensor1d(labels, 'int32'), units), outputs),
        correct: (labels, outputs) => count(labels, (label, row) => highest(outputs, row * units, units) === label),
      }
    case 'sigmoidCrossEntropy':
      return {
        check,
        mean: (labels, outputs) => tf.losses.sigmoidCrossEntropy<Tensor, Scalar>(column(labels), outputs),
        correct: (labels, outputs) => count(labels, (label, row) => Number((outputs[row] ?? 0) > 0) === label),
      }
    case 'meanSquaredError':
      return { check, mean: (labels, outputs) => tf.losses.meanSquaredError(column(labels), outputs) }
  }
}

function count(labels: Float32Array, isCorrect: (label: number, row: number) => boolean): number {
  return labels.reduce((sum, label, row) => sum + Number(isCorrect(label, row)), 0)
}

/** The place, among `units` values from `start`, of the first that is highest. */
function highest(values: ArrayLike<number>, start: number, units: number): number {
  let best = 0
  for (let unit = 1; unit < units; unit++) {
    if ((values[start + unit] ?? 0) > (values[start + best] ?? 0)) best = unit
  }
  return best
}
