import type { LayerNode } from './layer-graph.ts'
import { settingsOf } from './layer-settings.ts'
import { conv2d } from './ops/conv2d.ts'
import { dense } from './ops/dense.ts'
import { flatten } from './ops/flatten.ts'
import { maxPooling } from './ops/max-pooling.ts'
import type { Plan, Tensor } from './plan.ts'

/** Adds a layer to a plan. */
type LayerBuilder = (plan: Plan, layer: LayerNode, inputs: readonly [Tensor, ...Tensor[]]) => Tensor

/** The layers that the engine knows, by their class in TensorFlow.js. */
export const layerBuilders: Readonly<Record<string, LayerBuilder>> = {
  Flatten: (_, layer, [x]) => {
    settingsOf(layer).only('data_format', 'channels_last', 'channelsLast')
    return flatten(x)
  },
  Dense(plan, layer, [x]) {
    const settings = settingsOf(layer)
    return dense(
      plan,
      {
        name: layer.name,
        units: settings.number('units'),
        relu: settings.oneOf('activation', ['linear', 'relu'], 'linear') === 'relu',
        ...settings.initializers(),
      },
      x,
    )
  },
  Conv2D(plan, layer, [x]) {
    const settings = settingsOf(layer)
    const [dilationY, dilationX] = settings.pair('dilation_rate', [1, 1])
    if (dilationY * dilationX !== 1) throw settings.refuse('dilation_rate', [dilationY, dilationX])
    settings.only('data_format', 'channels_last', 'channelsLast')
    return conv2d(
      plan,
      {
        name: layer.name,
        filters: settings.number('filters'),
        size: settings.pair('kernel_size'),
        stride: settings.pair('strides', [1, 1]),
        padding: settings.oneOf('padding', ['valid', 'same'], 'valid'),
        relu: settings.oneOf('activation', ['linear', 'relu'], 'linear') === 'relu',
        ...settings.initializers(),
      },
      x,
    )
  },
  MaxPooling2D(plan, layer, [x]) {
    const settings = settingsOf(layer)
    settings.only('data_format', 'channels_last', 'channelsLast')
    const size = settings.pair('pool_size', [2, 2])
    return maxPooling(
      plan,
      {
        name: layer.name,
        size,
        stride: settings.pair('strides', size),
        padding: settings.oneOf('padding', ['valid', 'same'], 'valid'),
      },
      x,
    )
  },
}
