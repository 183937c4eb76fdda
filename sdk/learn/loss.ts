import { knownNames } from '../../runtime/index.ts'
import { learnError } from './errors.ts'
import { modelError } from './model-errors.ts'
import { type OwnLoss, supervisedContrastive } from './own-loss.ts'

/** The losses. docs/models.md has their formulas; each is a mean over the examples. */
export type LossName =
  | 'softmaxCrossEntropy'
  | 'sigmoidCrossEntropy'
  | 'meanSquaredError'
  | 'meanAbsoluteError'
  | 'huber'
  | 'supervisedContrastive'

/** Names of these losses in Keras. With `categoricalCrossentropy`, labels are classes, too. */
export type LossAlias = keyof typeof lossAliases

export const lossAliases = {
  categoricalCrossentropy: 'softmaxCrossEntropy',
  sparseCategoricalCrossentropy: 'softmaxCrossEntropy',
  binaryCrossentropy: 'sigmoidCrossEntropy',
  mae: 'meanAbsoluteError',
  mse: 'meanSquaredError',
} as const satisfies Record<string, LossName>

/** A loss with settings. Those of another loss are refused. */
export interface LossSettings {
  readonly name: LossName | LossAlias
  /**
   * Of cross-entropies, in [0, 1): the share of the target that all classes get alike, or that moves a label of 0 or 1
   * towards a half. Default 0.
   */
  readonly labelSmoothing?: number
  /** Of softmaxCrossEntropy: a class that stands for no target, such as padding. Its steps don't count. */
  readonly masked?: number
  /** Of cross-entropies: a factor from 0 for the loss of each class; for one output, of 0 and of 1. */
  readonly classWeights?: readonly number[]
  /** A column of the examples with a factor from 0 for the loss of each example. */
  readonly exampleWeights?: string
  /** Of huber: δ, the error above which the loss grows linearly. Default 1. */
  readonly delta?: number
  /** Of supervisedContrastive: T. Default 0.1. */
  readonly temperature?: number
}

/** A loss for each of several outputs of a model that the engine trains. The loss of an example is Σ weight·loss. */
export interface OutputLosses {
  /** By the name of the layer that gives the output. Each output has one; its classes, labels or values are a part of the target. */
  readonly losses: Readonly<Record<string, LossName | LossAlias | LossSettings>>
  /** By output: a factor from 0. Default 1. */
  readonly weights?: Readonly<Record<string, number>>
}

/** A loss as a learner's settings give it. */
export type LossChoice = LossName | LossAlias | LossSettings | OwnLoss | OutputLosses

/** A loss with its settings checked and completed. */
export interface Loss {
  readonly name: string
  /** Classes: one of several, in each row of outputs. Labels: 0 or 1 for each output. Values: one for each output. */
  readonly targets: 'classes' | 'labels' | 'values' | 'own'
  readonly labelSmoothing: number
  readonly masked: number | undefined
  readonly classWeights: readonly number[] | undefined
  readonly exampleWeights: string | undefined
  readonly delta: number
  /** The loss as a composition of operations, where it is one. */
  readonly own: OwnLoss | undefined
  /** The losses of several outputs, by output. `own` then only names them. */
  readonly outputs?: Readonly<Record<string, WeightedLoss>>
}

export interface WeightedLoss {
  readonly loss: Loss
  readonly weight: number
}

type Rule = readonly [fits: (value: unknown) => boolean, expected: string]

const isFactor = (value: unknown) => typeof value === 'number' && value >= 0 && Number.isFinite(value)
const aboveZero: Rule = [(value) => isFactor(value) && value !== 0, 'a finite number above 0']
const rules = {
  labelSmoothing: [(value) => isFactor(value) && Number(value) < 1, 'a number from 0 and below 1'],
  masked: [Number.isInteger, 'a whole number'],
  classWeights: [
    (value) => Array.isArray(value) && value.length > 1 && value.every(isFactor),
    'a list with a number from 0 for each class',
  ],
  exampleWeights: [(value) => typeof value === 'string', 'the name of a column'],
  delta: aboveZero,
  temperature: aboveZero,
} as const satisfies Record<string, Rule>

type LossSetting = keyof typeof rules

const kinds: Readonly<Record<LossName, readonly [targets: Loss['targets'], settings: readonly LossSetting[]]>> = {
  softmaxCrossEntropy: ['classes', ['labelSmoothing', 'masked', 'classWeights', 'exampleWeights']],
  sigmoidCrossEntropy: ['labels', ['labelSmoothing', 'classWeights', 'exampleWeights']],
  meanSquaredError: ['values', ['exampleWeights']],
  meanAbsoluteError: ['values', ['exampleWeights']],
  huber: ['values', ['delta', 'exampleWeights']],
  supervisedContrastive: ['own', ['temperature', 'exampleWeights']],
}

/** The names of the losses with their settings. */
export const lossSettings: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(kinds).map(([name, [, settings]]) => [name, settings]),
)

/**
 * Finds a loss by its name or alias, and checks its settings. LEARN_SETTING, with the known names, for any other name, for
 * a setting that the loss doesn't have, and for a value out of range.
 */
export function lossOf(choice: LossChoice): Loss {
  // From JavaScript a loss may be missing.
  if (typeof choice !== 'string' && (typeof choice !== 'object' || choice === null)) throw unknownLoss(choice)
  if (typeof choice !== 'string' && 'of' in choice) return ownLoss(choice)
  if (typeof choice !== 'string' && 'losses' in choice) return lossOfOutputs(choice)
  const { name: given, ...settings }: LossSettings = typeof choice === 'string' ? { name: choice } : choice
  const name = lossNamed(given)
  const [targets, known] = kinds[name]
  for (const [setting, value] of Object.entries(settings)) {
    const refuse = (expected: string) => learnError('LEARN_SETTING', { name: `loss.${setting}`, expected, value })
    const own = known.find((each) => each === setting)
    if (own === undefined) throw refuse(`absent: ${name} has the settings ${knownNames(setting, known)}`)
    const [fits, expected] = rules[own]
    if (value !== undefined && !fits(value)) throw refuse(expected)
  }
  const { labelSmoothing = 0, masked, classWeights, exampleWeights, delta = 1, temperature = 0.1 } = settings
  const own = name === 'supervisedContrastive' ? supervisedContrastive(temperature) : undefined
  return { name, targets, labelSmoothing, masked, classWeights, exampleWeights, delta, own }
}

function lossOfOutputs({ losses, weights = {} }: OutputLosses): Loss {
  const names = Object.keys(losses)
  const refuse = (name: string, expected: string, value: unknown) =>
    learnError('LEARN_SETTING', { name, expected, value })
  if (names.length === 0) throw refuse('loss.losses', 'a loss for each output', 'empty')
  for (const [name, weight] of Object.entries(weights)) {
    if (!names.includes(name))
      throw refuse(`loss.weights.${name}`, `absent: the outputs are ${names.join(', ')}`, weight)
    if (!isFactor(weight)) throw refuse(`loss.weights.${name}`, 'a finite number from 0', weight)
  }
  const outputs = Object.entries(losses).map(([name, choice]): [string, WeightedLoss] => {
    const loss = lossOf(choice)
    if (loss.own) throw refuse(`loss.losses.${name}`, 'a loss that does not compare the examples of a batch', loss.name)
    return [name, { loss, weight: weights[name] ?? 1 }]
  })
  const name = outputs.map(([output, { loss }]) => `${loss.name} of ${output}`).join(', ')
  const own: OwnLoss = {
    name,
    of() {
      throw new TypeError('losses of several outputs are no composition of operations')
    },
  }
  return { ...ownLoss(own), outputs: Object.fromEntries(outputs) }
}

function ownLoss(own: OwnLoss): Loss {
  return {
    name: own.name,
    targets: 'own',
    labelSmoothing: 0,
    masked: undefined,
    classWeights: undefined,
    exampleWeights: undefined,
    delta: 1,
    own,
  }
}

function lossNamed(given: string): LossName {
  const aliased = Object.entries(lossAliases).find(([alias]) => alias === given)?.[1]
  const name = aliased ?? Object.keys(kinds).find((each): each is LossName => each === given)
  if (name !== undefined) return name
  throw unknownLoss(given)
}

function unknownLoss(value: unknown): Error {
  const known = knownNames(String(value), [...Object.keys(kinds), ...Object.keys(lossAliases)])
  return learnError('LEARN_SETTING', { name: 'loss', expected: `one of ${known}`, value })
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
const applied: Readonly<Record<Loss['targets'], readonly string[]>> = {
  classes: ['softmax', 'logsoftmax'],
  labels: ['sigmoid'],
  values: [],
  own: [],
}

/** Activations that also make probabilities, but differ from the one that the loss applies. */
const others: Readonly<Record<Loss['targets'], readonly string[]>> = {
  classes: ['sigmoid', 'hardsigmoid'],
  labels: ['hardsigmoid'],
  values: [],
  own: [],
}

/**
 * Whether the loss takes the input of the model's last activation, since the loss applies this activation itself.
 *
 * @param outputs Number of outputs in one row: the last dimension of the model's outputs.
 * @throws LEARN_LAST_ACTIVATION where the loss would treat probabilities as values before its activation, or where all
 *   outputs are 1.
 */
export function lossApplies(loss: Loss, { layer, activation, values }: LastActivation, outputs: number): boolean {
  const name = activation.replaceAll('_', '').toLowerCase()
  const refused = (reason: string, instead: string) =>
    modelError('LEARN_LAST_ACTIVATION', { layer, activation, loss: loss.name, reason, instead })
  if (name === 'softmax' && values === 1) {
    throw refused('a softmax of a single value is always 1', 'use a sigmoid, or as many units as there are classes')
  }
  const own = applied[loss.targets]
  if (others[loss.targets].includes(name)) {
    throw refused(`the loss expects outputs before the ${own[0]}`, `use the activation ${own[0]}, or leave it out`)
  }
  return own.includes(name) && (name === 'sigmoid' || values === outputs)
}

/** The remark about a model whose last activation the loss applies. */
export function lastActivationRemark({ name: loss }: Loss, { layer, activation }: LastActivation): string {
  return `${loss} takes the input of the ${activation} of layer ${layer}, since the loss applies the ${activation} itself: the model trains as without this activation, but is published with it, so that the model predicts probabilities`
}

/** Layers that pass their input values on unchanged. */
export const passingClasses: readonly string[] = ['Flatten', 'Reshape']

/** Layers that use their activation at each step, so that no loss can apply it in their place. */
export const recurrentClasses: readonly string[] = ['ConvLSTM2D', 'GRU', 'LSTM', 'RNN', 'SimpleRNN']
