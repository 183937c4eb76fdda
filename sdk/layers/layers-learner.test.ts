import test from 'ava'
import type { Examples } from '../data/examples.ts'
import type { Learner, LocalTerms } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { tensorViews } from '../weights/layout.ts'
import { type LayersLearnerSettings, layersLearner } from './layers-learner.ts'
import { loadTensorFlow, type TensorFlow } from './tensorflow.ts'

const small = (tf: TensorFlow) =>
  tf.sequential({
    layers: [
      tf.layers.dense({ units: 6, activation: 'relu', inputShape: [2] }),
      tf.layers.dense({ units: 2, kernelInitializer: 'heNormal' }),
    ],
  })
const defaults: LayersLearnerSettings = {
  model: small,
  loss: 'softmaxCrossEntropy',
  learningRate: 0.2,
  epochs: 2,
  batch: 8,
}
const make = (settings: Partial<LayersLearnerSettings> = {}) => layersLearner({ ...defaults, ...settings })

/** Points of the unit square, in class 1 where the first coordinate is the larger. */
function points(count: number, seed = 1): Examples {
  const random = randomStream(seed, 'points')
  const values = Float32Array.from({ length: 2 * count }, () => random.uniform())
  const at = (index: number, axis: number) => values[2 * index + axis] ?? 0
  return {
    count,
    shape: [2],
    read(index, out, offset) {
      out[offset] = at(index, 0)
      out[offset + 1] = at(index, 1)
    },
    label: (index) => Number(at(index, 0) > at(index, 1)),
  }
}

const random = () => randomStream(1, 'train')
const initial = (learner: Learner) => learner.initialWeights(randomStream(1, 'initial-weights'))
const add = (a: Float32Array, b: Float32Array) => a.map((value, index) => value + (b[index] ?? 0))
const norm = (values: Float32Array) => Math.hypot(...values)

test('training lowers the loss and raises the accuracy on held-out examples', async (t) => {
  const learner = await make({ epochs: 20 })
  const weights = await initial(learner)
  const test = points(2_500, 2)
  const before = await learner.evaluate(weights, test)
  const { delta, samples, metrics } = await learner.train({ weights, examples: points(300), random: random() })
  const after = await learner.evaluate(add(weights, delta), test)
  t.is(samples, 300)
  t.true(after.metrics.loss! < before.metrics.loss! && metrics.loss! < before.metrics.loss!)
  t.true(after.metrics.accuracy! > 0.95, String(after.metrics.accuracy))
})

test('a step is plain SGD on the mean gradient of the batch', async (t) => {
  const model = (tf: TensorFlow) =>
    tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], kernelInitializer: 'ones' })] })
  const learner = await make({ model, loss: 'meanSquaredError', epochs: 1, batch: 4, learningRate: 0.5 })
  const examples: Examples = {
    count: 2,
    shape: [1],
    read: (index, out, offset) => {
      out[offset] = index + 1
    },
    label: () => 0,
  }
  const weights = await initial(learner)
  t.deepEqual([...weights], [1, 0])
  // The mean of x² is 2.5, that of x is 1.5; the gradient of the mean of (wx + b)² at w = 1, b = 0 is twice these.
  const { delta, metrics } = await learner.train({ weights, examples, random: random() })
  t.deepEqual([...delta], [-2.5, -1.5])
  t.is(metrics.loss, 2.5)
})

test("FedProx's term keeps the weights nearer to the round's, and 0 changes nothing", async (t) => {
  const learner = await make({ epochs: 10 })
  const weights = await initial(learner)
  const moved = async (proximal?: number) => {
    const terms = proximal === undefined ? {} : { proximal }
    return (await learner.train({ weights, examples: points(60), random: random(), terms })).delta
  }
  t.deepEqual(await moved(0), await moved())
  t.true(norm(await moved(1)) < 0.7 * norm(await moved()))
})

test('each epoch sees every example once, in an order from the stream, with a smaller last batch', async (t) => {
  const learner = await make({ batch: 8 })
  const examples = points(20)
  const seen: number[] = []
  const watched: Examples = {
    ...examples,
    read(index, out, offset) {
      seen.push(index)
      examples.read(index, out, offset)
    },
  }
  await learner.train({ weights: await initial(learner), examples: watched, random: random() })
  const all = Array.from({ length: 20 }, (_, index) => index)
  const epochs = [seen.slice(0, 20), seen.slice(20)]
  for (const epoch of epochs) {
    t.deepEqual(
      epoch.toSorted((a, b) => a - b),
      all,
    )
    t.notDeepEqual(epoch, all)
  }
  t.notDeepEqual(epochs[0], epochs[1])
})

test.serial('training and evaluation on TensorFlow.js leave no tensors behind, also when they fail', async (t) => {
  const tf = await loadTensorFlow()
  const learners = await Promise.all(
    [{ momentum: 0.5, clipNorm: 1 }, { optimizer: 'adam' as const }].map((steps) =>
      make({ engine: 'tensorflow', ...steps }),
    ),
  )
  const weights = await initial(await make())
  const correction = weights.map((value) => value / 8)
  const round = async () => {
    for (const learner of learners) {
      const train = (terms: LocalTerms, signal?: AbortSignal) =>
        learner.train({ weights, examples: points(20), random: random(), terms, ...(signal && { signal }) })
      await train({ proximal: 1 })
      await train({ correction, exampleClip: 1 })
      await learner.evaluate(weights, points(1_100))
      const controller = new AbortController()
      const aborted = t.throwsAsync(train({ proximal: 1 }, controller.signal))
      setImmediate(() => controller.abort(new Error('enough')))
      await aborted
      const damaged = weights.map(() => Number.NaN)
      await t.throwsAsync(learner.train({ weights: damaged, examples: points(9), random: random() }))
    }
  }
  await round()
  const { numTensors } = tf.memory()
  await round()
  await round()
  t.is(tf.memory().numTensors, numTensors)
})

test('initial weights and names come from the stream and the model only', async (t) => {
  const [first, second] = [await make(), await make()]
  t.deepEqual(await initial(first), await initial(second))
  t.notDeepEqual(await initial(first), await first.initialWeights(randomStream(2)))
  t.deepEqual(
    first.layout.tensors.map(({ name }) => name),
    ['dense_1/kernel', 'dense_1/bias', 'dense_2/kernel', 'dense_2/bias'],
  )
  t.deepEqual([second.layout, second.modelTopology], [first.layout, first.modelTopology])
})

test('the topology makes a model of the same layout', async (t) => {
  const tf = await loadTensorFlow()
  const { modelTopology, layout } = await make()
  const model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology: Object(modelTopology) }))
  t.deepEqual(
    model.weights.map(({ originalName, shape }) => ({ name: originalName, shape })),
    [...layout.tensors],
  )
})

test('dropout masks come from the stream', async (t) => {
  const model = (tf: TensorFlow) =>
    tf.sequential({
      layers: [
        tf.layers.dense({ units: 20, inputShape: [2], activation: 'relu' }),
        tf.layers.dropout({ rate: 0.5 }),
        tf.layers.dense({ units: 2 }),
      ],
    })
  const learner = await make({ model, batch: 100, epochs: 1 })
  const weights = await initial(learner)
  const train = async (seed: number) =>
    (await learner.train({ weights, examples: points(10), random: randomStream(seed) })).delta
  t.deepEqual(await train(1), await train(1))
  // In one batch the order hardly matters: the mask alone makes a difference of this size.
  t.true(
    norm(
      add(
        await train(1),
        (await train(2)).map((value) => -value),
      ),
    ) > 1e-4,
  )
})

test('examples that do not fit the model are refused', async (t) => {
  const learner = await make()
  const weights = await initial(learner)
  const train = (change: Partial<Examples>) =>
    learner.train({ weights, examples: { ...points(3), ...change }, random: random() })
  await t.throwsAsync(train({ count: 0 }), { code: 'LEARN_EMPTY' })
  await t.throwsAsync(train({ shape: [3] }), { code: 'LEARN_INPUT' })
  await t.throwsAsync(train({ label: () => 2 }), { code: 'LEARN_LABEL' })
  await t.throwsAsync(learner.evaluate(weights.slice(1), points(3)), { code: 'LEARN_WEIGHTS' })
})

test('models and settings that cannot be trained are refused', async (t) => {
  const noisy = (tf: TensorFlow) =>
    tf.sequential({ layers: [tf.layers.gaussianNoise({ stddev: 1, inputShape: [2] }), tf.layers.dense({ units: 2 })] })
  await t.throwsAsync(make({ model: noisy }), { code: 'LEARN_RANDOM_LAYER' })
  const open = (tf: TensorFlow) =>
    tf.sequential({ layers: [tf.layers.conv2d({ filters: 1, kernelSize: 1, inputShape: [null, null, 1] })] })
  await t.throwsAsync(make({ model: open }), { code: 'LEARN_MODEL' })
  const binary = await make({ loss: 'sigmoidCrossEntropy' })
  t.throws(() => binary.check?.(points(3), 'train'), { code: 'LEARN_OUTPUTS' })
  await t.throwsAsync(make({ momentum: 1 }), { code: 'LEARN_SETTING' })
})

test('a binary classifier learns from one output', async (t) => {
  const model = (tf: TensorFlow) => tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
  const learner = await make({ model, loss: 'sigmoidCrossEntropy', epochs: 20, learningRate: 1 })
  const weights = await initial(learner)
  const { delta } = await learner.train({ weights, examples: points(200), random: random() })
  t.true((await learner.evaluate(add(weights, delta), points(500, 2))).metrics.accuracy! > 0.95)
})

/** Recurrent layers, and layers within layers. */
const recurrent = (tf: TensorFlow) => {
  const { layers } = tf
  return tf.sequential({
    layers: [
      layers.lstm({ units: 4, returnSequences: true, unitForgetBias: true, inputShape: [3, 2] }),
      layers.bidirectional({ layer: layers.gru({ units: 4, returnSequences: true }), mergeMode: 'concat' }),
      layers.timeDistributed({ layer: layers.dense({ units: 6 }) }),
      layers.bidirectional({ layer: layers.lstm({ units: 3 }), mergeMode: 'sum' }),
      layers.dense({ units: 2 }),
    ],
  })
}

test('recurrent layers begin with orthogonal weights and open forget gates, under names that load into TensorFlow.js', async (t) => {
  const learner = await make({ model: recurrent, engine: 'tensorflow' })
  const again = await make({ model: recurrent, engine: 'tensorflow' })
  t.deepEqual(again.layout, learner.layout)
  const weights = await initial(learner)
  t.deepEqual(await initial(again), weights)
  const views = tensorViews(learner.layout, weights)
  const kernel = views.get('lstm_1/recurrent_kernel') ?? []
  for (const a of [0, 1, 2, 3]) {
    for (const b of [0, 1, 2, 3]) {
      let product = 0
      for (let i = 0; i < 16; i++) product += (kernel[16 * a + i] ?? 0) * (kernel[16 * b + i] ?? 0)
      t.true(Math.abs(product - Number(a === b)) < 1e-6)
    }
  }
  t.deepEqual([...(views.get('lstm_1/bias') ?? [])], [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  t.true(views.get('bidirectional_2/backward_lstm_2/bias')?.every((value) => value === 0))

  const tf = await loadTensorFlow()
  const model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology: Object(learner.modelTopology) }))
  t.deepEqual(
    model.weights.map(({ originalName }) => originalName),
    learner.layout.tensors.map(({ name }) => name),
  )
})

test('a layer within another that draws random numbers is refused as any', async (t) => {
  const model = ({ layers, sequential }: TensorFlow) => {
    const layer = layers.lstm({ units: 3, recurrentDropout: 0.5 })
    return sequential({ layers: [layers.bidirectional({ layer, mergeMode: 'sum', inputShape: [3, 2] })] })
  }
  await t.throwsAsync(make({ model }), { code: 'LEARN_RANDOM_LAYER' })
})
