import {
  type Examples,
  inMemoryExamples,
  type LayersLearnerSettings,
  type LocalTerms,
  layersLearner,
  randomStream,
  weightsHash,
} from '../../sdk/index.ts'
import { normal } from '../../sdk/random/distributions.ts'
import { embeddedNumbers, everyImageLayer, twoHiddenLayers } from './reproducible-models.ts'

/**
 * Hashes of the weights after whole trainings on the engine. Each layer, optimizer, loss and term is in one of the
 * trainings.
 */
export async function reproducibleTraining(seed: number) {
  const image = (classes: number) => realExamples(seed, [12, 12, 3], 20, classes)
  return {
    twoHiddenLayers: await trainedHash(seed, byteExamples(seed, [28, 28], 100, 10), {
      model: twoHiddenLayers,
      loss: 'softmaxCrossEntropy',
      ...{ learningRate: 0.1, epochs: 2, batch: 10 },
    }),
    batchNormalized: await trainedHash(seed, image(5), {
      model: everyImageLayer('batch', 5),
      loss: 'softmaxCrossEntropy',
      ...{ learningRate: 0.01, epochs: 2, batch: 8, optimizer: 'adam', weightDecay: 0.01 },
    }),
    groupNormalized: await trainedHash(
      seed,
      image(2),
      {
        model: everyImageLayer('group', 1),
        loss: 'sigmoidCrossEntropy',
        ...{ learningRate: 0.05, epochs: 2, batch: 8, momentum: 0.9, nesterov: true, clipNorm: 0.5 },
      },
      (weights) => ({ proximal: 0.1, correction: weights.map((value) => value / 64) }),
    ),
    clippedByExample: await trainedHash(
      seed,
      image(2),
      {
        model: everyImageLayer('group', 1),
        loss: 'sigmoidCrossEntropy',
        ...{ learningRate: 0.05, epochs: 1, batch: 8, momentum: 0.5, weightDecay: 0.01 },
      },
      () => ({ exampleClip: 0.2 }),
    ),
    embedded: await trainedHash(
      seed,
      numberExamples(seed),
      {
        model: embeddedNumbers,
        loss: 'meanSquaredError',
        ...{ learningRate: 0.02, epochs: 3, batch: 7, optimizer: 'adamw', weightDecay: 0.1, clipValue: 0.05 },
      },
      (weights) => ({ dynamic: { alpha: 0.1, gradient: weights.map((value) => value / 32) } }),
    ),
  }
}

/** The hash of the weights after a training, and the losses of the training and of an evaluation, to the last bit. */
async function trainedHash(
  seed: number,
  examples: Examples,
  settings: LayersLearnerSettings,
  termsOf: (weights: Float32Array) => LocalTerms = () => ({}),
): Promise<string> {
  const learner = await layersLearner({ ...settings, engine: 'engine' })
  const weights = await learner.initialWeights(randomStream(seed, 'initial-weights'))
  const random = randomStream(seed, 1, 'trainer-1', 'train')
  const { delta, metrics } = await learner.train({ weights, examples, random, terms: termsOf(weights) })
  const trained = weights.map((value, index) => value + (delta[index] ?? 0))
  const evaluation = await learner.evaluate(trained, examples)
  const losses = [metrics.loss, evaluation.metrics.loss].map((loss = Number.NaN) => {
    if (!Number.isFinite(loss)) throw new Error(`a training went astray: its loss is ${loss}`)
    return loss
  })
  return `${await weightsHash(trained)} ${losses.join(' ')}`
}

/** Grey images among noise, with strokes in rows that depend on the class. */
function byteExamples(seed: number, shape: readonly [number, number], count: number, classes: number): Examples {
  const random = randomStream(seed, 'byte-examples')
  const [height, width] = shape
  const labels = Uint8Array.from({ length: count }, () => random.below(classes))
  const features = Uint8Array.from({ length: count * height * width }, (_, index) => {
    const row = Math.floor(index / width) % height
    const label = labels[Math.floor(index / (height * width))] ?? 0
    return row % classes === label ? 255 - random.below(64) : random.below(32)
  })
  return inMemoryExamples({ features, labels, shape })
}

function realExamples(seed: number, shape: readonly number[], count: number, classes: number): Examples {
  const random = randomStream(seed, 'real-examples')
  const size = shape.reduce((product, length) => product * length, 1)
  const labels = Uint8Array.from({ length: count }, () => random.below(classes))
  const features = Float32Array.from(
    { length: count * size },
    (_, index) => normal(random) / 2 + (labels[Math.floor(index / size)] ?? 0) / classes,
  )
  return inMemoryExamples({ features, labels, shape })
}

/** Lists of numbers whose target is the share of even numbers. */
function numberExamples(seed: number): Examples {
  const random = randomStream(seed, 'number-examples')
  const lists = Array.from({ length: 30 }, () => Array.from({ length: 12 }, () => random.below(50)))
  const labels = Float32Array.from(lists, (list) => list.filter((number) => number % 2 === 0).length / 12)
  return inMemoryExamples({ features: Float32Array.from(lists.flat()), labels, shape: [12] })
}
