import test from 'ava'
import { layersLearner } from '../layers/layers-learner.ts'
import type { TensorFlow } from '../layers/tensorflow.ts'
import { lossOf } from '../learn/loss.ts'

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
    ({ layers }) => [layers.depthwiseConv2d({ kernelSize: 3, dilationRate: 2, inputShape })],
    /layer depthwise_conv2d_1 \(DepthwiseConv2D\) has dilation_rate \[?2.*it knows only 1/,
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
  const sequence = { batch_input_shape: [null, 4, 3] }
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
    [[{ class_name: 'Conv1D', filters: 2, kernel_size: 3, ...image }], /layer_0 \(Conv1D\) takes \[steps, channels\]/],
    [
      [{ class_name: 'Conv1D', filters: 2, kernel_size: [3], dilation_rate: 2, ...sequence }],
      /layer_0 \(Conv1D\) has windows of 5, which don't fit into 4 steps/,
    ],
    [
      [{ class_name: 'Conv1D', filters: 2, kernel_size: [3, 3], ...sequence }],
      /layer_0 \(Conv1D\) has kernel_size \[3,3\]; it knows integers from 1/,
    ],
    [
      [{ class_name: 'Conv1D', filters: 2, kernel_size: 3, padding: 'full', ...sequence }],
      /layer_0 \(Conv1D\) has padding "full"; it knows valid, same, causal/,
    ],
    [[{ class_name: 'MaxPooling1D', pool_size: 5, ...sequence }], /layer_0 \(MaxPooling1D\) has windows of 5/],
    [[{ class_name: 'AveragePooling1D', padding: 'causal', ...sequence }], /layer_0 \(AveragePooling1D\) has padding/],
    [[{ class_name: 'GlobalMaxPooling1D', ...image }], /layer_0 \(GlobalMaxPooling1D\) takes \[steps/],
    [[{ class_name: 'GlobalMaxPooling2D', ...vector }], /layer_0 \(GlobalMaxPooling2D\) takes \[height/],
    [[{ class_name: 'UpSampling2D', size: [2, 0], ...image }], /layer_0 \(UpSampling2D\) has size \[2,0\]/],
    [
      [{ class_name: 'UpSampling2D', interpolation: 'cubic', ...image }],
      /layer_0 \(UpSampling2D\) has interpolation "cubic"; it knows nearest, bilinear/,
    ],
    [[{ class_name: 'Conv2DTranspose', filters: 1, kernel_size: 2, ...vector }], /layer_0 \(Conv2DTranspose\) takes/],
    [
      [{ class_name: 'Conv2DTranspose', filters: 1, kernel_size: 2, padding: 'causal', ...image }],
      /layer_0 \(Conv2DTranspose\) has padding "causal"/,
    ],
    [[{ class_name: 'Multiply', ...vector }], /layer_0 \(Multiply\) takes two inputs or more/],
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

/** A model with two tensors of these shapes, which a layer joins. */
function joining(shapes: readonly [number[], number[]], joint: object) {
  const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1)
  const part = (index: 0 | 1) => [
    {
      class_name: 'Dense',
      config: { name: `dense_${index}`, units: size(shapes[index]) },
      inbound_nodes: [[['input', 0, 0, {}]]],
    },
    {
      class_name: 'Reshape',
      config: { name: `reshape_${index}`, target_shape: shapes[index] },
      inbound_nodes: [[[`dense_${index}`, 0, 0, {}]]],
    },
  ]
  const ends = [0, 1].map((index) => [`reshape_${index}`, 0, 0, {}])
  return {
    class_name: 'Model',
    config: {
      layers: [
        { class_name: 'InputLayer', config: { name: 'input', batch_input_shape: [null, 4] }, inbound_nodes: [] },
        ...part(0),
        ...part(1),
        { ...joint, inbound_nodes: [ends] },
        { class_name: 'Flatten', config: { name: 'flat' }, inbound_nodes: [[['joint', 0, 0, {}]]] },
      ],
      input_layers: [['input', 0, 0]],
      output_layers: [['flat', 0, 0]],
    },
  }
}

test('tensors whose shapes do not go together are refused with the layer that joins them', async (t) => {
  const { engineModel } = await import('./engine-learner.ts')
  const cases: [readonly [number[], number[]], string, object, RegExp][] = [
    [[[3], [2]], 'Add', {}, /layer joint \(Add\) takes \[3\] and \[2\]: shapes must be the same, but for axes/],
    [[[3, 2], [3]], 'Multiply', {}, /layer joint \(Multiply\) takes \[3,2\] and \[3\]/],
    [
      [
        [3, 2],
        [2, 2],
      ],
      'Concatenate',
      {},
      /joint \(Concatenate\) joins \[3,2\] and \[2,2\] along axis -1/,
    ],
    [[[3, 2], [3]], 'Concatenate', { axis: 1 }, /joint \(Concatenate\) joins \[3,2\] and \[3\] along axis 1/],
    [[[3], [3]], 'Concatenate', { axis: 0 }, /joint \(Concatenate\) has axis 0; it knows -1 to 1 without 0/],
    [[[3], [3]], 'Concatenate', { axis: 2 }, /joint \(Concatenate\) has axis 2/],
  ]
  for (const [shapes, className, config, message] of cases) {
    const joint = { class_name: className, config: { name: 'joint', ...config } }
    t.throws(() => engineModel(joining(shapes, joint), lossOf('meanSquaredError')), {
      code: 'LEARN_ENGINE_MODEL',
      message,
    })
  }
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
