import test from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { randomStream } from '../random/random-stream.ts'
import { type LayersLearnerSettings, layersLearner } from './layers-learner.ts'
import { loadTensorFlow } from './tensorflow.ts'

type Model = LayersLearnerSettings['model']

/** The engine lacks permute; the WebAssembly backend lacks the gradient of a convolution's kernel. */
const convolution: Model = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.permute({ dims: [2, 1, 3], inputShape: [4, 4, 1] }),
      layers.conv2d({ filters: 3, kernelSize: 2, activation: 'elu' }),
      layers.flatten(),
      layers.dense({ units: 2 }),
    ],
  })
const dense: Model = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.permute({ dims: [2, 1, 3], inputShape: [4, 4, 1] }),
      layers.flatten(),
      layers.dense({ units: 5, activation: 'elu' }),
      layers.dense({ units: 2 }),
    ],
  })
const make = (model: Model) =>
  layersLearner({ model, loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 10, batch: 4, momentum: 0.5 })

const random = randomStream(1, 'examples')
const labels = Uint8Array.from({ length: 12 }, (_, index) => index % 2)
const features = Float32Array.from({ length: 12 * 16 }, (_, index) => random.uniform() + (Math.floor(index / 16) % 2))
const examples = inMemoryExamples({ features, labels, shape: [4, 4, 1] })

async function trained(model: Model) {
  const learner = await make(model)
  const weights = await learner.initialWeights(randomStream(1))
  const before = await learner.evaluate(weights, examples)
  const { delta } = await learner.train({ weights, examples, random: randomStream(2) })
  const after = await learner.evaluate(
    weights.map((value, index) => value + (delta[index] ?? 0)),
    examples,
  )
  learner.dispose?.()
  return { runsOn: learner.runsOn ?? '', delta, before: before.metrics.loss ?? 0, after: after.metrics.loss ?? 0 }
}

test('a model that the WebAssembly backend cannot train is trained in plain JavaScript, which says why and what to do', async (t) => {
  const { runsOn, before, after } = await trained(convolution)
  t.regex(runsOn, /^TensorFlow\.js \(cpu\): .*layer permute_1 is of class Permute, which it doesn't know/)
  t.regex(runsOn, /the wasm backend cannot train the model \(.*Conv2DBackpropFilter.*\).*npm run native/)
  t.true(after < before, `${before} to ${after}`)
})

test('a model that the WebAssembly backend can train stays on it, whatever else is trained at the same time', async (t) => {
  const alone = await trained(dense)
  const [beside] = await Promise.all([trained(dense), trained(convolution), trained(convolution)])
  t.regex(alone.runsOn, /^TensorFlow\.js \(wasm\): [^;]* is of class Permute, which it doesn't know[^;]*$/)
  t.true(alone.after < alone.before)
  t.deepEqual(beside, alone)
  t.is((await loadTensorFlow()).getBackend(), 'wasm')
})

test.serial(
  'a learner that is made and disposed of leaves no memory behind, whichever backend it has tried',
  async (t) => {
    const tf = await loadTensorFlow()
    const memory = () => {
      const { numTensors, numDataBuffers, numBytes } = tf.memory()
      return { numTensors, numDataBuffers, numBytes }
    }
    const start = memory()
    for (const [model, weights] of [
      [convolution, 4],
      [dense, 4],
    ] as const) {
      const learner = await make(model)
      t.is(memory().numTensors, start.numTensors + weights)
      learner.dispose?.()
      t.deepEqual(memory(), start)
    }
    const broken: Model = (given) => {
      const model = convolution(given)
      model.calculateLosses = () => {
        throw new Error('no losses')
      }
      return model
    }
    await t.throwsAsync(make(broken), { message: 'no losses' })
    t.deepEqual(memory(), start)
  },
)
