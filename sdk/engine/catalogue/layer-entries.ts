import { LayerSettings, type SettingRead } from '../model/layer-settings.ts'
import { layerBuilders } from '../model/layers.ts'
import { recordedClasses } from '../model/model-recorder.ts'
import { Plan } from '../plan.ts'
import { attentionEntries } from './attention-entries.ts'
import type { LayerEntry } from './entries.ts'
import { mergingEntries } from './merging-entries.ts'
import { recurrentEntries } from './recurrent-entries.ts'
import { windowEntries } from './window-entries.ts'

/** Settings of several layers, with their effect. */
export const usualSettings: Readonly<Record<string, string>> = {
  activation: 'applied to the values of the layer',
  bias_initializer: 'initial values of the bias',
  data_format: 'order of dimensions: [height, width, channels]',
  dilation_rate: 'distance of the pixels of a window',
  groups: 'number of groups of channels, each with filters of its own',
  kernel_initializer: 'initial values of the kernel',
  kernel_size: 'height and width of the windows',
  padding: '`same` adds zeros, so that an output with strides of 1 is as large as the input',
  pool_size: 'height and width of the windows',
  strides: 'distance of the windows',
  use_bias: 'whether a bias is added',
}

const normalization = {
  axis: 'the dimension of the channels: the last one',
  beta_initializer: 'initial values of β',
  center: 'whether β is added',
  epsilon: 'ε, above 0',
  gamma_initializer: 'initial values of γ',
  scale: 'whether the values are multiplied by γ',
}

const image = [[4, 4, 3]]
const poolStrides = { strides: 'distance of the windows; by default their size' }

const basicLayers: readonly LayerEntry[] = [
  {
    className: 'InputLayer',
    summary: 'The input of a model: `inputShape` is the shape of one example.',
  },
  {
    className: 'Dense',
    summary: 'y = activation(x·W + b) of a vector x. Of [steps, channels], the same at each step.',
    settings: { units: 'number of outputs' },
    example: { config: { units: 2 }, inputs: [[4]] },
  },
  {
    className: 'Conv2D',
    summary: 'A convolution over an image, of all its channels.',
    settings: { filters: 'number of output channels' },
    example: { config: { filters: 2, kernel_size: 3 }, inputs: image },
  },
  {
    className: 'DepthwiseConv2D',
    summary: 'A convolution over an image, of each channel by itself.',
    settings: {
      depth_multiplier: 'number of outputs of a channel',
      depthwise_initializer: 'initial values of the kernel',
    },
    example: { config: { kernel_size: 3 }, inputs: image },
  },
  {
    className: 'Embedding',
    summary: 'The rows of a table for a list of whole numbers. Only a model can begin with it.',
    settings: {
      input_dim: 'number of rows: the numbers are below it',
      output_dim: 'length of a row',
      input_length: 'length of the list, where the layer has no `inputShape`',
      embeddings_initializer: 'initial values of the table',
      mask_zero: 'whether 0 stands for padding',
    },
    example: { config: { input_dim: 5, output_dim: 3 }, inputs: [[6]] },
  },
  {
    className: 'MaxPooling2D',
    summary: 'The largest value of each window, by channel.',
    settings: poolStrides,
    example: { inputs: image },
  },
  {
    className: 'AveragePooling2D',
    summary: 'The mean of each window, by channel. Padding does not count.',
    settings: poolStrides,
    example: { inputs: image },
  },
  {
    className: 'GlobalAveragePooling2D',
    summary: 'The mean of an image, by channel.',
    example: { inputs: image },
  },
  {
    className: 'BatchNormalization',
    summary:
      'γ·(x − mean)/√(variance + ε) + β, with mean and variance of each channel over the whole batch in training, and their moving means in evaluation.',
    source: 'Ioffe and Szegedy, ICML 2015',
    settings: {
      ...normalization,
      momentum: 'share of a moving value that remains after a batch, from 0 to 1',
      moving_mean_initializer: 'initial values of the moving mean',
      moving_variance_initializer: 'initial values of the moving variance',
    },
    example: { inputs: [[3]] },
  },
  {
    className: 'GroupNormalization',
    summary:
      'As a batch normalization, with mean and variance of each example over groups of channels. TensorFlow.js lacks this layer: call `groupNormalization` of `flame-fl/sdk` where the model is made.',
    source: 'Wu and He, ECCV 2018',
    settings: { ...normalization, groups: 'number of groups, which divides the number of channels' },
    example: { config: { groups: 3 }, inputs: [[3]] },
  },
  {
    className: 'LayerNormalization',
    summary: 'As a batch normalization, with mean and variance of the channels of each pixel or step.',
    source: 'Ba, Kiros and Hinton 2016',
    settings: normalization,
    example: { inputs: [[5, 3]] },
  },
  {
    className: 'Activation',
    summary: 'An activation by itself.',
    example: { inputs: [[4]] },
  },
  {
    className: 'ReLU',
    summary: 'min(max(x, 0), maxValue).',
    settings: {
      max_value: 'the most, above 0',
      negative_slope: 'slope below 0',
      threshold: 'the least value that passes',
    },
    example: { inputs: [[4]] },
  },
  {
    className: 'LeakyReLU',
    summary: 'x above 0, and alpha·x below.',
    settings: { alpha: 'slope below 0' },
    example: { inputs: [[4]] },
  },
  {
    className: 'ELU',
    summary: 'x above 0, and alpha·(exp(x) − 1) below.',
    source: 'Clevert et al., ICLR 2016',
    settings: { alpha: 'the distance from 0 to which values below 0 fall; TensorFlow.js knows only 1' },
    example: { inputs: [[4]] },
  },
  {
    className: 'PReLU',
    summary: 'x above 0, and alpha·x below, where alpha is trained.',
    source: 'He et al., ICCV 2015',
    settings: {
      alpha_initializer: 'initial values of alpha',
      shared_axes: 'dimensions from 1 whose values share alpha',
    },
    example: { inputs: [[4]] },
  },
  {
    className: 'ThresholdedReLU',
    summary: 'x above theta, and 0 below. TensorFlow.js has no gradient of this layer.',
    settings: { theta: 'the value up to which the result is 0' },
    example: { inputs: [[4]] },
  },
  {
    className: 'Softmax',
    summary: 'exp(x)/Σ exp(x) over the channels. At the end of a model, the loss may apply it.',
    settings: { axis: 'the dimension of the channels; without it, TensorFlow.js takes dimension 1' },
    example: { inputs: [[4]] },
  },
  {
    className: 'Dropout',
    summary:
      "In training, drops values with the probability `rate`, and multiplies the others by 1/(1 − rate). Masks come from the job's stream.",
    settings: { rate: 'probability, from 0 and below 1', seed: "without effect: masks come from the job's stream" },
    example: { config: { rate: 0.5 }, inputs: [[4]] },
  },
  {
    className: 'Flatten',
    summary: 'All values as a vector.',
    example: { inputs: image },
  },
  {
    className: 'Reshape',
    summary: 'The same values in another shape.',
    settings: { target_shape: 'shape of one example; one length may be −1, and is then computed' },
    example: { config: { target_shape: [2, -1] }, inputs: [[4]] },
  },
  {
    className: 'ZeroPadding2D',
    summary: 'An image with a rim of zeros.',
    settings: { padding: 'widths of the rim: one number, two, or [[top, bottom], [left, right]]; 1 by default' },
    example: { inputs: image },
  },
]

/** All layers, in the order of the page. */
export const layerEntries: readonly LayerEntry[] = [
  ...basicLayers,
  ...windowEntries,
  ...mergingEntries,
  ...recurrentEntries,
  ...attentionEntries,
]

/** Settings of every layer, which the page describes once. */
const ofEveryLayer = new Set(['trainable'])

/** A setting of a layer with the values and the default that the layer's builder has. */
export interface DescribedSetting extends SettingRead {
  /** In the form of the layer's factory, such as `kernelSize`. */
  readonly name: string
  /** Undefined where the entry doesn't describe the setting. */
  readonly help: string | undefined
}

/**
 * The settings that a layer's builder reads. Of a layer without a builder: those of its entry.
 *
 * @throws LEARN_ENGINE_MODEL where the entry's example can't be built.
 */
export function describedSettings({ className, settings = {}, example }: LayerEntry): readonly DescribedSetting[] {
  const described = (name: string, read: SettingRead): DescribedSetting => ({
    ...read,
    name: name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    help: settings[name] ?? usualSettings[name],
  })
  const builder = layerBuilders[className]
  if (!example || !builder) return Object.keys(settings).map((name) => described(name, { values: '' }))
  const plan = new Plan({ batch: 1, trainedBytes: 0 })
  const { config = {}, inputs } = example
  const given = new LayerSettings({ name: 'layer', className, config, inputs: [] })
  const [first, ...others] = inputs.map((shape) => plan.tensor(shape, 'input'))
  if (!first) throw new TypeError(`the example of ${className} has no input`)
  builder(plan, given, [first, ...others])
  given.refuseOthers()
  const read = [...given.reads].filter(([name]) => !ofEveryLayer.has(name))
  return read.map(([name, setting]) => described(name, setting))
}

/** The names of a layer's factories among those of TensorFlow.js, such as `maxPool2d` and `maxPooling2d`. */
export function factoriesOf(className: string): readonly string[] {
  return Object.entries(recordedClasses).flatMap(([factory, recorded]) => (recorded === className ? [factory] : []))
}
