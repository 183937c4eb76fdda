import type { LayersModel, NamedTensorMap, Scalar, Tensor, Variable } from '@tensorflow/tfjs'
import {
  type LabelCheck,
  type LastActivation,
  type LossName,
  labelCheck,
  passingClasses,
  recurrentClasses,
} from '../learn/loss.ts'
import type { TensorFlow } from './tensorflow.ts'

export interface Loss {
  readonly name: LossName
  readonly check: LabelCheck
  mean(labels: Float32Array, outputs: Tensor): Scalar
  /** The loss of each example. */
  each(labels: Float32Array, outputs: Tensor): Tensor
  /** Number of outputs (row-major) that predict the label's class. Absent for a loss without classes. */
  readonly correct?: (labels: Float32Array, outputs: ArrayLike<number>) => number
}

/** @throws LEARN_SETTING for an unknown loss, LEARN_OUTPUTS for a loss that doesn't fit the model's outputs. */
export function lossOf(tf: TensorFlow, name: LossName, units: number, shape: readonly number[]): Loss {
  const column = (labels: Float32Array) => tf.tensor2d(labels, [labels.length, 1])
  const check = labelCheck(name, units, shape)
  const { NONE } = tf.Reduction
  const oneHot = (labels: Float32Array) => tf.oneHot(tf.tensor1d(labels, 'int32'), units)
  switch (name) {
    case 'softmaxCrossEntropy':
      return {
        name,
        check,
        mean: (labels, outputs) => tf.losses.softmaxCrossEntropy<Tensor, Scalar>(oneHot(labels), outputs),
        each: (labels, outputs) =>
          tf.losses.softmaxCrossEntropy<Tensor, Tensor>(oneHot(labels), outputs, undefined, 0, NONE),
        correct: (labels, outputs) => count(labels, (label, row) => highest(outputs, row * units, units) === label),
      }
    case 'sigmoidCrossEntropy':
      return {
        name,
        check,
        mean: (labels, outputs) => tf.losses.sigmoidCrossEntropy<Tensor, Scalar>(column(labels), outputs),
        each: (labels, outputs) =>
          tf.losses.sigmoidCrossEntropy<Tensor, Tensor>(column(labels), outputs, undefined, 0, NONE),
        correct: (labels, outputs) => count(labels, (label, row) => Number((outputs[row] ?? 0) > 0) === label),
      }
    case 'meanSquaredError':
      return {
        name,
        check,
        mean: (labels, outputs) => tf.losses.meanSquaredError(column(labels), outputs),
        each: (labels, outputs) => tf.losses.meanSquaredError<Tensor, Tensor>(column(labels), outputs, undefined, NONE),
      }
  }
}

function count(labels: Float32Array, isCorrect: (label: number, row: number) => boolean): number {
  return labels.reduce((sum, label, row) => sum + Number(isCorrect(label, row)), 0)
}

/** Index, among `units` values from `start`, of the first highest value. */
function highest(values: ArrayLike<number>, start: number, units: number): number {
  let best = 0
  for (let unit = 1; unit < units; unit++) {
    if ((values[start + unit] ?? 0) > (values[start + best] ?? 0)) best = unit
  }
  return best
}

/**
 * Value and gradients of the loss. Where a kernel fails, frees the tensors that TensorFlow.js has saved for the
 * backward pass and would keep.
 */
export function lossGradients(
  tf: TensorFlow,
  loss: () => Scalar,
  variables: Variable[],
): { readonly value: Scalar; readonly grads: NamedTensorMap } {
  try {
    return tf.variableGrads(loss, variables)
  } catch (error) {
    for (const { saved = [] } of tf.engine().state.activeTape ?? []) for (const tensor of saved) tensor.dispose()
    throw error
  }
}

type Layer = LayersModel['layers'][number]

/** The last activation of a TensorFlow.js model, and a way to run the model without it. */
export interface LastActivationOf extends LastActivation {
  /** Runs work during which the layer passes its input on. */
  without<Result>(work: () => Result): Result
}

/**
 * Finds the last activation. Undefined where the model doesn't end with a named activation, or ends with a layer that
 * it uses several times.
 */
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

/** A layer's field with its activation, the activation's name, and a substitute that passes values on. */
function appliedBy(tf: TensorFlow, layer: Layer) {
  if (layer.getClassName() === 'Softmax') {
    const axis: unknown = layer.getConfig().axis
    const isLast = axis === -1 || axis === [layer.outputShape].flat(2).length - 1
    return isLast ? { field: 'softmax', activation: 'softmax', substitute: (x: Tensor) => x } : undefined
  }
  const activation = nameOf(layer)
  if (activation === undefined || recurrentClasses.includes(layer.getClassName())) return undefined
  const substitute: unknown = Reflect.get(tf.layers.activation({ activation: 'linear' }), 'activation')
  return { field: 'activation', activation, substitute }
}

/** The activation in a layer's configuration. */
function nameOf(layer: Layer): string | undefined {
  const { activation } = layer.getConfig()
  return typeof activation === 'string' ? activation : undefined
}
