import test from 'ava'
import type { Examples } from '../data/examples.ts'
import type { Learner } from '../learn/learner.ts'
import type { LossName } from '../learn/loss.ts'
import { randomStream } from '../random/random-stream.ts'
import { tensorViews } from '../weights/layout.ts'
import { type LayersLearnerSettings, layersLearner } from './layers-learner.ts'
import { loadTensorFlow, type TensorFlow } from './tensorflow.ts'

type Model = LayersLearnerSettings['model']
type Symbolic = ReturnType<TensorFlow['input']>
type Layer = InstanceType<TensorFlow['layers']['Layer']>

const shape = [1, 1, 4]
const settings = { learningRate: 0.5, epochs: 2, batch: 8 }

/** Images of one pixel. The class is the highest channel among the first `classes`. */
function pixels(classes: number): Examples {
  const random = randomStream(1, 'pixels')
  const values = Float32Array.from({ length: 40 * 4 }, () => random.uniform())
  const row = (index: number) => values.subarray(4 * index, 4 * index + 4)
  return {
    count: 40,
    shape,
    read: (index, out, offset) => out.set(row(index), offset),
    label: (index) =>
      row(index)
        .subarray(0, classes)
        .indexOf(Math.max(...row(index).subarray(0, classes))),
  }
}

const applied = (layer: Layer, given: Symbolic): Symbolic => {
  const output = layer.apply(given)
  if (Array.isArray(output) || !('sourceLayer' in output)) throw new TypeError('a layer of one output')
  return output
}

/** A model with `units` outputs, with its last activation written in each possible way, and without. */
function forms(units: number, activation: 'softmax' | 'sigmoid'): Record<string, { with: Model; without: Model }> {
  const both = (make: (last: 'linear' | typeof activation) => Model) => ({
    with: make(activation),
    without: make('linear'),
  })
  const hidden = ({ layers }: TensorFlow) => [
    layers.flatten({ inputShape: shape }),
    layers.dense({ units: 5, activation: 'tanh' }),
    layers.dropout({ rate: 0.2 }),
  ]
  return {
    'of the last dense layer': both((last) => (tf) => {
      return tf.sequential({ layers: [...hidden(tf), tf.layers.dense({ units, activation: last })] })
    }),
    'as an activation layer': both((last) => (tf) => {
      const end = last === 'linear' ? [] : [tf.layers.activation({ activation: last })]
      return tf.sequential({ layers: [...hidden(tf), tf.layers.dense({ units }), ...end] })
    }),
    ...(activation === 'softmax' && {
      'as a softmax layer': both((last) => (tf) => {
        const end = last === 'linear' ? [] : [tf.layers.softmax({})]
        return tf.sequential({ layers: [...hidden(tf), tf.layers.dense({ units }), ...end] })
      }),
    }),
    'of a functional model': both((last) => (tf) => {
      const input = tf.input({ shape })
      const middle = hidden(tf).reduce((given, layer) => applied(layer, given), input)
      return tf.model({ inputs: input, outputs: applied(tf.layers.dense({ units, activation: last }), middle) })
    }),
    'of a convolution before flatten': both((last) => ({ layers, sequential }) => {
      const last1 = layers.conv2d({ filters: units, kernelSize: 1, activation: last })
      return sequential({
        layers: [layers.conv2d({ filters: 5, kernelSize: 1, inputShape: shape }), last1, layers.flatten()],
      })
    }),
  }
}

const nested = (last: 'linear' | 'softmax'): Model => {
  return (tf) => {
    const end = tf.sequential({
      layers: [tf.layers.dense({ units: 3, activation: last, inputShape: [4], name: 'end' })],
    })
    return tf.sequential({ layers: [tf.layers.flatten({ inputShape: shape }), end] })
  }
}

async function results(learner: Learner, examples: Examples) {
  const weights = await learner.initialWeights(randomStream(1, 'weights'))
  const { delta, metrics } = await learner.train({ weights, examples, random: randomStream(1, 'train') })
  const trained = weights.map((value, index) => value + (delta[index] ?? 0))
  const evaluation = await learner.evaluate(trained, examples)
  return { layout: learner.layout, weights, delta, metrics, evaluation, trained }
}

async function predictions({ modelTopology, layout }: Learner, weights: Float32Array, examples: Examples) {
  const tf = await loadTensorFlow()
  const model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology: Object(modelTopology) }))
  const views = tensorViews(layout, weights)
  model.setWeights(
    model.weights.map(({ originalName, shape }) => tf.tensor(views.get(originalName) ?? [], shape.map(Number))),
  )
  const input = new Float32Array(4)
  examples.read(0, input, 0)
  const output = model.predict(tf.tensor(input, [1, ...shape]))
  return Array.isArray(output) ? [] : [...output.dataSync()]
}

const losses: readonly (readonly [LossName, 'softmax' | 'sigmoid', units: number])[] = [
  ['softmaxCrossEntropy', 'softmax', 3],
  ['sigmoidCrossEntropy', 'sigmoid', 1],
]

for (const [loss, activation, units] of losses) {
  const ways = forms(units, activation)
  if (activation === 'softmax')
    ways['of a model within the model'] = { with: nested('softmax'), without: nested('linear') }
  for (const engine of ['auto', 'tensorflow'] as const) {
    for (const [way, models] of Object.entries(ways)) {
      const by = engine === 'auto' ? 'by the engine where it can' : 'by TensorFlow.js'
      test.serial(`a ${activation} ${way} is the loss's own, and predicts probabilities, ${by}`, async (t) => {
        const examples = pixels(Math.max(2, units))
        const make = (model: Model) => layersLearner({ ...settings, model, loss, engine })
        const [ended, bare] = await Promise.all([make(models.with), make(models.without)])
        const [found, expected] = [await results(ended, examples), await results(bare, examples)]
        t.deepEqual(found, expected)
        t.true((expected.delta.at(-1) ?? 0) !== 0)
        t.is(
          ended.runsOn?.startsWith('TensorFlow.js'),
          engine === 'tensorflow' || way === 'of a model within the model',
        )
        t.regex(
          ended.remarks?.join() ?? '',
          new RegExp(`^${loss} takes the input of the ${activation} of layer (end|\\w+_[12])`),
        )
        t.deepEqual(bare.remarks, [])

        const predicted = await predictions(ended, found.trained, examples)
        const outputs = await predictions(bare, found.trained, examples)
        const sum = outputs.reduce((total, output) => total + Math.exp(output), 0)
        const probabilities = outputs.map((output) =>
          activation === 'sigmoid' ? 1 / (1 + Math.exp(-output)) : Math.exp(output) / sum,
        )
        t.is(predicted.length, units)
        t.true(
          predicted.every((value, index) => Math.abs(value - (probabilities[index] ?? 0)) < 1e-6),
          String(predicted),
        )
      })
    }
  }
}

test('a model that is made once and ends with a softmax is published with it by each learner', async (t) => {
  const tf = await loadTensorFlow()
  const made = tf.sequential({ layers: [tf.layers.dense({ units: 3, activation: 'softmax', inputShape: [4] })] })
  const make = () =>
    layersLearner({ ...settings, model: () => made, loss: 'softmaxCrossEntropy', engine: 'tensorflow' })
  const topologies = [(await make()).modelTopology, (await make()).modelTopology]
  t.deepEqual(topologies[0], topologies[1])
  t.regex(JSON.stringify(topologies[1]), /"activation":"softmax"/)
})

for (const engine of ['auto', 'tensorflow'] as const) {
  const refused: readonly (readonly [string, LossName, Model, RegExp])[] = [
    [
      'a sigmoid',
      'softmaxCrossEntropy',
      forms(3, 'sigmoid')['of the last dense layer']!.with,
      /sigmoid of layer dense_2.*softmaxCrossEntropy.*before the softmax/,
    ],
    [
      'a softmax of one value',
      'sigmoidCrossEntropy',
      forms(1, 'softmax')['of the last dense layer']!.with,
      /softmax of layer dense_2.*always 1/,
    ],
    [
      'a softmax of one value',
      'meanSquaredError',
      forms(1, 'softmax')['as an activation layer']!.with,
      /softmax of layer activation_1.*always 1/,
    ],
  ]
  for (const [what, loss, model, message] of refused) {
    test.serial(`${what} at the end of a model is refused with ${loss}, on ${engine}`, async (t) => {
      await t.throwsAsync(layersLearner({ ...settings, model, loss, engine }), {
        code: 'LEARN_LAST_ACTIVATION',
        message,
      })
    })
  }
}

test('a sigmoid at the end of a regression, and a softmax within a model, stay', async (t) => {
  const regression = forms(1, 'sigmoid')['of the last dense layer']!
  const make = (model: Model) => layersLearner({ ...settings, model, loss: 'meanSquaredError' })
  const [bounded, bare] = await Promise.all([make(regression.with), make(regression.without)])
  t.deepEqual(bounded.remarks, [])
  t.notDeepEqual((await results(bounded, pixels(2))).delta, (await results(bare, pixels(2))).delta)
})
