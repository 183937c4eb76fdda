import { knownNames } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { learnError } from './errors.ts'

/**
 * The losses: a mean over the batch, from the model's outputs before a last softmax or sigmoid, which the loss applies:
 * - `softmaxCrossEntropy`: labels are classes, one output per class;
 * - `sigmoidCrossEntropy`: labels are 0 or 1, one output;
 * - `meanSquaredError`: labels are target values, one output.
 */
export type LossName = 'softmaxCrossEntropy' | 'sigmoidCrossEntropy' | 'meanSquaredError'

/** The names of these losses in Keras. Labels of `categoricalCrossentropy` are classes, too. */
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

/** An activation with which a model ends. */
export interface LastActivation {
  readonly layer: string
  /** As a layer names it, such as `softmax`. */
  readonly activation: string
  /** Values that a softmax makes to sum up to 1: the last dimension of its input. */
  readonly values: number
}

/** The activations that a loss applies itself, so that the same one at the end of a model would be applied twice. */
const applied: Readonly<Record<LossName, readonly string[]>> = {
  softmaxCrossEntropy: ['softmax', 'logsoftmax'],
  sigmoidCrossEntropy: ['sigmoid'],
  meanSquaredError: [],
}

/** Activations that make probabilities, of a kind that the loss's own can't be taken for. */
const others: Readonly<Record<LossName, readonly string[]>> = {
  softmaxCrossEntropy: ['sigmoid', 'hardsigmoid'],
  sigmoidCrossEntropy: ['hardsigmoid'],
  meanSquaredError: [],
}

/**
 * Whether the loss takes the input of the model's last activation, since the loss applies that activation itself.
 *
 * @throws LEARN_LAST_ACTIVATION where the loss would be computed of probabilities as if they weren't any, or where all outputs
 *   are 1.
 */
export function lossApplies(loss: LossName, { layer, activation, values }: LastActivation, outputs: number): boolean {
  const name = activation.replaceAll('_', '').toLowerCase()
  const refused = (reason: string, instead: string) =>
    learnError('LEARN_LAST_ACTIVATION', { layer, activation, loss, reason, instead })
  if (name === 'softmax' && values === 1) {
    throw refused('a softmax of a single value is always 1', 'use a sigmoid, or as many units as there are classes')
  }
  const own = applied[loss]
  if (others[loss].includes(name)) {
    throw refused(`the loss expects outputs before the ${own[0]}`, `use the activation ${own[0]}, or leave it out`)
  }
  return own.includes(name) && (name === 'sigmoid' || values === outputs)
}

/** The remark about a model whose last activation its loss applies. */
export function lastActivationRemark(loss: LossName, { layer, activation }: LastActivation): string {
  return `${loss} takes what the ${activation} of layer ${layer} gets, since it applies that itself: the model trains as without it, and is published with it, so that it predicts probabilities`
}

/** Layers that give the values that they get. */
export const passingClasses: readonly string[] = ['Flatten', 'Reshape']
