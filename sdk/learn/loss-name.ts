import { knownNames } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { learnError } from './errors.ts'

/**
 * What is minimized, as a mean over the batch, from the model's outputs before a last softmax or sigmoid, which the loss applies:
 * - `softmaxCrossEntropy`: labels are classes, one output per class;
 * - `sigmoidCrossEntropy`: labels are 0 or 1, one output;
 * - `meanSquaredError`: labels are target values, one output.
 */
export type LossName = 'softmaxCrossEntropy' | 'sigmoidCrossEntropy' | 'meanSquaredError'

/** What Keras calls these losses. Labels of `categoricalCrossentropy` are classes, too. */
export type LossAlias = keyof typeof aliases

const names: readonly LossName[] = ['softmaxCrossEntropy', 'sigmoidCrossEntropy', 'meanSquaredError']

const aliases = {
  categoricalCrossentropy: 'softmaxCrossEntropy',
  sparseCategoricalCrossentropy: 'softmaxCrossEntropy',
  binaryCrossentropy: 'sigmoidCrossEntropy',
  mse: 'meanSquaredError',
} as const satisfies Record<string, LossName>

/** The loss that a name stands for. LEARN_SETTING, with the known ones, for any other. */
export function lossNamed(given: LossName | LossAlias): LossName {
  const aliased = Object.entries(aliases).find(([alias]) => alias === given)?.[1]
  const name = aliased ?? names.find((each) => each === given)
  if (name !== undefined) return name
  const known = knownNames(String(given), [...names, ...Object.keys(aliases)])
  throw learnError('LEARN_SETTING', { name: 'loss', expected: `one of ${known}`, value: given })
}

/** Refuses a label that the model has no output for: LEARN_LABEL. */
export type LabelCheck = (label: number, index: number) => void

/** LEARN_LABEL for the first of the labels that the model has no output for. */
export function checkLabels(check: LabelCheck, examples: Examples): void {
  for (let index = 0; index < examples.count; index++) check(examples.label(index), index)
}

/** @throws LEARN_OUTPUTS for a loss that doesn't fit the model's outputs, which have this shape. */
export function labelCheck(name: LossName, outputs: number, shape: readonly number[] = [outputs]): LabelCheck {
  if (name !== 'softmaxCrossEntropy' && outputs !== 1) throw learnError('LEARN_OUTPUTS', { loss: name, outputs: shape })
  if (name === 'meanSquaredError') return () => {}
  const classes = name === 'softmaxCrossEntropy' ? outputs : 2
  return (label, index) => {
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw learnError('LEARN_LABEL', { index, label, outputs: classes })
    }
  }
}
