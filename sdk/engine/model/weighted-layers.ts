import { adaptedDense } from '../ops/adapters.ts'
import { conv2d } from '../ops/convolution.ts'
import { dense } from '../ops/dense.ts'
import { depthwiseConv2d } from '../ops/depthwise-conv2d.ts'
import { activation } from '../ops/elementwise.ts'
import { embedding } from '../ops/embedding.ts'
import { maskOfZeros } from '../ops/sequence.ts'
import { tiedDense } from '../ops/tied-dense.ts'
import { transposedConvolution } from '../ops/transposed-convolution.ts'
import { rowsNamed } from '../weight-layouts.ts'
import { activationOf, withActivation } from './activations.ts'
import { type LayerBuilder, type LayerSettings, requireImage, windowOver } from './layer-settings.ts'

/** Layers with weights that are multiplied or looked up. */
export const weightedLayers: Readonly<Record<string, LayerBuilder>> = {
  Dense(plan, settings, [x]) {
    const product = plan.adapters ? adaptedDense : dense
    return withActivation(plan, settings, (relu) =>
      product(plan, { name: settings.name, units: settings.count('units'), relu, ...settings.initializers() }, x),
    )
  },
  Conv2D(plan, settings, [x]) {
    settings.only('groups', 1)
    const { name } = settings
    const [size, strides] = [settings.pair('kernel_size'), settings.pair('strides', [1, 1])]
    const window = windowOver(settings, x, size, strides, settings.pair('dilation_rate', [1, 1]))
    return withActivation(plan, settings, (relu) =>
      conv2d(plan, { name, filters: settings.count('filters'), ...window, relu, ...settings.initializers() }, x),
    )
  },
  Conv2DTranspose(plan, settings, [x]) {
    requireImage(settings, x)
    undilated(settings)
    settings.only('groups', 1)
    const { name } = settings
    const [size, stride] = [settings.pair('kernel_size'), settings.pair('strides', [1, 1])]
    const padding = settings.oneOf('padding', ['valid', 'same'], 'valid')
    const filters = settings.count('filters')
    const along = (length = 1, axis: 0 | 1 = 0) =>
      length * stride[axis] + (padding === 'valid' ? Math.max(size[axis] - stride[axis], 0) : 0)
    const image = [along(x.shape[0], 0), along(x.shape[1], 1)] as const
    const kernelShape = [...size, filters, x.channels]
    const parts = { name, filters, window: { size, stride, padding }, image, kernelShape }
    return withActivation(plan, settings, (relu) =>
      transposedConvolution(plan, { ...parts, relu, ...settings.initializers() }, x),
    )
  },
  DepthwiseConv2D(plan, settings, [x]) {
    undilated(settings)
    settings.only('depth_multiplier', 1)
    const { name } = settings
    const window = windowOver(settings, x, settings.pair('kernel_size'), settings.pair('strides', [1, 1]))
    const kind = activationOf(settings)
    const initializers = settings.initializers('depthwise_initializer')
    return activation(plan, name, kind, depthwiseConv2d(plan, { name, ...window, ...initializers }, x))
  },
  Embedding(plan, settings, [x]) {
    const length = settings.value('input_length')
    if (x.shape.length !== 1 || (length !== undefined && Number(length) !== x.shape[0])) {
      throw settings.refuse(`takes a list of ${length ?? 'some'} numbers, but gets [${x.shape}]`)
    }
    if (x.gradient !== 0) throw settings.refuse('takes the output of another layer: only a model can begin with it')
    const mask = settings.flag('mask_zero', false) ? maskOfZeros(plan, settings.name, x) : undefined
    const y = embedding(
      plan,
      {
        name: settings.name,
        rows: settings.count('input_dim'),
        channels: settings.count('output_dim'),
        initializer: settings.initializer('embeddings_initializer', 'randomUniform'),
      },
      x,
    )
    return { ...y, mask }
  },
}

/** Layers that take the weights of another layer. */
export const tiedLayers: Readonly<Record<string, LayerBuilder>> = {
  TiedDense(plan, settings, [x]) {
    const source = String(settings.value('tied_to'))
    const table = rowsNamed(plan, `${source}/embeddings`)
    const [rows = 0, channels] = plan.weights.find(({ name }) => name === `${source}/embeddings`)?.shape ?? []
    if (table === undefined) throw settings.refuse(`is tied to ${source}, which is no embedding before it`)
    if (x.shape.at(-1) !== channels) {
      throw settings.refuse(`takes ${channels} channels, as the embedding ${source} has, but gets [${x.shape}]`)
    }
    return tiedDense(plan, { name: settings.name, table, rows }, x)
  },
}

function undilated(settings: LayerSettings): void {
  const [y, x] = settings.pair('dilation_rate', [1, 1])
  if (y * x !== 1) throw settings.refuseValue('dilation_rate', 'only 1')
}
