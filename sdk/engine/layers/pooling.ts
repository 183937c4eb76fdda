import { averagePooling, globalAveragePooling } from '../ops/average-pooling.ts'
import { maxPooling } from '../ops/max-pooling.ts'
import { inPixels } from '../ops/reshape.ts'
import { type LayerBuilder, requireImage, windowOver } from './layer-builder.ts'

export const poolingLayers: Readonly<Record<string, LayerBuilder>> = {
  MaxPooling2D(plan, settings, [x]) {
    const { name } = settings
    const size = settings.pair('pool_size', [2, 2])
    const window = windowOver(settings, x, size, settings.pair('strides', size))
    return maxPooling(plan, { name, ...window }, inPixels(plan, name, x))
  },
  AveragePooling2D(plan, settings, [x]) {
    const size = settings.pair('pool_size', [2, 2])
    return averagePooling(plan, settings.name, windowOver(settings, x, size, settings.pair('strides', size)), x)
  },
  GlobalAveragePooling2D(plan, settings, [x]) {
    requireImage(settings, x)
    return globalAveragePooling(plan, settings.name, x)
  },
  GlobalAveragePooling1D(plan, settings, [x]) {
    if (x.shape.length !== 2) throw settings.refuse(`takes [steps, channels], but gets [${x.shape}]`)
    return globalAveragePooling(plan, settings.name, x)
  },
}
