import test from 'ava'
import { layersLearner } from '../layers/layers-learner.ts'
import type { TensorFlow } from '../layers/tensorflow.ts'
import { lossOf } from '../learn/loss.ts'
import { through } from './agreement-properties.contract.ts'

type Layer = InstanceType<TensorFlow['layers']['Layer']>

const settings = { loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch: 4 } as const

/** The engine's refusal of a model with these layers. */
async function refusal(inner: (tf: TensorFlow) => readonly Layer[]): Promise<string> {
  const model = (tf: TensorFlow) => {
    const made = tf.sequential()
    for (const layer of inner(tf)) made.add(layer)
    return made
  }
  try {
    await layersLearner({ ...settings, model, engine: 'engine' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'LEARN_ENGINE_MODEL') return error.message
    throw error
  }
  return 'nothing'
}

const inputShape = [5, 5, 2]
const refused: Readonly<Record<string, [(tf: TensorFlow) => Layer[], RegExp]>> = {
  'a layer that is not known': [
    ({ layers }) => [layers.convLstm2d({ filters: 2, kernelSize: 1, inputShape: [2, 3, 3, 1] })],
    /layer \w+ is of class ConvLSTM2D/,
  ],
  'a setting that is not known': [
    ({ layers }) => [layers.conv2d({ filters: 2, kernelSize: 3, dilationRate: 2, inputShape })],
    /layer conv2d_1 \(Conv2D\) has dilation_rate \[?2.*it knows only 1/,
  ],
  'a regularizer, which would be left out': [
    ({ layers, regularizers }) => [
      layers.dense({ units: 2, inputShape: [3], kernelRegularizer: regularizers.l2({ l2: 0.1 }) }),
    ],
    /layer dense_1 \(Dense\) has kernel_regularizer/,
  ],
  'a layer that is not to be trained': [
    ({ layers }) => [layers.dense({ units: 2, inputShape: [3], trainable: false })],
    /layer dense_1 \(Dense\) has trainable false/,
  ],
  'a softmax over another dimension than the last': [
    ({ layers }) => [layers.softmax({ inputShape: [3, 2] }), layers.flatten()],
    /layer softmax_1 \(Softmax\) has axis not set; it knows only -1, 2/,
  ],
  'a normalization over several dimensions': [
    ({ layers }) => [layers.layerNormalization({ axis: [1, 2], inputShape: [3, 2] }), layers.flatten()],
    /layer layer_normalization_1 \(LayerNormalization\) has axis \[1,2\]; it knows only -1, 2/,
  ],
  'slopes that only some pixels share': [
    ({ layers }) => [layers.prelu({ sharedAxes: [1], inputShape })],
    /layer p_re_lu_1 \(PReLU\) has shared_axes \[1\]; it knows none, and \[1,2\]/,
  ],
  'several outputs for a channel': [
    ({ layers }) => [layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, inputShape })],
    /depthwise_conv2d_1 \(DepthwiseConv2D\) has depth_multiplier 2; it knows only 1/,
  ],
}
for (const [what, [layers, expected]] of Object.entries(refused)) {
  test(`the engine refuses ${what}, by its name`, async (t) => {
    t.regex(await refusal(layers), expected)
  })
}

test('shapes that do not go together are refused with the layer', async (t) => {
  // TensorFlow.js itself would refuse these, with its own messages.
  const topology = (layers: readonly object[]) => ({
    class_name: 'Sequential',
    config: {
      layers: layers.map((config, index) => ({
        class_name: Reflect.get(config, 'class_name'),
        config: { name: `layer_${index}`, ...config, class_name: undefined },
      })),
    },
  })
  const { engineModel } = await import('./engine-learner.ts')
  const image = { batch_input_shape: [null, 4, 4, 3] }
  const vector = { batch_input_shape: [null, 8] }
  const cases: [object[], RegExp][] = [
    [
      [{ class_name: 'Conv2D', filters: 2, kernel_size: 3, ...vector }],
      /layer_0 \(Conv2D\) takes \[height, width, channels\], but gets \[8\]/,
    ],
    [
      [{ class_name: 'Conv2D', filters: 2, kernel_size: [5, 3], ...image }],
      /layer_0 \(Conv2D\) has windows of 5 × 3, which don't fit into 4 × 4/,
    ],
    [
      [{ class_name: 'DepthwiseConv2D', kernel_size: [3, 5], ...image }],
      /layer_0 \(DepthwiseConv2D\) has windows of 3 × 5/,
    ],
    [[{ class_name: 'MaxPooling2D', pool_size: 5, ...image }], /layer_0 \(MaxPooling2D\) has windows of 5 × 5/],
    [[{ class_name: 'AveragePooling2D', ...vector }], /layer_0 \(AveragePooling2D\) takes \[height/],
    [[{ class_name: 'GlobalAveragePooling2D', ...vector }], /layer_0 \(GlobalAveragePooling2D\) takes/],
    [
      [{ class_name: 'GroupNormalization', groups: 2, ...image }],
      /layer_0 \(GroupNormalization\) has 2 groups, which don't divide 3/,
    ],
    [[{ class_name: 'Reshape', target_shape: [5, 2], ...vector }], /layer_0 \(Reshape\) makes \[5,2\] of \[8\]/],
    [[{ class_name: 'Reshape', target_shape: [3, -1], ...vector }], /layer_0 \(Reshape\) makes \[3,-1\] of \[8\]/],
    [[{ class_name: 'Dropout', rate: 1, ...vector }], /layer_0 \(Dropout\) has rate 1/],
    [
      [
        { class_name: 'Dense', units: 2, ...vector },
        { class_name: 'Embedding', input_dim: 3, output_dim: 2 },
      ],
      /layer_1 \(Embedding\) takes the output of another layer/,
    ],
    [[{ class_name: 'Embedding', input_dim: 3, output_dim: 2, ...image }], /layer_0 \(Embedding\) takes a list/],
    [[{ class_name: 'Dense', units: 0, ...vector }], /layer_0 \(Dense\) has units 0/],
    [
      [{ class_name: 'Dense', units: 2, activation: 'sine', ...vector }],
      /layer_0 \(Dense\) has activation "sine"; it knows linear, elu, gelu/,
    ],
    [[{ class_name: 'PReLU', shared_axes: 1, ...vector }], /layer_0 \(PReLU\) has shared_axes 1; it knows none/],
    [[{ class_name: 'BatchNormalization', axis: 1, ...image }], /layer_0 \(BatchNormalization\) has axis 1/],
  ]
  const pixels = { class_name: 'Conv2D', filters: 2, kernel_size: 3, ...image }
  t.throws(() => engineModel(topology([pixels])), {
    code: 'LEARN_ENGINE_MODEL',
    message: /it ends with the shape \[2,2,2\]: let a flatten layer be the last/,
  })
  t.notThrows(() => engineModel(topology([pixels]), lossOf('mse')))
  for (const [layers, message] of cases) {
    t.throws(() => engineModel(topology(layers), lossOf('mse')), { code: 'LEARN_ENGINE_MODEL', message })
  }
})

test('additions of different shapes are refused with their layer', async (t) => {
  const model = (tf: TensorFlow) => {
    const input = tf.input({ shape: [4] })
    const [a, b] = [through(tf.layers.dense({ units: 3 }), input), through(tf.layers.dense({ units: 1 }), input)]
    return tf.model({
      inputs: input,
      outputs: through(
        tf.layers.add(),
        [a, b].filter((tensor) => tensor !== undefined),
      ),
    })
  }
  await t.throwsAsync(layersLearner({ ...settings, model, engine: 'engine' }), {
    code: 'LEARN_ENGINE_MODEL',
    message: /layer add_1 \(Add\) adds \[3\] and \[1\]: shapes must be the same/,
  })
})

test('a model that the engine refuses runs on TensorFlow.js, which says why', async (t) => {
  const model = ({ layers, sequential }: TensorFlow) =>
    sequential({
      layers: [
        layers.layerNormalization({ axis: [1, 2], inputShape: [3, 2] }),
        layers.flatten(),
        layers.dense({ units: 2 }),
      ],
    })
  const { runsOn } = await layersLearner({ ...settings, model })
  t.regex(runsOn ?? '', /^TensorFlow\.js \(.+\): .*layer layer_normalization_1 .* has axis \[1,2\]; it knows only/)
})
