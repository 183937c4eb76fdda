import test from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { type LayersLearnerSettings, layersLearner } from './layers-learner.ts'
import type { TensorFlow } from './tensorflow.ts'

type Settings = LayersLearnerSettings
const steps = { learningRate: 0.1, epochs: 1, batch: 2 }
const model: Settings['model'] = ({ layers, sequential }) =>
  sequential({ layers: [layers.dense({ units: 1, inputShape: [2] })] })

/** A learner with untyped settings, as from JavaScript. */
const make = (settings: object) => layersLearner({ ...steps, model, loss: 'meanSquaredError', ...settings })

const unknown: Readonly<Record<string, readonly [settings: object, code: string, said: RegExp]>> = {
  'a loss': [
    { loss: 'mean_squared_eror' },
    'LEARN_SETTING',
    /loss must be one of softmaxCrossEntropy, .*, mse \(did you mean meanSquaredError\?\)/,
  ],
  "a loss under Keras's name in another spelling": [
    { loss: 'binary_crossentropy' },
    'LEARN_SETTING',
    /did you mean binaryCrossentropy\?/,
  ],
  'an optimizer': [
    { optimizer: 'Adam' },
    'LEARN_SETTING',
    /optimizer must be one of sgd, adam, adamw \(did you mean adam\?\)/,
  ],
  'an activation': [
    { model: (tf: never) => Reflect.apply(layerOf, undefined, [tf, 'dense', { units: 1, activation: 'rleu' }]) },
    'LEARN_UNKNOWN_NAME',
    /activation of layers\.dense .*'rleu' \(did you mean relu\?\)/,
  ],
  'an activation beside layers that the engine lacks': [
    {
      model: (tf: never) =>
        Reflect.apply(layerOf, undefined, [tf, 'lstm', { units: 1, recurrentActivation: 'sigmod' }]),
    },
    'LEARN_UNKNOWN_NAME',
    /recurrentActivation of layers\.lstm .*'sigmod' \(did you mean sigmoid\?\)/,
  ],
  'an initializer': [
    {
      engine: 'tensorflow',
      model: (tf: never) =>
        Reflect.apply(layerOf, undefined, [tf, 'gru', { units: 1, kernelInitializer: 'glorot_normal' }]),
    },
    'LEARN_UNKNOWN_NAME',
    /kernelInitializer of layers\.gru .*'glorot_normal' \(did you mean glorotNormal\?\)/,
  ],
  'a layer': [
    { model: (tf: never) => Reflect.apply(layerOf, undefined, [tf, 'desne', { units: 1 }]) },
    'LEARN_UNKNOWN_NAME',
    /tf\.layers .*'desne' \(did you mean dense\?\)/,
  ],
}

function layerOf({ layers, sequential }: TensorFlow, name: 'dense', config: object) {
  return sequential({ layers: [layers[name]({ units: 1, inputShape: name === 'dense' ? [2] : [2, 1], ...config })] })
}

for (const [what, [settings, code, said]] of Object.entries(unknown)) {
  test(`${what} of an unknown name is refused with the known ones and the nearest`, async (t) => {
    const error = await t.throwsAsync(make(settings), { code })
    t.regex(error.message, said)
  })
}

test("Keras's names of losses stand for these losses", async (t) => {
  const layoutOf = async (settings: object) => (await make(settings)).layout
  const classes: Settings['model'] = ({ layers, sequential }) =>
    sequential({ layers: [layers.dense({ units: 3, inputShape: [2] })] })
  const one = await layoutOf({})
  for (const loss of ['mse', 'binaryCrossentropy']) t.deepEqual(await layoutOf({ loss }), one)
  for (const loss of ['categoricalCrossentropy', 'sparseCategoricalCrossentropy']) {
    t.is((await layoutOf({ loss, model: classes })).size, 9)
  }
  const learner = await make({ loss: 'mse', model: classes })
  t.throws(() => learner.check?.(labelled([2]), 'train'), { code: 'LEARN_OUTPUTS' })
})

/** One example with a label. */
const labelled = (shape: readonly number[]) =>
  inMemoryExamples({ features: new Float32Array(shape.reduce((size, length) => size * length, 1)), labels: [0], shape })

test('a loss names the outputs of the model and the targets of the examples where they differ', async (t) => {
  const wide: Settings['model'] = ({ layers, sequential }) =>
    sequential({ layers: [layers.dense({ units: 4, inputShape: [3, 2] })] })
  for (const loss of ['meanSquaredError', 'sigmoidCrossEntropy'] as const) {
    const learner = await make({ loss, model: wide })
    t.throws(() => learner.check?.(labelled([3, 2]), 'train'), {
      code: 'LEARN_OUTPUTS',
      message: `${loss} takes 12 numbers for each example, since the model has outputs of shape [3,4], but the examples have one label each`,
    })
  }
})

test('an initializer may be named by its class, as in a saved model', async (t) => {
  const named: Settings['model'] = ({ layers, sequential }) =>
    Reflect.apply(layerOf, undefined, [{ layers, sequential }, 'dense', { kernelInitializer: 'GlorotNormal' }])
  await t.notThrowsAsync(make({ model: named, engine: 'tensorflow' }))
})
