import { conv2d } from '../ops/convolution.ts'
import { dense } from '../ops/dense.ts'
import { depthwiseConv2d } from '../ops/depthwise-conv2d.ts'
import { activation } from '../ops/elementwise.ts'
import { embedding } from '../ops/embedding.ts'
import { maskOfZeros } from '../ops/sequence.ts'
import { activationOf, withActivation } from './activations.ts'
import { type LayerBuilder, type LayerSettings, windowOver } from './layer-settings.ts'

/** Layers with weights that are multiplied or looked up. */
export const weightedLayers: Readonly<Record<string, LayerBuilder>> = {
  Dense(plan, settings, [x]) {
    return withActivation(plan, settings, (relu) =>
      dense(plan, { name: settings.name, units: settings.count('units'), relu, ...settings.initializers() }, x),
    )
  },
  Conv2D(plan, settings, [x]) {
    undilated(settings)
    const { name } = settings
    const window = windowOver(settings, x, settings.pair('kernel_size'), settings.pair('strides', [1, 1]))
    return withActivation(plan, settings, (relu) =>
      conv2d(plan, { name, filters: settings.count('filters'), ...window, relu, ...settings.initializers() }, x),
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

function undilated(settings: LayerSettings): void {
  const [y, x] = settings.pair('dilation_rate', [1, 1])
  if (y * x !== 1) throw settings.refuseValue('dilation_rate', 'only 1')
}
