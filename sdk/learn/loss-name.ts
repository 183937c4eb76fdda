import type { Examples } from '../data/examples.ts'
import { learnError } from './errors.ts'

/**
 * What is minimized, as a mean over the batch, from the model's outputs before a last softmax or sigmoid, which the loss applies:
 * - `softmaxCrossEntropy`: labels are classes, one output per class;
 * - `sigmoidCrossEntropy`: labels are 0 or 1, one output;
 * - `meanSquaredError`: labels are target values, one output.
 */
export type LossName = 'softmaxCrossEntropy' | 'sigmoidCrossEntropy' | 'meanSquaredError'

/** Refuses a label that the model has no output for: LEARN_LABEL. */
export type LabelCheck = (label: number, index: number) => void

/** LEARN_LABEL for the first of the labels that the model has no output for. */
export function checkLabels(check: LabelCheck, examples: Examples): void {
  for (let index = 0; index < examples.count; index++) check(examples.label(index), index)
}

/** @throws LEARN_SETTING for an unknown loss, or one that doesn't fit the model's number of outputs. */
export function labelCheck(name: LossName, outputs: number): LabelCheck {
  if (!['softmaxCrossEntropy', 'sigmoidCrossEntropy', 'meanSquaredError'].includes(name)) {
    throw learnError('LEARN_SETTING', { name: 'loss', expected: 'the name of a loss', value: name })
  }
  if (name !== 'softmaxCrossEntropy' && outputs !== 1) {
    throw learnError('LEARN_SETTING', { name: 'loss', expected: `one for ${outputs} outputs`, value: name })
  }
  if (name === 'meanSquaredError') return () => {}
  const classes = name === 'softmaxCrossEntropy' ? outputs : 2
  return (label, index) => {
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw learnError('LEARN_LABEL', { index, label, outputs: classes })
    }
  }
}
