import test from 'ava'
import fc from 'fast-check'
import { inMemoryExamples } from '../../data/in-memory-examples.ts'
import { layersLearner, type ModelFunction } from '../../layers/layers-learner.ts'
import type { TensorFlow } from '../../layers/tensorflow.ts'
import { tiedDense } from '../../layers/tied-dense.ts'
import { randomStream } from '../../random/random-stream.ts'
import { tensorViews } from '../../weights/layout.ts'
import { examplesOf, usePlainTensorFlow, weightsOf } from '../agreement.contract.ts'
import { agrees, slopesAgree, through } from '../agreement-properties.contract.ts'
import { engineModel } from '../engine-learner.ts'

test.before(usePlainTensorFlow)

type Layer = InstanceType<TensorFlow['layers']['Layer']>

const cases = fc.record({
  examples: fc.integer({ min: 1, max: 5 }),
  momentum: fc.constantFrom<number[]>(0, 0.5),
  epochs: fc.constantFrom<number[]>(1, 3),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
})

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1)

/** A model with several inputs, made of random steps: each joins two vectors before by layers, of which two are shared. */
function randomGraph(seed: number) {
  const draw = randomStream(seed, 'graph')
  const shapes = Array.from({ length: 1 + draw.below(3) }, () => [2 + draw.below(3), 1 + draw.below(4)])
  const steps = Array.from(
    { length: 2 + draw.below(4) },
    () => [draw.below(4), draw.below(64), draw.below(64)] as const,
  )
  const units = 4
  const model = (tf: TensorFlow) => {
    const { layers } = tf
    const inputs = shapes.map((shape) => tf.input({ shape }))
    const shared = layers.dense({ units, activation: 'tanh' })
    const moving = layers.conv1d({ filters: units, kernelSize: 2, padding: 'same' })
    const vectors = inputs.map((input) =>
      through(layers.dense({ units, activation: 'sigmoid' }), through(layers.flatten(), input)),
    )
    const at = (index: number) => vectors[index % vectors.length] ?? through(shared, [])
    for (const [kind, a, b] of steps) {
      const [one, other] = [at(a), at(b)]
      const made = [
        () => through(shared, one),
        () => {
          const column = through(layers.reshape({ targetShape: [units, 1] }), one)
          return through(layers.globalAveragePooling1d({}), through(moving, column))
        },
        () => (one === other ? through(shared, one) : through(layers.multiply(), [one, other])),
        () => through(layers.dense({ units }), through(layers.concatenate(), [one, through(shared, other)])),
      ][kind]
      if (made) vectors.push(made())
    }
    return tf.model({ inputs, outputs: through(layers.dense({ units: 3 }), through(layers.concatenate(), vectors)) })
  }
  return { model, shape: [shapes.reduce((sum, shape) => sum + size(shape), 0)] }
}

test('models with several inputs, and layers that are used several times, are those of TensorFlow.js', async (t) => {
  const property = fc.asyncProperty(cases, (given) => agrees({ ...given, ...randomGraph(given.seed) }))
  await t.notThrowsAsync(fc.assert(property, { numRuns: 15, includeErrorInReport: true }))
})

test('a layer that is used several times takes the model’s input as well as padded and flattened ones', async (t) => {
  const property = fc.asyncProperty(cases, fc.integer({ min: 1, max: 9 }), (given, channels) =>
    agrees({
      ...given,
      shape: [4, 4, channels],
      model: (tf) => {
        const { layers } = tf
        const input = tf.input({ shape: [4, 4, channels] })
        const twice = layers.conv2d({ filters: channels, kernelSize: 3, padding: 'same', activation: 'tanh' })
        const dense = layers.dense({ units: 16 * channels, activation: 'tanh' })
        const flat = through(layers.flatten(), through(twice, through(twice, input)))
        const output = through(layers.dense({ units: 3 }), through(dense, through(dense, flat)))
        return tf.model({ inputs: input, outputs: output })
      },
    }),
  )
  await t.notThrowsAsync(
    fc.assert(property, { numRuns: 4, examples: [[{ examples: 3, momentum: 0, epochs: 1, seed: 1 }, 3]] }),
  )
})

test('gradients of such models are the measured slopes of the loss', async (t) => {
  const property = fc.asyncProperty(cases, ({ examples, ...given }) =>
    slopesAgree({ ...given, examples: examples + 1, ...randomGraph(given.seed) }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 8, includeErrorInReport: true }))
})

test('several outputs lie side by side, and a recurrent layer shares its weights between two inputs', async (t) => {
  const property = fc.asyncProperty(cases, (given) =>
    agrees({
      ...given,
      shape: [14],
      model: (tf) => {
        const { layers } = tf
        const inputs = [tf.input({ shape: [4, 2] }), tf.input({ shape: [3, 2] })]
        const shared = layers.gru({ units: 3, recurrentActivation: 'sigmoid' })
        const [a, b] = inputs.map((input) => through(shared, input))
        const one = through(
          layers.dense({ units: 1 }),
          through(
            layers.add(),
            [a, b].filter((each) => each !== undefined),
          ),
        )
        const pair = through(layers.reshape({ targetShape: [1, 2] }), through(layers.dense({ units: 2 }), one))
        return tf.model({ inputs, outputs: [pair, one] })
      },
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 5, includeErrorInReport: true }))
})

test('an input may be a list of numbers for a table, beside others', async (t) => {
  const property = fc.asyncProperty(cases, (given) =>
    agrees({
      ...given,
      shape: [7],
      numbers: 5,
      model: (tf) => {
        const { layers } = tf
        const [list, one, values] = [tf.input({ shape: [3] }), tf.input({ shape: [1] }), tf.input({ shape: [3, 1] })]
        const table = layers.embedding({ inputDim: 5, outputDim: 3 })
        const all = [
          through(layers.flatten(), through(table, list)),
          through(layers.flatten(), through(table, one)),
          through(layers.flatten(), values),
        ]
        const outputs = through(layers.dense({ units: 3 }), through(layers.concatenate(), all))
        return tf.model({ inputs: [list, one, values], outputs })
      },
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 5, includeErrorInReport: true }))
})

test('a projection by the table of an embedding has its weights, and adds its gradient to theirs', async (t) => {
  const property = fc.asyncProperty(cases, ({ examples, seed, ...given }) =>
    slopesAgree({
      ...given,
      ...{ seed, examples: examples + 1, shape: [4], numbers: 6 },
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.embedding({ inputDim: 6, outputDim: 1 + (seed % 10), inputLength: 4, name: 'words' }),
            layers.activation({ activation: 'tanh' }),
            tiedDense({ tiedTo: 'words' }),
            layers.flatten(),
            layers.dense({ units: 3 }),
          ],
        }),
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 8, includeErrorInReport: true }))
  const tied =
    (tiedTo: string, channels: number): ModelFunction =>
    ({ layers, sequential }) =>
      sequential({
        layers: [
          layers.embedding({ inputDim: 6, outputDim: 3, inputLength: 4, name: 'words' }),
          layers.conv1d({ filters: channels, kernelSize: 1 }),
          tiedDense({ tiedTo }),
          layers.globalMaxPooling1d({}),
        ],
      })
  const refused = (model: ModelFunction) => layersLearner({ ...settings, model, engine: 'engine' })
  await t.throwsAsync(refused(tied('other', 3)), {
    message: /tied_dense_1 \(TiedDense\) is tied to other, which is no/,
  })
  await t.throwsAsync(refused(tied('words', 2)), { message: /takes 3 channels, as the embedding words has, but gets/ })
  await t.throwsAsync(layersLearner({ ...settings, model: tied('words', 3), engine: 'tensorflow' }), {
    code: 'LEARN_ENGINE_LAYER',
  })
})

const settings = { loss: 'softmaxCrossEntropy', learningRate: 0.5, epochs: 2, batch: 3 } as const

/** A learner on the engine and one on TensorFlow.js, and the weights of a training by each, from the same weights. */
async function trained(model: ModelFunction, shape: readonly number[], more: object = {}) {
  const comparison = { model, shape, examples: 7, seed: 5 }
  const results = []
  for (const engine of ['engine', 'tensorflow'] as const) {
    const learner = await layersLearner({ ...settings, ...more, model, engine })
    const weights = await weightsOf(learner, comparison)
    const examples = examplesOf(comparison)
    const { delta, metrics } = await learner.train({ weights, examples, random: randomStream(2) })
    results.push({ learner, weights, delta, loss: metrics.loss, moved: tensorViews(learner.layout, delta) })
  }
  const [ours, theirs] = results
  if (!ours || !theirs) throw new Error('there are two learners')
  return { ours, theirs }
}

const isClose = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.from(a).every((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) < 1e-5)

const frozen: Readonly<Record<string, (layers: TensorFlow['layers']) => readonly Layer[]>> = {
  'at the beginning': (layers) => [
    layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu', trainable: false, inputShape: [6, 6, 2] }),
    layers.batchNormalization({ trainable: false }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    layers.dense({ units: 3 }),
  ],
  'in the middle': (layers) => [
    layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [6, 6, 2] }),
    layers.batchNormalization({ trainable: false }),
    layers.depthwiseConv2d({ kernelSize: 2, trainable: false }),
    layers.flatten(),
    layers.dense({ units: 4, trainable: false, activation: 'tanh' }),
    layers.dense({ units: 3 }),
  ],
  'at the end': (layers) => [
    layers.flatten({ inputShape: [6, 6, 2] }),
    layers.dense({ units: 4, activation: 'tanh' }),
    layers.dense({ units: 3, trainable: false }),
  ],
}
for (const [where, inner] of Object.entries(frozen)) {
  for (const more of [{}, { momentum: 0.5, weightDecay: 0.1 }, { optimizer: 'adam', learningRate: 0.001 }]) {
    test(`layers frozen ${where} rest, and the others train as in TensorFlow.js: ${JSON.stringify(more)}`, async (t) => {
      const model = ({ layers, sequential }: TensorFlow) => sequential({ layers: [...inner(layers)] })
      const { ours, theirs } = await trained(model, [6, 6, 2], more)
      t.deepEqual(ours.learner.layout, theirs.learner.layout)
      t.true(isClose(ours.delta, theirs.delta))
      const { untrained = [] } = ours.learner.modelLayers ?? {}
      t.true(untrained.length > 0 && untrained.length < ours.learner.layout.tensors.length)
      for (const [name, values] of ours.moved) {
        t.is(
          values.every((value) => value === 0),
          untrained.includes(name),
          name,
        )
      }
    })
  }
}

test('a frozen embedding rests, although a layer is tied to its table', async (t) => {
  const model: ModelFunction = ({ layers, sequential }) =>
    sequential({
      layers: [
        layers.embedding({ inputDim: 6, outputDim: 3, inputLength: 4, name: 'words', trainable: false }),
        layers.dense({ units: 3 }),
        tiedDense({ tiedTo: 'words' }),
        layers.globalMaxPooling1d({}),
      ],
    })
  const learner = await layersLearner({ ...settings, model, engine: 'engine' })
  const weights = await learner.initialWeights(randomStream(1))
  const examples = inMemoryExamples({ features: Float32Array.of(1, 2, 3, 4), labels: [5], shape: [4] })
  const { delta } = await learner.train({ weights, examples, random: randomStream(2) })
  const moved = tensorViews(learner.layout, delta)
  t.true(moved.get('words/embeddings')?.every((value) => value === 0))
  t.true(moved.get('dense_1/kernel')?.some((value) => value !== 0))
})

test('regularizers add their penalty to the loss of a training and to its gradient, and constraints hold', async (t) => {
  const model = ({ layers, regularizers, constraints, sequential }: TensorFlow) =>
    sequential({
      layers: [
        layers.conv2d({
          ...{ filters: 4, kernelSize: 3, activation: 'tanh', inputShape: [6, 6, 2] },
          kernelRegularizer: regularizers.l1l2({ l1: 0.01, l2: 0.02 }),
          biasRegularizer: regularizers.l1({ l1: 0.03 }),
        }),
        layers.depthwiseConv2d({ kernelSize: 2, depthwiseRegularizer: 'l1l2' }),
        layers.flatten(),
        layers.dense({ units: 5, kernelConstraint: constraints.maxNorm({ maxValue: 0.7 }), biasConstraint: 'nonNeg' }),
        layers.dense({
          units: 3,
          kernelConstraint: constraints.minMaxNorm({ minValue: 0.2, maxValue: 0.5, rate: 0.5, axis: 1 }),
          kernelRegularizer: regularizers.l2(),
          biasConstraint: constraints.unitNorm({ axis: 0 }),
        }),
      ],
    })
  for (const more of [{}, { momentum: 0.5 }, { optimizer: 'adam', learningRate: 0.01 }]) {
    const { ours, theirs } = await trained(model, [6, 6, 2], more)
    t.true(isClose(ours.delta, theirs.delta))
    t.true(isClose([ours.loss ?? 0], [theirs.loss ?? 1]))
    const after = tensorViews(
      ours.learner.layout,
      ours.weights.map((value, i) => value + (ours.delta[i] ?? 0)),
    )
    const kernel = after.get('dense_1/kernel') ?? new Float32Array()
    for (let unit = 0; unit < 5; unit++) {
      t.true(Math.hypot(...kernel.filter((_, i) => i % 5 === unit)) < 0.7 + 1e-5)
    }
    t.true(after.get('dense_1/bias')?.every((value) => value >= 0))
  }
})

const ruled: readonly [object, RegExp][] = [
  [{ kernel_regularizer: { class_name: 'Other' } }, /has kernel_regularizer .*; it knows L1L2, L1, L2/],
  [
    { kernel_regularizer: { class_name: 'L1L2', config: { l1: -1 } } },
    /kernel_regularizer .*; it knows numbers from 0/,
  ],
  [{ bias_regularizer: 3 }, /has bias_regularizer 3/],
  [{ kernel_constraint: 'other' }, /has kernel_constraint "other"; it knows MaxNorm/],
  [{ kernel_constraint: { class_name: 'MaxNorm', config: { axis: 2 } } }, /kernel_constraint .*adjacent axes below 2/],
  [{ bias_constraint: { class_name: 'MaxNorm', config: { max_value: 'x' } } }, /numbers from 0 as max_value/],
  [{ activity_regularizer: { class_name: 'L1L2' } }, /has activity_regularizer/],
]
for (const [config, message] of ruled) {
  test(`a rule that is not known is refused with its layer: ${JSON.stringify(config)}`, (t) => {
    const layer = { name: 'dense', units: 2, batch_input_shape: [null, 3], ...config }
    const topology = { class_name: 'Sequential', config: { layers: [{ class_name: 'Dense', config: layer }] } }
    t.throws(() => engineModel(topology), { code: 'LEARN_ENGINE_MODEL', message })
  })
}

const node = (name: string, inbound: unknown, class_name = 'Flatten') => ({
  class_name,
  config: { name, ...(class_name === 'InputLayer' && { batch_input_shape: [null, 2] }) },
  inbound_nodes: inbound,
})
const from = (name: string, use = 0) => [[[name, use, 0, {}]]]
const graphs: readonly [string, object, RegExp][] = [
  [
    'a cycle',
    { layers: [node('a', [], 'InputLayer'), node('b', from('c')), node('c', from('b'))], output_layers: [['c', 0, 0]] },
    /layer b takes what no layer before it gives/,
  ],
  [
    'a use that is not there',
    {
      layers: [node('a', [], 'InputLayer'), node('b', from('a')), node('c', from('b', 1))],
      output_layers: [['c', 0, 0]],
    },
    /layer c takes what no layer before it gives/,
  ],
  [
    'a layer without an input',
    { layers: [node('a', [], 'InputLayer'), node('b', [])], output_layers: [['b', 0, 0]] },
    /layer b has no input/,
  ],
  [
    'inputs that are not named',
    {
      layers: [node('a', [], 'InputLayer'), node('b', [], 'InputLayer'), node('c', from('a'))],
      input_layers: [['a', 0, 0]],
      output_layers: [['c', 0, 0]],
    },
    /it has 2 inputs, but names 1/,
  ],
  [
    'an input that is named twice',
    {
      layers: [node('a', [], 'InputLayer'), node('b', [], 'InputLayer'), node('c', from('a'))],
      input_layers: [
        ['a', 0, 0],
        ['a', 0, 0],
      ],
      output_layers: [['c', 0, 0]],
    },
    /its input a occurs twice/,
  ],
  ['no output', { layers: [node('a', [], 'InputLayer'), node('b', from('a'))], output_layers: [] }, /it has no output/],
]
for (const [what, config, message] of graphs) {
  test(`a model with ${what} is refused`, (t) => {
    t.throws(() => engineModel({ class_name: 'Model', config }), { code: 'LEARN_ENGINE_MODEL', message })
  })
}
