import { conv2d } from '../ops/convolution.ts'
import { averagePooling, globalAveragePooling, globalMaxPooling, maskedMean, maxPooling } from '../ops/pooling.ts'
import { inPixels } from '../ops/shaping.ts'
import { withActivation } from './activations.ts'
import { asLine, asSequence, type LayerBuilder, requireSequence, windowAlong } from './layer-settings.ts'

/** Layers whose windows move along the steps of a sequence: those over images, on an image of one line. */
export const sequenceLayers: Readonly<Record<string, LayerBuilder>> = {
  Conv1D(plan, settings, [x]) {
    requireSequence(settings, x)
    settings.only('groups', 1)
    const { name } = settings
    const [size, filters] = [settings.single('kernel_size'), settings.count('filters')]
    const [stride, dilation] = [settings.single('strides', 1), settings.single('dilation_rate', 1)]
    const window = windowAlong(settings, x, { size, stride, dilation }, ['valid', 'same', 'causal'])
    const kernelShape = [size, x.channels, filters]
    return withActivation(plan, settings, (relu) =>
      asSequence(conv2d(plan, { name, filters, ...window, relu, kernelShape, ...settings.initializers() }, asLine(x))),
    )
  },
  MaxPooling1D(plan, settings, [x]) {
    requireSequence(settings, x)
    const { name } = settings
    const size = settings.single('pool_size', 2)
    const window = windowAlong(settings, x, { size, stride: settings.single('strides', size) })
    return asSequence(maxPooling(plan, { name, ...window }, asLine(inPixels(plan, name, x))))
  },
  AveragePooling1D(plan, settings, [x]) {
    requireSequence(settings, x)
    const size = settings.single('pool_size', 2)
    const window = windowAlong(settings, x, { size, stride: settings.single('strides', size) })
    return asSequence(averagePooling(plan, settings.name, window, asLine(x)))
  },
  GlobalAveragePooling1D(plan, settings, [x]) {
    requireSequence(settings, x)
    if (x.mask !== undefined) return maskedMean(plan, settings.name, x, x.mask)
    return globalAveragePooling(plan, settings.name, x)
  },
  GlobalMaxPooling1D(plan, settings, [x]) {
    requireSequence(settings, x)
    return globalMaxPooling(plan, settings.name, x)
  },
}
