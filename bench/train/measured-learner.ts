import { models } from '../../examples/mnist/models.ts'
import { type Examples, inMemoryExamples, type Learner, layersLearner, randomStream } from '../../sdk/index.ts'
import type { ModelName } from './cases.ts'

/** The learner that all training figures measure. */
export function measuredLearner(model: ModelName, batch: number): Promise<Learner> {
  return layersLearner({ model: models[model], loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch })
}

/** Random pixels and classes, in MNIST's shape. */
export function randomExamples(count: number): Examples {
  const random = randomStream(1, 'examples')
  const features = Uint8Array.from({ length: count * 784 }, () => random.below(256))
  const labels = Uint8Array.from({ length: count }, () => random.below(10))
  return inMemoryExamples({ features, labels, shape: [28, 28, 1] })
}
