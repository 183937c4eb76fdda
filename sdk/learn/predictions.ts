import { exp, logSumExp } from '../random/elementary.ts'
import type { Predictions } from './learner.ts'
import type { LastActivation, Loss } from './loss.ts'

/** The outputs of a model with the last activation applied that the loss takes upon itself. Changes `outputs`. */
export function predictionsOf(
  outputs: Float32Array,
  shape: readonly number[],
  lastActivation: Pick<LastActivation, 'activation'> | undefined,
  { targets }: Pick<Loss, 'targets'>,
): Predictions {
  const activation = lastActivation?.activation.replaceAll('_', '').toLowerCase()
  if (activation === 'sigmoid')
    for (let at = 0; at < outputs.length; at++) outputs[at] = 1 / (1 + exp(-(outputs[at] ?? 0)))
  if (activation === 'softmax' || activation === 'logsoftmax') {
    const size = shape.at(-1) ?? 1
    for (let from = 0; from < outputs.length; from += size)
      softmax(outputs.subarray(from, from + size), activation === 'logsoftmax')
  }
  if (targets !== 'classes' && targets !== 'labels') return { shape, values: outputs }
  return { shape, values: outputs, of: targets, areProbabilities: activation === 'sigmoid' || activation === 'softmax' }
}

function softmax(row: Float32Array, isLogarithm: boolean): void {
  const whole = logSumExp(row)
  for (let at = 0; at < row.length; at++) {
    const logarithm = row[at]! - whole
    row[at] = isLogarithm ? logarithm : exp(logarithm)
  }
}
