import { models as imageModels } from '../../examples/mnist/models.ts'
import {
  type Examples,
  inMemoryExamples,
  type Learner,
  layersLearner,
  type ModelFunction,
  randomStream,
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

const image = { shape: [28, 28, 1], classes: 10 }

/** The models that training figures measure, and the form of their examples. */
export const measuredModels: Readonly<Record<ModelName, MeasuredModel>> = {
  '2nn': { model: imageModels['2nn'], ...image },
  cnn: { model: imageModels.cnn, ...image },
  lstm: { model: lstm, shape: [80], classes: characters, numbers: characters },
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
