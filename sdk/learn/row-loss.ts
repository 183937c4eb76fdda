import { exp, log, logSumExp } from '../random/elementary.ts'
import type { Loss } from './loss.ts'

/**
 * Computes the loss of a row of outputs in float64, and its slope at each of them: of cross-entropies before the softmax or
 * the sigmoid. The formulas are those of the engine's kernels.
 *
 * @param target The row's class, or a target for each output.
 */
export function rowLoss(
  { name, labelSmoothing, delta }: Pick<Loss, 'name' | 'labelSmoothing' | 'delta'>,
  outputs: Float32Array,
  target: Float32Array,
  slopes: Float64Array,
): number {
  const size = outputs.length
  if (name === 'softmaxCrossEntropy') return classLoss(outputs, target[0] ?? 0, labelSmoothing, slopes)
  let sum = 0
  for (const [at, output] of outputs.entries()) {
    const goal = target[at] ?? 0
    const error = output - goal
    switch (name) {
      case 'sigmoidCrossEntropy': {
        const label = goal * (1 - labelSmoothing) + labelSmoothing / 2
        const decay = exp(-Math.abs(output))
        sum += Math.max(output, 0) - output * label + log(1 + decay)
        slopes[at] = (output >= 0 ? 1 / (1 + decay) : decay / (1 + decay)) - label
        break
      }
      case 'meanAbsoluteError':
        sum += Math.abs(error)
        slopes[at] = Math.sign(error)
        break
      case 'huber':
        sum += Math.abs(error) <= delta ? (error * error) / 2 : delta * (Math.abs(error) - delta / 2)
        slopes[at] = Math.max(-delta, Math.min(delta, error))
        break
      default:
        sum += error * error
        slopes[at] = 2 * error
    }
    slopes[at]! /= size
  }
  return sum / size
}

function classLoss(outputs: Float32Array, label: number, smoothing: number, slopes: Float64Array): number {
  const whole = logSumExp(outputs)
  let loss = 0
  for (const [at, value] of outputs.entries()) {
    const share = smoothing / outputs.length + (at === label ? 1 - smoothing : 0)
    loss += share * (whole - value)
    slopes[at] = exp(value - whole) - share
  }
  return loss
}
