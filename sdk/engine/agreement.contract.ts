import type { LayersModel } from '@tensorflow/tfjs'
import type { Examples } from '../data/examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import { loadTensorFlow, type TensorFlow } from '../layers/tensorflow.ts'
import type { Learner } from '../learn/learner.ts'
import type { LossChoice } from '../learn/loss.ts'
import { randomStream } from '../random/random-stream.ts'
import { tensorViews } from '../weights/layout.ts'

/** A model to train both in the engine and by TensorFlow.js, from the same weights on the same examples. */
export interface Comparison {
  readonly model: (tf: TensorFlow) => LayersModel
  readonly shape: readonly number[]
  readonly loss?: LossChoice
  /** Number of classes, 1 to 3. For an embedding, features are whole numbers below `numbers`. */
  readonly classes?: number
  readonly numbers?: number
  /** The shape of targets, where an example has more than a label: classes, or values from −1 to 1. */
  readonly targets?: { readonly shape: readonly number[]; readonly of: 'classes' | 'values' }
  readonly examples?: number
  readonly batch?: number
  readonly epochs?: number
  readonly momentum?: number
  readonly seed?: number
}

/** Selects the plain JavaScript backend, which has the gradients of all layers. */
export async function usePlainTensorFlow(): Promise<void> {
  const tf = await loadTensorFlow()
  await tf.setBackend('cpu')
}

const stream = ({ seed = 1 }: Comparison, name: string) => randomStream(seed, name)

function learnerOf(comparison: Comparison, engine: 'engine' | 'tensorflow'): Promise<Learner> {
  const { model, loss = 'softmaxCrossEntropy', batch = 100, epochs = 1, momentum = 0 } = comparison
  // With a rate of 1, the length of one step is the gradient itself, up to rounding of the weights.
  return layersLearner({ model, loss, learningRate: epochs > 1 ? 0.1 : 1, epochs, batch, momentum, engine })
}

export function examplesOf(comparison: Comparison): Examples {
  const { shape, classes = 3, numbers, targets, examples = 4 } = comparison
  const size = shape.reduce((product, length) => product * length, 1)
  const random = stream(comparison, 'examples')
  const feature = () => (numbers === undefined ? 2 * random.uniform() - 1 : random.below(numbers))
  const features = Float32Array.from({ length: examples * size }, feature)
  const labels = Array.from({ length: examples }, () => random.below(classes))
  const perTarget = targets?.shape.reduce((product, length) => product * length, 1) ?? 0
  const drawn = Float32Array.from({ length: examples * perTarget }, () =>
    targets?.of === 'values' ? 2 * random.uniform() - 1 : random.below(classes),
  )
  return {
    count: examples,
    shape,
    targets: targets && {
      shape: targets.shape,
      read: (index, out, offset) => out.set(drawn.subarray(index * perTarget, (index + 1) * perTarget), offset),
    },
    columns: { weight: (index) => [1, 0, 2.5][index % 3] ?? 1 },
    read: (index, out, offset) => out.set(features.subarray(index * size, (index + 1) * size), offset),
    label: (index) => labels[index] ?? 0,
  }
}

/**
 * Random weights without zeros in biases or ones in scales, so that a forgotten factor or term shows. Variances stay
 * above 0.
 */
export async function weightsOf(learner: Learner, comparison: Comparison): Promise<Float32Array> {
  const weights = await learner.initialWeights(stream(comparison, 'initial-weights'))
  const random = stream(comparison, 'weights')
  for (const [name, values] of tensorViews(learner.layout, weights)) {
    const shift = name.endsWith('variance') ? 0 : 0.3
    for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) + 0.6 * random.uniform() - shift
  }
  return weights
}

/**
 * The differences between the engine's training and evaluation and TensorFlow.js's: for each tensor of the update the
 * largest difference relative to the tensor's largest value, and the relative differences of the losses. A gradient of
 * 0, as of a bias before a normalization, is only rounding: values below 0.2 count as 0.2 in the division.
 */
export async function disagreement(comparison: Comparison): Promise<Readonly<Record<string, number>>> {
  const [ours, theirs] = [await learnerOf(comparison, 'engine'), await learnerOf(comparison, 'tensorflow')]
  const weights = await weightsOf(ours, comparison)
  const examples = examplesOf(comparison)
  const results = []
  for (const learner of [ours, theirs]) {
    const update = await learner.train({ weights, examples, random: stream(comparison, 'train') })
    results.push({ update, evaluation: await learner.evaluate(weights, examples) })
  }
  theirs.dispose?.()
  const [our, their] = results
  if (!our || !their) throw new Error('there are two learners')
  const off: Record<string, number> = {}
  const views = tensorViews(theirs.layout, their.update.delta)
  for (const [name, values] of tensorViews(ours.layout, our.update.delta)) {
    const expected = views.get(name) ?? new Float32Array()
    const most = (difference: (value: number, i: number) => number) =>
      values.reduce((found, value, i) => Math.max(found, Math.abs(difference(value, i))), 0)
    const scale = Math.max(
      0.2,
      most((_, i) => expected[i] ?? Number.NaN),
    )
    off[name] = most((value, i) => value - (expected[i] ?? Number.NaN)) / scale
  }
  const relative = (a = Number.NaN, b = Number.NaN) => Math.abs(a - b) / Math.max(1, Math.abs(b))
  off.trainingLoss = relative(our.update.metrics.loss, their.update.metrics.loss)
  off.evaluationLoss = relative(our.evaluation.metrics.loss, their.evaluation.metrics.loss)
  return off
}

/**
 * The engine's gradient along two directions, the gradient itself and a random one, and the loss's measured slope along
 * each.
 */
export async function slopes(comparison: Comparison): Promise<{ computed: number; measured: number }[]> {
  const learner = await learnerOf(comparison, 'engine')
  const weights = await weightsOf(learner, comparison)
  const train = (from: Float32Array) =>
    learner.train({ weights: from, examples: examplesOf(comparison), random: stream(comparison, 'train') })
  const gradient = (await train(weights)).delta.map((value) => -value)
  // Moving means have no gradient: the layer itself moves them.
  for (const [name, values] of tensorViews(learner.layout, gradient)) if (name.includes('moving')) values.fill(0)
  const random = stream(comparison, 'direction')
  const directions = [gradient, gradient.map(() => random.uniform() - 0.5)].map((direction) => {
    const length = Math.hypot(...direction)
    return direction.map((value) => value / length)
  })
  const measured = []
  for (const direction of directions) {
    const lossAt = async (step: number) =>
      (await train(weights.map((value, i) => value + step * (direction[i] ?? 0)))).metrics.loss ?? Number.NaN
    const step = 0.01
    measured.push({
      computed: gradient.reduce((sum, value, i) => sum + value * (direction[i] ?? 0), 0),
      measured: ((await lossAt(step)) - (await lossAt(-step))) / (2 * step),
    })
  }
  return measured
}
