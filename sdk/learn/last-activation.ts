import type { LayersModel, Tensor } from '@tensorflow/tfjs'
import { learnError } from './errors.ts'
import type { LossName } from './loss-name.ts'
import type { TensorFlow } from './tensorflow.ts'

type Layer = LayersModel['layers'][number]

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
 * Whether the loss takes what the model's last activation gets, since the loss applies that activation itself.
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

/** What a person should know of a model whose last activation its loss applies. */
export function lastActivationRemark(loss: LossName, { layer, activation }: LastActivation): string {
  return `${loss} takes what the ${activation} of layer ${layer} gets, since it applies that itself: the model trains as without it, and is published with it, so that it predicts probabilities`
}

/** Layers that give the values that they get. */
export const passingClasses: readonly string[] = ['Flatten', 'Reshape']

/** The last activation of a model of TensorFlow.js, and how the model gives what comes before it. */
export interface LastActivationOf extends LastActivation {
  /** Runs work in which the layer passes on what it gets. */
  without<Result>(work: () => Result): Result
}

/** Undefined where the model ends with no activation that has a name, or with a layer that it also uses elsewhere. */
export function lastActivationOf(tf: TensorFlow, model: LayersModel): LastActivationOf | undefined {
  let layer: Layer | undefined = model
  for (;;) {
    if (layer instanceof tf.LayersModel) layer = layer.outputLayers[0] ?? layer.layers.at(-1)
    else if (layer && passes(layer)) layer = layer.inboundNodes[0]?.inboundLayers[0]
    else break
    if (!layer || layer.inboundNodes.filter(({ inboundLayers }) => inboundLayers.length > 0).length > 1)
      return undefined
  }
  const found = appliedBy(tf, layer)
  if (!found) return undefined
  const { field, activation, substitute } = found
  const owner = layer
  return {
    layer: owner.name,
    activation,
    values: [owner.outputShape].flat(2).at(-1) ?? 0,
    without(work) {
      const kept: unknown = Reflect.get(owner, field)
      Reflect.set(owner, field, substitute)
      try {
        return work()
      } finally {
        Reflect.set(owner, field, kept)
      }
    },
  }
}

function passes(layer: Layer): boolean {
  const name = layer.getClassName()
  return passingClasses.includes(name) || (name === 'Activation' && nameOf(layer) === 'linear')
}

/** The field in which a layer keeps its activation, the activation's name, and what passes values on in its place. */
function appliedBy(tf: TensorFlow, layer: Layer) {
  if (layer.getClassName() === 'Softmax') {
    const axis: unknown = layer.getConfig().axis
    const isLast = axis === -1 || axis === [layer.outputShape].flat(2).length - 1
    return isLast ? { field: 'softmax', activation: 'softmax', substitute: (x: Tensor) => x } : undefined
  }
  const activation = nameOf(layer)
  if (activation === undefined) return undefined
  const substitute: unknown = Reflect.get(tf.layers.activation({ activation: 'linear' }), 'activation')
  return { field: 'activation', activation, substitute }
}

/** The activation that a layer names in its configuration. */
function nameOf(layer: Layer): string | undefined {
  const { activation } = layer.getConfig()
  return typeof activation === 'string' ? activation : undefined
}
