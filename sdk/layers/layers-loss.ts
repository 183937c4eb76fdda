import type { LayersModel, NamedTensorMap, Scalar, Tensor, Variable } from '@tensorflow/tfjs'
import type { FittedLoss } from '../learn/fitted-loss.ts'
import { type LastActivation, passingClasses, recurrentClasses } from '../learn/loss.ts'
import type { TensorFlow } from './tensorflow.ts'

/** Targets of a batch's examples, and weights of their rows where the loss weighs them. */
export interface BatchTargets {
  readonly examples: number
  readonly targets: Float32Array
  readonly weights: Float64Array | undefined
}

export interface TensorLoss {
  readonly fitted: FittedLoss
  /** Whether rows have weights. */
  readonly isWeighed: boolean
  mean(batch: BatchTargets, outputs: Tensor): Scalar
  /** The loss of each example. */
  each(batch: BatchTargets, outputs: Tensor): Tensor
  /** Number of outputs (row-major) that predict the label's class. Absent for a loss without classes. */
  readonly correct?: (labels: Float32Array, outputs: ArrayLike<number>) => number
}

/** A loss by the operations of TensorFlow.js. Undefined for a composition of operations of this package. */
export function tensorLoss(tf: TensorFlow, fitted: FittedLoss): TensorLoss | undefined {
  const { loss, rows, size, targets: perExample, weighted } = fitted
  if (loss.own) return undefined
  const isPlain = rows === 1 && perExample === 1 && !weighted && loss.labelSmoothing === 0
  const plain = isPlain ? plainLoss(tf, fitted) : undefined
  if (plain) return { ...plain, fitted, isWeighed: false }
  const ofRows = rowLoss(tf, fitted)
  const each: TensorLoss['each'] = ({ examples, targets, weights = new Float64Array() }, outputs) => {
    const losses = ofRows(targets, outputs.reshape([examples * rows, size]))
    return losses
      .mul(tf.tensor1d(Float32Array.from(weights)))
      .reshape([examples, rows])
      .sum(1)
  }
  return { fitted, isWeighed: true, each, mean: (batch, outputs) => each(batch, outputs).mean<Scalar>() }
}

/** The loss of each row. */
function rowLoss(tf: TensorFlow, { loss, size }: FittedLoss): (targets: Float32Array, rows: Tensor) => Tensor {
  const { NONE } = tf.Reduction
  const { labelSmoothing, delta } = loss
  const like = (targets: Float32Array, rows: Tensor) => tf.tensor(targets, rows.shape)
  const mean = (values: Tensor) => values.mean(1)
  switch (loss.name) {
    case 'softmaxCrossEntropy': {
      // A masked row has the weight 0, whatever its class.
      const classes = (targets: Float32Array) => targets.map((label) => Math.max(0, label))
      const oneHot = (targets: Float32Array) => tf.oneHot(tf.tensor1d(classes(targets), 'int32'), size)
      return (targets, rows) =>
        tf.losses.softmaxCrossEntropy<Tensor, Tensor>(oneHot(targets), rows, undefined, labelSmoothing, NONE)
    }
    case 'sigmoidCrossEntropy':
      return (targets, rows) =>
        mean(tf.losses.sigmoidCrossEntropy<Tensor, Tensor>(like(targets, rows), rows, undefined, labelSmoothing, NONE))
    case 'meanAbsoluteError':
      return (targets, rows) =>
        mean(tf.losses.absoluteDifference<Tensor, Tensor>(like(targets, rows), rows, undefined, NONE))
    case 'huber':
      return (targets, rows) =>
        mean(tf.losses.huberLoss<Tensor, Tensor>(like(targets, rows), rows, undefined, delta, NONE))
    default:
      return (targets, rows) =>
        mean(tf.losses.meanSquaredError<Tensor, Tensor>(like(targets, rows), rows, undefined, NONE))
  }
}

/** A loss with one target an example, of the weight 1. */
function plainLoss(
  tf: TensorFlow,
  { loss, size: units }: FittedLoss,
): Pick<TensorLoss, 'mean' | 'each' | 'correct'> | undefined {
  const column = (labels: Float32Array) => tf.tensor2d(labels, [labels.length, 1])
  const { NONE } = tf.Reduction
  const oneHot = (labels: Float32Array) => tf.oneHot(tf.tensor1d(labels, 'int32'), units)
  switch (loss.name) {
    case 'softmaxCrossEntropy':
      return {
        mean: ({ targets }, outputs) => tf.losses.softmaxCrossEntropy<Tensor, Scalar>(oneHot(targets), outputs),
        each: ({ targets }, outputs) =>
          tf.losses.softmaxCrossEntropy<Tensor, Tensor>(oneHot(targets), outputs, undefined, 0, NONE),
        correct: (labels, outputs) => count(labels, (label, row) => highest(outputs, row * units, units) === label),
      }
    case 'sigmoidCrossEntropy':
      return {
        mean: ({ targets }, outputs) => tf.losses.sigmoidCrossEntropy<Tensor, Scalar>(column(targets), outputs),
        each: ({ targets }, outputs) =>
          tf.losses.sigmoidCrossEntropy<Tensor, Tensor>(column(targets), outputs, undefined, 0, NONE),
        correct: (labels, outputs) => count(labels, (label, row) => Number((outputs[row] ?? 0) > 0) === label),
      }
    case 'meanSquaredError':
      return {
        mean: ({ targets }, outputs) => tf.losses.meanSquaredError(column(targets), outputs),
        each: ({ targets }, outputs) =>
          tf.losses.meanSquaredError<Tensor, Tensor>(column(targets), outputs, undefined, NONE),
      }
  }
  return undefined
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
