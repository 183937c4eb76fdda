import { models as imageModels } from '../../examples/mnist/models.ts'
import {
  type Examples,
  inMemoryExamples,
  type Layer,
  type Learner,
  layersLearner,
  type ModelFunction,
  multiHeadAttention,
  positionEmbedding,
  randomStream,
  type SymbolicTensor,
} from '../../sdk/index.ts'
import type { ModelName } from './cases.ts'

interface MeasuredModel {
  readonly model: ModelFunction
  readonly shape: readonly number[]
  readonly classes: number
  /** Features are whole numbers below this; absent: bytes, read as 0 to 1. */
  readonly numbers?: number
}

/** The character after 80 characters, by an LSTM of 256 units. */
const characters = 86
const lstm: ModelFunction = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.embedding({ inputDim: characters, outputDim: 8, inputLength: 80 }),
      layers.lstm({ units: 256, recurrentActivation: 'sigmoid' }),
      layers.dense({ units: characters }),
    ],
  })

/** The output of a layer. TensorFlow.js gives the output a wider type, for layers with several outputs. */
function through(layer: Layer, ...given: SymbolicTensor[]): SymbolicTensor
function through(layer: Layer, ...given: SymbolicTensor[]): unknown {
  return layer.apply(given)
}

/** The class of 64 numbers, by one block of a transformer: 128 channels, 4 heads, a hidden layer of 512. */
const steps = 64
const transformer: ModelFunction = (tf) => {
  const { layers } = tf
  const numbers = tf.input({ shape: [steps] })
  const words = through(layers.embedding({ inputDim: 256, outputDim: 128 }), numbers)
  const placed = through(layers.add(), words, through(positionEmbedding(), words))
  const attended = through(multiHeadAttention({ numHeads: 4, keyDim: 32 }), placed)
  const first = through(layers.layerNormalization(), through(layers.add(), placed, attended))
  const hidden = through(layers.dense({ units: 512, activation: 'gelu' }), first)
  const back = through(layers.dense({ units: 128 }), hidden)
  const second = through(layers.layerNormalization(), through(layers.add(), first, back))
  const mean = through(layers.globalAveragePooling1d({}), second)
  return tf.model({ inputs: numbers, outputs: through(layers.dense({ units: 10 }), mean) })
}

const image = { shape: [28, 28, 1], classes: 10 }

/** The models that training figures measure, and the form of their examples. */
export const measuredModels: Readonly<Record<ModelName, MeasuredModel>> = {
  '2nn': { model: imageModels['2nn'], ...image },
  cnn: { model: imageModels.cnn, ...image },
  lstm: { model: lstm, shape: [80], classes: characters, numbers: characters },
  transformer: { model: transformer, shape: [steps], classes: 10, numbers: 255 },
}

/** The learner that all training figures measure. */
export function measuredLearner(name: ModelName, batch: number): Promise<Learner> {
  const { model } = measuredModels[name]
  return layersLearner({ model, loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch })
}

/** Random features and classes, in the form of the model's examples. */
export function randomExamples(name: ModelName, count: number): Examples {
  const { shape, classes, numbers = 256 } = measuredModels[name]
  const random = randomStream(1, 'examples')
  const size = shape.reduce((product, length) => product * length, count)
  const features = Uint8Array.from({ length: size }, () => random.below(numbers))
  const labels = Uint8Array.from({ length: count }, () => random.below(classes))
  return inMemoryExamples({ features, labels, shape, divisor: numbers === 256 ? 255 : 1 })
}
