import { knownNames } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { learnError } from './errors.ts'

/**
 * The losses: a mean over the batch, computed from the model's outputs before a last softmax or sigmoid, which the loss
 * applies:
 * - `softmaxCrossEntropy`: labels are classes, with one output for each class;
 * - `sigmoidCrossEntropy`: labels are 0 or 1, with one output;
 * - `meanSquaredError`: labels are target values, with one output.
 */
export type LossName = 'softmaxCrossEntropy' | 'sigmoidCrossEntropy' | 'meanSquaredError'

/** Names of these losses in Keras. With `categoricalCrossentropy`, labels are classes, too. */
export type LossAlias = keyof typeof lossAliases

export const lossNames: readonly LossName[] = ['softmaxCrossEntropy', 'sigmoidCrossEntropy', 'meanSquaredError']

export const lossAliases = {
  categoricalCrossentropy: 'softmaxCrossEntropy',
  sparseCategoricalCrossentropy: 'softmaxCrossEntropy',
  binaryCrossentropy: 'sigmoidCrossEntropy',
  mse: 'meanSquaredError',
} as const satisfies Record<string, LossName>

/** Finds a loss by its name or alias. LEARN_SETTING, with the known names, for any other name. */
export function lossNamed(given: LossName | LossAlias): LossName {
  const aliased = Object.entries(lossAliases).find(([alias]) => alias === given)?.[1]
  const name = aliased ?? lossNames.find((each) => each === given)
  if (name !== undefined) return name
  const known = knownNames(String(given), [...lossNames, ...Object.keys(lossAliases)])
  throw learnError('LEARN_SETTING', { name: 'loss', expected: `one of ${known}`, value: given })
}

/** Number of classes that labels name, for a model with this number of outputs. Undefined where labels are target values. */
export function classesOf(name: LossName, outputs: number): number | undefined {
  if (name === 'meanSquaredError') return undefined
  return name === 'softmaxCrossEntropy' ? outputs : 2
}

/** Refuses a label without an output of the model: LEARN_LABEL. */
export type LabelCheck = (label: number, index: number) => void

/** Checks all labels. LEARN_LABEL for the first label without an output of the model. */
export function checkLabels(check: LabelCheck, examples: Examples): void {
  for (let index = 0; index < examples.count; index++) check(examples.label(index), index)
}

/**
 * Makes the check of labels for a loss and a model with outputs of this shape. @throws LEARN_OUTPUTS for a loss that
 * doesn't fit the outputs.
 */
export function labelCheck(name: LossName, outputs: number, shape: readonly number[] = [outputs]): LabelCheck {
  if (name !== 'softmaxCrossEntropy' && outputs !== 1) throw learnError('LEARN_OUTPUTS', { loss: name, outputs: shape })
  const classes = classesOf(name, outputs)
  if (classes === undefined) return () => {}
  return (label, index) => {
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw learnError('LEARN_LABEL', { index, label, outputs: classes })
    }
  }
}

/** An activation at the end of a model. */
export interface LastActivation {
  readonly layer: string
  /** The name in the layer's configuration, such as `softmax`. */
  readonly activation: string
  /** Number of values that one softmax normalizes: the last dimension of its input. */
  readonly values: number
}

/** The activations that a loss applies itself: at the end of a model, one of these would be applied twice. */
const applied: Readonly<Record<LossName, readonly string[]>> = {
  softmaxCrossEntropy: ['softmax', 'logsoftmax'],
  sigmoidCrossEntropy: ['sigmoid'],
  meanSquaredError: [],
}

/** Activations that also make probabilities, but differ from the one that the loss applies. */
const others: Readonly<Record<LossName, readonly string[]>> = {
  softmaxCrossEntropy: ['sigmoid', 'hardsigmoid'],
  sigmoidCrossEntropy: ['hardsigmoid'],
  meanSquaredError: [],
}

/**
 * Whether the loss takes the input of the model's last activation, since the loss applies this activation itself.
 *
 * @throws LEARN_LAST_ACTIVATION where the loss would treat probabilities as values before its activation, or where all
 *   outputs are 1.
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

/** The remark about a model whose last activation the loss applies. */
export function lastActivationRemark(loss: LossName, { layer, activation }: LastActivation): string {
  return `${loss} takes the input of the ${activation} of layer ${layer}, since the loss applies the ${activation} itself: the model trains as without this activation, but is published with it, so that the model predicts probabilities`
}

/** Layers that pass their input values on unchanged. */
export const passingClasses: readonly string[] = ['Flatten', 'Reshape']

/** Layers that use their activation at each step, so that no loss can apply it in their place. */
export const recurrentClasses: readonly string[] = ['ConvLSTM2D', 'GRU', 'LSTM', 'RNN', 'SimpleRNN']
