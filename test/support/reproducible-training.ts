import {
  type Examples,
  groupNormalization,
  inMemoryExamples,
  type Layer,
  type LayersLearnerSettings,
  type LocalTerms,
  layersLearner,
  type ModelFunction,
  multiHeadAttention,
  type Products,
  positionEmbedding,
  randomStream,
  type SymbolicTensor,
  sinePositionEncoding,
  weightsHash,
} from '../../sdk/index.ts'
import { normal } from '../../sdk/random/distributions.ts'

/**
 * Hashes of the weights after whole trainings on the engine. Each layer, optimizer, loss and term is in one of the
 * trainings.
 */
export async function reproducibleTraining(seed: number, products: Products = 'plain') {
  const how = { seed, products }
  const image = (classes: number) => realExamples(seed, [12, 12, 3], 20, classes)
  return {
    twoHiddenLayers: await trainedHash(how, byteExamples(seed, [28, 28], 100, 10), {
      model: twoHiddenLayers,
      loss: 'softmaxCrossEntropy',
      ...{ learningRate: 0.1, epochs: 2, batch: 10 },
    }),
    batchNormalized: await trainedHash(how, image(5), {
      model: everyImageLayer('batch', 5),
      loss: 'softmaxCrossEntropy',
      ...{ learningRate: 0.01, epochs: 2, batch: 8, optimizer: 'adam', weightDecay: 0.01 },
    }),
    groupNormalized: await trainedHash(
      how,
      image(2),
      {
        model: everyImageLayer('group', 1),
        loss: 'sigmoidCrossEntropy',
        ...{ learningRate: 0.05, epochs: 2, batch: 8, momentum: 0.9, nesterov: true, clipNorm: 0.5 },
      },
      (weights) => ({ proximal: 0.1, correction: weights.map((value) => value / 64) }),
    ),
    clippedByExample: await trainedHash(
      how,
      image(2),
      {
        model: everyImageLayer('group', 1),
        loss: 'sigmoidCrossEntropy',
        ...{ learningRate: 0.05, epochs: 1, batch: 8, momentum: 0.5, weightDecay: 0.01 },
      },
      () => ({ exampleClip: 0.2 }),
    ),
    alongSteps: await trainedHash(how, realExamples(seed, [20, 3], 20, 4), {
      model: alongSteps,
      loss: 'softmaxCrossEntropy',
      ...{ learningRate: 0.05, epochs: 2, batch: 8, momentum: 0.9 },
    }),
    uShaped: await trainedHash(how, realExamples(seed, [12, 12, 3], 20, 2), {
      model: uShaped,
      loss: 'sigmoidCrossEntropy',
      ...{ learningRate: 0.05, epochs: 1, batch: 8 },
    }),
    embedded: await trainedHash(
      how,
      numberExamples(seed),
      {
        model: embeddedNumbers,
        loss: 'meanSquaredError',
        ...{ learningRate: 0.02, epochs: 3, batch: 7, optimizer: 'adamw', weightDecay: 0.1, clipValue: 0.05 },
      },
      (weights) => ({ dynamic: { alpha: 0.1, gradient: weights.map((value) => value / 32) } }),
    ),
    attended: await trainedHash(how, numberExamples(seed), {
      model: attendedNumbers,
      loss: 'meanSquaredError',
      ...{ learningRate: 0.01, epochs: 3, batch: 7, optimizer: 'adam' },
    }),
    recurrent: await trainedHash(how, numberExamples(seed), {
      model: everyRecurrentLayer,
      loss: 'meanSquaredError',
      ...{ learningRate: 0.05, epochs: 3, batch: 7, momentum: 0.9, clipNorm: 1 },
    }),
  }
}

/** The hash of the weights after a training, and the losses of the training and of an evaluation, to the last bit. */
async function trainedHash(
  { seed, products }: { readonly seed: number; readonly products: Products },
  examples: Examples,
  settings: LayersLearnerSettings,
  termsOf: (weights: Float32Array) => LocalTerms = () => ({}),
): Promise<string> {
  const learner = await layersLearner({ ...settings, engine: 'engine' })
  const weights = await learner.initialWeights(randomStream(seed, 'initial-weights'))
  const random = randomStream(seed, 1, 'trainer-1', 'train')
  const { delta, metrics } = await learner.train({ weights, examples, random, terms: termsOf(weights), products })
  const trained = weights.map((value, index) => value + (delta[index] ?? 0))
  const evaluation = await learner.evaluate(trained, examples, { products })
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

/** The 2NN of McMahan et al. 2017. */
export const twoHiddenLayers: ModelFunction = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.flatten({ inputShape: [28, 28] }),
      layers.dense({ units: 200, activation: 'relu' }),
      layers.dense({ units: 200, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
  })

/**
 * A model with every layer of the engine that takes an image, for images of 12 × 12 × 3. The engine computes the first
 * and the strided convolution by windows, and the second by Winograd's tiles.
 */
export function everyImageLayer(normalization: 'batch' | 'group', outputs: number): ModelFunction {
  return (tf) => {
    const { layers } = tf
    const normalized = (input: SymbolicTensor) =>
      through(normalization === 'batch' ? layers.batchNormalization() : groupNormalization({ groups: 4 }), input)
    const input = tf.input({ shape: [12, 12, 3] })
    const wide = through(layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }), input)
    const tiled = through(layers.conv2d({ filters: 8, kernelSize: 5, padding: 'same', activation: 'tanh' }), wide)
    const branch = through(layers.depthwiseConv2d({ kernelSize: 3, padding: 'same' }), normalized(tiled))
    const joined = through(layers.add(), [branch, wide])
    const end = [
      layers.leakyReLU({ alpha: 0.1 }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.zeroPadding2d({ padding: 1 }),
      layers.conv2d({ filters: 12, kernelSize: 3, strides: 2, activation: 'sigmoid' }),
      layers.averagePooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
      layers.dropout({ rate: 0.25 }),
    ].reduce((given, layer) => through(layer, given), joined)
    const mean = through(layers.globalAveragePooling2d({}), end)
    const flat = through(layers.flatten(), end)
    const halves = [mean, flat].map((half) => through(layers.dense({ units: 9, activation: 'relu6' }), half))
    const output = through(
      layers.dense({ units: outputs }),
      through(layers.reLU({ maxValue: 3 }), through(layers.add(), halves)),
    )
    return tf.model({ inputs: input, outputs: output })
  }
}

/** A model with an embedding of 50 numbers, for lists of 12 numbers. */
export const embeddedNumbers: ModelFunction = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.embedding({ inputDim: 50, outputDim: 10, inputLength: 12 }),
      layers.globalAveragePooling1d({}),
      layers.reshape({ targetShape: [10] }),
      layers.dense({ units: 8, activation: 'tanh' }),
      layers.dense({ units: 1 }),
    ],
  })

/** A model with every recurrent layer, for lists of 12 numbers, of which 0 is padding. */
export const everyRecurrentLayer: ModelFunction = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.embedding({ inputDim: 50, outputDim: 10, inputLength: 12, maskZero: true }),
      layers.bidirectional({ layer: layers.gru({ units: 9, returnSequences: true }) }),
      layers.lstm({ units: 12, unitForgetBias: true, goBackwards: true, returnSequences: true }),
      layers.timeDistributed({ layer: layers.dense({ units: 8, activation: 'tanh' }) }),
      layers.masking(),
      layers.bidirectional({ layer: layers.lstm({ units: 7, recurrentActivation: 'sigmoid' }), mergeMode: 'mul' }),
      layers.reshape({ targetShape: [1, 7] }),
      layers.simpleRNN({ units: 5 }),
      layers.dense({ units: 1 }),
    ],
  })

/** A model with an attention, normalizations, masks, and every activation that the models above lack. */
export const attendedNumbers: ModelFunction = (tf) => {
  const { layers } = tf
  const numbers = tf.input({ shape: [12] })
  const words = through(layers.embedding({ inputDim: 50, outputDim: 10, maskZero: true }), numbers)
  const positions = [positionEmbedding(), sinePositionEncoding()].map((layer) => through(layer, words))
  const placed = through(layers.add(), [words, ...positions])
  const attention = multiHeadAttention({ numHeads: 2, keyDim: 3, valueDim: 5, useCausalMask: true, dropout: 0.1 })
  const normal = through(layers.layerNormalization(), through(layers.add(), [placed, through(attention, placed)]))
  const bent = through(layers.prelu(), through(layers.dense({ units: 9, activation: 'gelu' }), normal))
  const mean = through(layers.globalAveragePooling1d({}), through(layers.softmax({ axis: -1 }), bent))
  const names = ['elu', 'gelu_new', 'hardSigmoid', 'mish', 'selu', 'softplus', 'softsign', 'swish'] as const
  const parts = names.map((activation) => through(layers.dense({ units: 4, activation }), mean))
  const sum = through(layers.thresholdedReLU({ theta: 0.1 }), through(layers.add(), parts))
  return tf.model({ inputs: numbers, outputs: through(layers.dense({ units: 1 }), sum) })
}

/** A model with every layer of the engine that moves windows along a sequence, for 20 steps of 3 channels. */
export const alongSteps: ModelFunction = ({ layers, regularizers, constraints, sequential }) =>
  sequential({
    layers: [
      layers.conv1d({ filters: 8, kernelSize: 4, padding: 'causal', activation: 'relu', inputShape: [20, 3] }),
      layers.conv1d({ filters: 6, kernelSize: 3, dilationRate: 2, kernelRegularizer: regularizers.l1l2({}) }),
      layers.maxPooling1d({ poolSize: 2 }),
      layers.averagePooling1d({ poolSize: 3, strides: 1, padding: 'same' }),
      layers.conv1d({ filters: 5, kernelSize: 2, strides: 2, trainable: false, activation: 'tanh' }),
      layers.globalMaxPooling1d({}),
      layers.dense({ units: 4, kernelConstraint: constraints.maxNorm({ maxValue: 1 }) }),
    ],
  })

/** A U-shaped model with every layer of the engine that joins or enlarges images, for images of 12 × 12 × 3. */
export const uShaped: ModelFunction = (tf) => {
  const { layers } = tf
  const shared = layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' })
  const input = tf.input({ shape: [12, 12, 3] })
  const wide = through(layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'tanh' }), input)
  const small = through(shared, through(shared, through(layers.maxPooling2d({ poolSize: 2 }), wide)))
  const up = through(layers.conv2dTranspose({ filters: 8, kernelSize: 3, strides: 2, padding: 'same' }), small)
  const repeated = through(layers.upSampling2d({}), small)
  const between = through(layers.upSampling2d({ interpolation: 'bilinear' }), small)
  const merged = [
    through(layers.average(), [up, repeated]),
    through(layers.maximum(), [between, wide]),
    through(layers.minimum(), [between, up]),
    through(layers.multiply(), [up, wide]),
  ]
  const all = through(layers.concatenate(), [wide, ...merged])
  return tf.model({
    inputs: input,
    outputs: through(layers.dense({ units: 1 }), through(layers.globalMaxPooling2d({}), all)),
  })
}

/** A layer's output. TensorFlow.js gives the output a wider type, for layers with several outputs. */
function through(layer: Layer, given: SymbolicTensor | SymbolicTensor[]): SymbolicTensor
function through(layer: Layer, given: SymbolicTensor | SymbolicTensor[]): unknown {
  return layer.apply(given)
}
