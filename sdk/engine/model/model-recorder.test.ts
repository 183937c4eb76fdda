import test from 'ava'
import { groupNormalization } from '../../layers/group-normalization.ts'
import { describeModel } from '../../layers/layers-model.ts'
import { loadTensorFlow, type TensorFlow } from '../../layers/tensorflow.ts'
import { lossOf } from '../../learn/loss.ts'
import { randomStream } from '../../random/random-stream.ts'
import { through } from '../agreement-properties.contract.ts'
import { engineModel } from '../engine-learner.ts'
import type { EngineLayers } from './layer-types.ts'
import { recordModel } from './model-recorder.ts'

function recordTopology(model: Parameters<typeof recordModel>[0]): unknown {
  const recording = recordModel(model)
  return 'topology' in recording ? recording.topology : undefined
}

const sequential = ({ layers, sequential }: TensorFlow) =>
  sequential({
    layers: [
      layers.zeroPadding2d({ padding: 1, inputShape: [9, 9, 3] }),
      layers.conv2d({ filters: 4, kernelSize: [3, 2], padding: 'same', kernelInitializer: 'heNormal' }),
      layers.batchNormalization({ momentum: 0.9 }),
      layers.activation({ activation: 'relu' }),
      layers.depthwiseConv2d({ kernelSize: 3, strides: [2, 2], useBias: false, depthwiseInitializer: 'heUniform' }),
      groupNormalization({ groups: 2 }),
      layers.leakyReLU({ alpha: 0.1 }),
      layers.avgPool2d({ poolSize: 2 }),
      layers.reLU({ maxValue: 6 }),
      layers.conv2d({ filters: 3, kernelSize: 1, name: 'named' }),
      layers.maxPool2d({ poolSize: [2, 2], strides: [1, 1], padding: 'same' }),
      layers.reshape({ targetShape: [-1, 3] }),
      layers.globalAveragePooling1d({}),
      layers.dropout({ rate: 0.2 }),
      layers.dense({ units: 5, activation: 'tanh' }),
      layers.dense({ units: 2, biasInitializer: 'ones' }),
    ],
  })

const functional = (tf: TensorFlow) => {
  const input = tf.input({ shape: [6, 6, 2] })
  const first = through(tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }), input)
  const second = through(tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }), first)
  const sum = through(tf.layers.add(), [second, first])
  const output = through(tf.layers.dense({ units: 3 }), through(tf.layers.globalAveragePooling2d({}), sum))
  return tf.model({ inputs: input, outputs: output })
}

const table = ({ layers, sequential }: TensorFlow) =>
  sequential({
    layers: [
      layers.embedding({ inputDim: 7, outputDim: 3, inputLength: 4 }),
      layers.flatten(),
      layers.dense({ units: 2 }),
    ],
  })

const recurrent = ({ layers, sequential }: TensorFlow) =>
  sequential({
    layers: [
      layers.masking({ maskValue: 1, inputShape: [6, 3] }),
      layers.bidirectional({ layer: layers.gru({ units: 4, returnSequences: true }), mergeMode: 'concat' }),
      layers.lstm({ units: 5, unitForgetBias: true, returnSequences: true, recurrentActivation: 'hardSigmoid' }),
      layers.timeDistributed({ layer: layers.dense({ units: 3 }) }),
      layers.dense({ units: 3 }),
      layers.bidirectional({ layer: layers.lstm({ units: 2, name: 'named' }), mergeMode: 'sum' }),
      layers.reshape({ targetShape: [1, 2] }),
      layers.simpleRNN({ units: 3, goBackwards: true }),
      layers.dense({ units: 2 }),
    ],
  })

const joined = (tf: TensorFlow) => {
  const { layers, regularizers, constraints } = tf
  const [image, sequence] = [tf.input({ shape: [6, 6, 2] }), tf.input({ shape: [9, 3] })]
  const down = through(layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }), image)
  const up = through(layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }), down)
  const twice = through(layers.upSampling2d({ interpolation: 'bilinear' }), down)
  const maps = through(layers.concatenate(), [up, through(layers.maximum(), [twice, up])])
  const along = through(layers.conv1d({ filters: 5, kernelSize: 3, padding: 'causal', dilationRate: 2 }), sequence)
  const pooled = through(layers.maxPooling1d({}), through(layers.averagePooling1d({ poolSize: 2, strides: 1 }), along))
  const shared = layers.dense({
    ...{ units: 4, kernelRegularizer: regularizers.l2({ l2: 0.1 }), kernelConstraint: constraints.maxNorm({}) },
  })
  const a = through(shared, through(layers.globalMaxPooling1d({}), pooled))
  const b = through(shared, through(layers.dense({ units: 5, trainable: false }), a))
  const c = through(layers.dense({ units: 4 }), through(layers.globalMaxPooling2d({}), maps))
  const all = [
    a,
    b,
    through(layers.average(), [b, c]),
    through(layers.minimum(), [a, c]),
    through(layers.multiply(), [a, b]),
  ]
  return tf.model({
    inputs: [sequence, image],
    outputs: through(layers.dense({ units: 2 }), through(layers.concatenate(), all)),
  })
}

for (const [kind, model] of Object.entries({ sequential, functional, table, recurrent, joined })) {
  test(`a recorded ${kind} model is TensorFlow.js's: layers, weights and initial values`, async (t) => {
    const tf = await loadTensorFlow()
    const made = model(tf)
    const theirs = describeModel(tf, made)
    const recorded = recordTopology(model)
    const ours = engineModel(recorded, lossOf('mse'))
    t.deepEqual(ours.layout, theirs.layout)
    t.deepEqual(ours.outputs, theirs.outputs)
    t.deepEqual(ours.initialWeights(randomStream(3)), theirs.initialWeights(randomStream(3)))
    // The engine reads TensorFlow.js's own topology as the same model.
    const read = engineModel(theirs.topology, lossOf('mse'))
    t.deepEqual(
      read.graph.layers.map(({ name, className, inputs }) => ({ name, className, inputs })),
      ours.graph.layers.map(({ name, className, inputs }) => ({ name, className, inputs })),
    )
    t.deepEqual(read.layout, ours.layout)
    made.dispose()
  })

  test(`TensorFlow.js loads what was recorded of a ${kind} model`, async (t) => {
    const tf = await loadTensorFlow()
    const loaded = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology: Object(recordTopology(model)) }))
    const { layout } = engineModel(recordTopology(model), lossOf('mse'))
    t.deepEqual(
      loaded.weights.map(({ originalName, shape }) => ({ name: originalName, shape })),
      [...layout.tensors],
    )
    loaded.dispose()
  })
}

test('what only TensorFlow.js has is left to it', (t) => {
  const build = (inner: (tf: TensorFlow) => unknown) => recordTopology(inner)
  t.is(
    build((tf) =>
      tf.sequential({ layers: [tf.layers.convLstm2d({ filters: 3, kernelSize: 1, inputShape: [2, 4, 4, 1] })] }),
    ),
    undefined,
  )
  t.is(
    build((tf) => {
      const input = tf.input({ shape: [2] })
      return tf.model({ inputs: [input, tf.input({ shape: [3] })], outputs: through(tf.layers.flatten(), input) })
    }),
    undefined,
  )
})

/** Wrappers take layers, whose classes are not TensorFlow.js's. */
type PlainLayer = Exclude<keyof EngineLayers, 'bidirectional' | 'timeDistributed'>
type SettingsOf<Layers extends Record<PlainLayer, (...settings: never) => unknown>> = {
  readonly [Name in PlainLayer]: Parameters<Layers[Name]>
}

/** Compiles only if each setting that the engine declares exists in TensorFlow.js, with the same type. */
const asTheirs = (ours: Partial<SettingsOf<EngineLayers>>): Partial<SettingsOf<TensorFlow['layers']>> => ours

test('settings that the engine declares are those of TensorFlow.js', async (t) => {
  const tf = await loadTensorFlow()
  const [dense] = asTheirs({ dense: [{ units: 2, inputShape: [3], kernelInitializer: 'heNormal' }] }).dense ?? []
  t.deepEqual(dense && tf.layers.dense(dense).getConfig().units, 2)
})
