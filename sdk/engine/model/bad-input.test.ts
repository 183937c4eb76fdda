import test from 'ava'
import { embeddedNumbers, everyImageLayer } from '../../../test/support/reproducible-training.ts'
import type { Examples } from '../../data/examples.ts'
import { type LayersLearnerSettings, layersLearner } from '../../layers/layers-learner.ts'
import type { Layer, TensorFlow } from '../../layers/tensorflow.ts'
import type { Learner, LocalTerms } from '../../learn/learner.ts'
import { randomStream } from '../../random/random-stream.ts'

type Settings = Omit<LayersLearnerSettings, 'engine'>

const steps = { learningRate: 0.02, epochs: 2, batch: 4 }
const count = 10

/** Models that together have every layer of the engine, each with steps and terms that keep state between batches. */
const trainings: Readonly<Record<string, { readonly settings: Settings; readonly terms: LocalTerms }>> = {
  'plain SGD through batch normalization': {
    settings: { ...steps, model: everyImageLayer('batch', 3), loss: 'softmaxCrossEntropy' },
    terms: {},
  },
  'Adam with a proximal term through batch normalization': {
    settings: { ...steps, model: everyImageLayer('batch', 1), loss: 'meanSquaredError', optimizer: 'adam' },
    terms: { proximal: 0.5 },
  },
  'clipped momentum through group normalization': {
    settings: { ...steps, model: everyImageLayer('group', 1), loss: 'sigmoidCrossEntropy', momentum: 0.9, clipNorm: 1 },
    terms: {},
  },
  'momentum of examples clipped one by one': {
    settings: { ...steps, model: everyImageLayer('group', 3), loss: 'softmaxCrossEntropy', momentum: 0.9 },
    terms: { exampleClip: 1 },
  },
}

const shape = [12, 12, 3]
const size = 12 * 12 * 3

function images(classes: number): Examples {
  const random = randomStream(1, 'images')
  const values = Float32Array.from({ length: count * size }, () => random.uniform())
  return {
    count,
    shape,
    read: (index, out, offset) => out.set(values.subarray(index * size, (index + 1) * size), offset),
    label: (index) => index % classes,
  }
}

/** The examples, but from the `from`-th reading on one feature of each is `value`. */
function poisoned(examples: Examples, value: number, from: number): Examples {
  let reads = 0
  return {
    ...examples,
    read(index, out, offset) {
      examples.read(index, out, offset)
      if (reads++ >= from) out[offset + size / 2] = value
    },
  }
}

const classesOf = ({ loss }: Settings) => (loss === 'softmaxCrossEntropy' ? 3 : 2)
const requestOf = (weights: Float32Array, examples: Examples, terms: LocalTerms = {}) => ({
  weights,
  examples,
  terms,
  random: randomStream(1, 'train'),
})
const initial = (learner: Learner) => learner.initialWeights(randomStream(1, 'initial-weights'))

for (const [name, { settings, terms }] of Object.entries(trainings)) {
  const make = () => layersLearner({ ...settings, engine: 'engine' })
  const examples = images(classesOf(settings))

  test(`${name}: features that aren't finite stop the client in their epoch and batch, and leave the next one unharmed`, async (t) => {
    const learner = await make()
    const weights = await initial(learner)
    const expected = await (await make()).train(requestOf(weights, examples, terms))
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      // The third batch has two examples; the fault begins with the second epoch's second batch.
      const request = requestOf(weights, poisoned(examples, value, count + 4), terms)
      await t.throwsAsync(learner.train(request), { code: 'LEARN_DIVERGED', message: /batch 2 in epoch 2/ }, `${value}`)
      t.deepEqual(await learner.train(requestOf(weights, examples, terms)), expected)
    }
  })

  test(`${name}: weights that aren't finite stop the client in its first batch, and leave the next one unharmed`, async (t) => {
    const learner = await make()
    const weights = await initial(learner)
    const expected = await (await make()).train(requestOf(weights, examples, terms))
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const request = requestOf(new Float32Array(weights.length).fill(value), examples, terms)
      await t.throwsAsync(learner.train(request), { code: 'LEARN_DIVERGED', message: /batch 1 in epoch 1/ })
      await learner.evaluate(request.weights, examples)
      t.deepEqual(await learner.train(requestOf(weights, examples, terms)), expected)
    }
  })

  test(`${name}: weights of another length are refused with both lengths`, async (t) => {
    const learner = await make()
    const weights = await initial(learner)
    for (const length of [0, weights.length - 1, weights.length + 1]) {
      const wrong = { code: 'LEARN_WEIGHTS', values: { what: 'the weights', expected: weights.length, came: length } }
      const request = requestOf(new Float32Array(length), examples, terms)
      t.like(await t.throwsAsync(learner.train(request)), wrong)
      t.like(await t.throwsAsync(learner.evaluate(request.weights, examples)), wrong)
    }
  })

  test(`${name}: a label that the loss has no output for is refused with its example`, async (t) => {
    const learner = await make()
    const weights = await initial(learner)
    const expected = await learner.train(requestOf(weights, examples, terms))
    for (const label of settings.loss === 'meanSquaredError' ? [] : [-1, 3, 0.5, Number.NaN]) {
      const mislabelled = { ...examples, label: (index: number) => (index === 7 ? label : 0) }
      const wrong = { code: 'LEARN_LABEL', values: { index: 7, label } }
      t.like(await t.throwsAsync(learner.train(requestOf(weights, mislabelled, terms))), wrong)
      t.like(await t.throwsAsync(learner.evaluate(weights, mislabelled)), wrong)
    }
    t.deepEqual(await learner.train(requestOf(weights, examples, terms)), expected)
  })
}

const hiding: Readonly<Record<string, (layers: TensorFlow['layers']) => Layer>> = {
  'max pooling': (layers) => layers.maxPooling2d({ poolSize: 2 }),
  'average pooling': (layers) => layers.averagePooling2d({ poolSize: 2 }),
  relu: (layers) => layers.reLU(),
  relu6: (layers) => layers.activation({ activation: 'relu6' }),
  'leaky relu': (layers) => layers.leakyReLU(),
  tanh: (layers) => layers.activation({ activation: 'tanh' }),
  sigmoid: (layers) => layers.activation({ activation: 'sigmoid' }),
  'a depthwise convolution': (layers) => layers.depthwiseConv2d({ kernelSize: 3 }),
  'a convolution with relu': (layers) => layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' }),
  'a tiled convolution with relu': (layers) => layers.conv2d({ filters: 8, kernelSize: 5, activation: 'relu' }),
}
for (const [name, layer] of Object.entries(hiding)) {
  test(`${name} doesn't hide a feature that is no number`, async (t) => {
    const model: Settings['model'] = ({ layers, sequential }) =>
      sequential({
        layers: [
          layers.conv2d({ filters: 8, kernelSize: 1, inputShape: shape }),
          layer(layers),
          layers.flatten(),
          layers.dense({ units: 3 }),
        ],
      })
    const learner = await layersLearner({ ...steps, model, loss: 'softmaxCrossEntropy', engine: 'engine' })
    const request = requestOf(await initial(learner), poisoned(images(3), Number.NaN, count + 4))
    await t.throwsAsync(learner.train(request), { code: 'LEARN_DIVERGED', message: /batch 2 in epoch 2/ })
  })
}

test('a target value that is not finite stops the client in its batch', async (t) => {
  const settings: Settings = { ...steps, model: everyImageLayer('group', 1), loss: 'meanSquaredError' }
  const learner = await layersLearner({ ...settings, engine: 'engine' })
  const weights = await initial(learner)
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const examples = { ...images(2), label: () => value }
    await t.throwsAsync(learner.train(requestOf(weights, examples)), {
      code: 'LEARN_DIVERGED',
      message: /batch 1 in epoch 1/,
    })
  }
})

test('numbers that a table has no row for are refused, and leave the next client unharmed', async (t) => {
  const learner = await layersLearner({ ...steps, model: embeddedNumbers, loss: 'meanSquaredError', engine: 'engine' })
  const weights = await initial(learner)
  const lists = (number: number): Examples => ({
    count,
    shape: [12],
    read(index, out, offset) {
      out.fill(index, offset, offset + 12)
      if (index === 3) out[offset + 5] = number
    },
    label: () => 1,
  })
  const expected = await learner.train(requestOf(weights, lists(0)))
  for (const number of [-1, 50, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const error = await t.throwsAsync(learner.train(requestOf(weights, lists(number))), { code: 'LEARN_EMBEDDING' })
    t.like(error, { values: { layer: 'embedding_1', rows: 50, position: 5, index: 3 } })
    t.deepEqual(await learner.train(requestOf(weights, lists(0))), expected)
  }
})

test('a damaged row of a table is found when the training ends, though no example has named it', async (t) => {
  const learner = await layersLearner({ ...steps, model: embeddedNumbers, loss: 'meanSquaredError', engine: 'engine' })
  const weights = await initial(learner)
  weights[49 * 10] = Number.NaN
  const examples: Examples = {
    count,
    shape: [12],
    read: (_, out, offset) => out.fill(1, offset, offset + 12),
    label: () => 1,
  }
  await t.throwsAsync(learner.train(requestOf(weights, examples)), {
    code: 'LEARN_OVERFLOW',
    message: /batch 3 in epoch 2/,
  })
})

test('a model that needs more memory than WebAssembly has is refused with the memory that it needs', async (t) => {
  const model = ({ layers, sequential }: TensorFlow) =>
    sequential({ layers: [layers.dense({ units: 100_000_000, inputShape: [100] })] })
  const made = layersLearner({ model, loss: 'meanSquaredError', ...steps, engine: 'engine' })
  await t.throwsAsync(made, { code: 'LEARN_ENGINE_MODEL', message: /it needs \d+ GiB of memory with this batch/ })
})
