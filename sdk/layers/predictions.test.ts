import test from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { randomStream } from '../random/random-stream.ts'
import { tensorViews } from '../weights/layout.ts'
import { type LayersLearnerSettings, layersLearner } from './layers-learner.ts'
import { loadTensorFlow } from './tensorflow.ts'

type Loss = 'softmaxCrossEntropy' | 'sigmoidCrossEntropy' | 'meanSquaredError'
type Model = Extract<LayersLearnerSettings['model'], (...tf: never) => unknown>

const dense =
  (units: number, activation: 'linear' | 'sigmoid' | 'softmax'): Model =>
  ({ layers, sequential }) =>
    sequential({ layers: [layers.dense({ units, activation, inputShape: [6] })] })
const steps: Model = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.reshape({ targetShape: [3, 1, 2], inputShape: [6] }),
      layers.conv2d({ filters: 4, kernelSize: 1, activation: 'softmax' }),
    ],
  })

const models: Readonly<Record<string, readonly [Model, Loss, shape: readonly number[]]>> = {
  'a softmax': [dense(4, 'softmax'), 'softmaxCrossEntropy', [4]],
  'several sigmoids': [dense(3, 'sigmoid'), 'sigmoidCrossEntropy', [3]],
  'a regression': [dense(2, 'linear'), 'meanSquaredError', [2]],
  'a softmax of each step': [steps, 'softmaxCrossEntropy', [3, 1, 4]],
}

for (const [name, [model, loss, shape]] of Object.entries(models))
  for (const engine of ['engine', 'tensorflow'] as const)
    test.serial(`the predictions of ${name} are those of the published model, by ${engine}`, async (t) => {
      const learner = await layersLearner({ model, loss, learningRate: 0.1, epochs: 1, batch: 4, engine })
      const random = randomStream(1)
      const features = Float32Array.from({ length: 42 }, () => 4 * random.uniform() - 2)
      const weights = await learner.initialWeights(randomStream(2))
      const examples = inMemoryExamples({ features, labels: new Uint8Array(7), shape: [6] })
      const found = await learner.predict?.(weights, examples)

      const tf = await loadTensorFlow()
      const published = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology: Object(learner.modelTopology) }))
      const views = tensorViews(learner.layout, weights)
      published.setWeights(
        published.weights.map(({ originalName, shape: own }) =>
          tf.tensor(views.get(originalName) ?? [], own.map(Number)),
        ),
      )
      const outputs = published.predict(tf.tensor(features, [7, 6]))
      const expected = Array.isArray(outputs) ? [] : [...outputs.dataSync()]
      t.deepEqual(found?.shape, shape)
      const of = { softmaxCrossEntropy: 'classes', sigmoidCrossEntropy: 'labels' } as const
      t.is(found?.of, loss === 'meanSquaredError' ? undefined : of[loss])
      t.is(found?.areProbabilities, found?.of && true)
      t.is(found?.values.length, expected.length)
      for (const [at, value] of expected.entries()) t.true(Math.abs(value - (found?.values[at] ?? Number.NaN)) < 1e-5)
    })
