import { sizeOf } from '../../weights/layout.ts'
import { dropout } from '../ops/elementwise.ts'
import { layerNormalization } from '../ops/layer-normalization.ts'
import { batchNormalization, groupNormalization } from '../ops/normalization.ts'
import { averagePooling, globalAveragePooling, globalMaxPooling, maxPooling } from '../ops/pooling.ts'
import { flatten, inPixels, type Rim, reshape, zeroPadding } from '../ops/shaping.ts'
import { upSampling } from '../ops/upsampling.ts'
import type { Tensor } from '../plan.ts'
import { activationLayers } from './activations.ts'
import { attentionLayers } from './attention-layers.ts'
import { type LayerBuilder, type LayerSettings, requireImage, requireLastAxis, windowOver } from './layer-settings.ts'
import { mergingLayers } from './merging-layers.ts'
import { recurrentLayers } from './recurrent-layers.ts'
import { sequenceLayers } from './sequence-layers.ts'
import { tiedLayers, weightedLayers } from './weighted-layers.ts'

const poolingLayers: Readonly<Record<string, LayerBuilder>> = {
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
  GlobalMaxPooling2D(plan, settings, [x]) {
    requireImage(settings, x)
    return globalMaxPooling(plan, settings.name, x)
  },
  UpSampling2D(plan, settings, [x]) {
    requireImage(settings, x)
    const size = settings.pair('size', [2, 2])
    const interpolation = settings.oneOf('interpolation', ['nearest', 'bilinear'], 'nearest')
    return upSampling(plan, { name: settings.name, size, interpolation }, x)
  },
}

const normalizationLayers: Readonly<Record<string, LayerBuilder>> = {
  BatchNormalization(plan, settings, [x]) {
    const momentum = settings.number('momentum', 0.99)
    if (!(momentum >= 0 && momentum <= 1)) throw settings.refuseValue('momentum', 'numbers from 0 to 1')
    return batchNormalization(
      plan,
      {
        ...common(settings, x),
        momentum,
        frozen: !settings.trainable,
        movingMeanInitializer: settings.initializer('moving_mean_initializer', 'zeros'),
        movingVarianceInitializer: settings.initializer('moving_variance_initializer', 'ones'),
      },
      x,
    )
  },
  GroupNormalization(plan, settings, [x]) {
    const groups = settings.count('groups', 32)
    const channels = x.shape.at(-1) ?? 1
    if (channels % groups !== 0) throw settings.refuse(`has ${groups} groups, which don't divide ${channels} channels`)
    return groupNormalization(plan, { ...common(settings, x), groups }, x)
  },
  LayerNormalization: (plan, settings, [x]) => layerNormalization(plan, common(settings, x), x),
}

function common(settings: LayerSettings, x: Tensor) {
  const gamma = settings.initializer('gamma_initializer', 'ones')
  const beta = settings.initializer('beta_initializer', 'zeros')
  const epsilon = settings.number('epsilon', 1e-3)
  if (!(epsilon > 0)) throw settings.refuseValue('epsilon', 'numbers above 0')
  requireLastAxis(settings, x)
  return {
    name: settings.name,
    epsilon,
    gammaInitializer: settings.flag('scale', true) ? gamma : undefined,
    betaInitializer: settings.flag('center', true) ? beta : undefined,
  }
}

/** Layers without weights that move, add or drop values. */
const shapingLayers: Readonly<Record<string, LayerBuilder>> = {
  Flatten(_, settings, [x]) {
    settings.only('data_format', 'channels_last', 'channelsLast')
    return flatten(x)
  },
  Reshape: (plan, settings, [x]) => reshape(plan, settings.name, x, targetShape(settings, x)),
  ZeroPadding2D(plan, settings, [x]) {
    requireImage(settings, x)
    return zeroPadding(plan, settings.name, rimOf(settings), x)
  },
  Dropout(plan, settings, [x]) {
    const rate = settings.number('rate')
    if (!(rate >= 0 && rate < 1)) throw settings.refuseValue('rate', 'numbers from 0 and below 1')
    // Masks come from the training's own seed, as with TensorFlow.js here.
    settings.value('seed')
    return dropout(plan, settings.name, rate, x)
  },
}

/** The target shape. One length may be −1, and is then computed from the others. */
function targetShape(settings: LayerSettings, { shape }: Tensor): readonly number[] {
  const given = settings.value('target_shape')
  const lengths: readonly unknown[] = Array.isArray(given) ? given : []
  const known = lengths.filter((length): length is number => Number.isInteger(length) && Number(length) >= 1)
  const left = sizeOf(shape) / sizeOf(known)
  const target = lengths.map((length) => (typeof length === 'number' && length > 0 ? length : left))
  if (lengths.length - known.length > 1 || lengths.length === 0 || sizeOf(target) !== sizeOf(shape) || left % 1 !== 0) {
    throw settings.refuse(`makes [${lengths.join()}] of [${shape}], which has another number of values`)
  }
  return target
}

function rimOf(settings: LayerSettings): Rim {
  const given: unknown = settings.value('padding') ?? 1
  const [y, x]: unknown[] = Array.isArray(given) ? given : [given, given]
  const [top, bottom]: unknown[] = Array.isArray(y) ? y : [y, y]
  const [left, right]: unknown[] = Array.isArray(x) ? x : [x, x]
  const pixels = (value: unknown): number => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
    throw settings.refuseValue('padding', '[[top, bottom], [left, right]]')
  }
  return { top: pixels(top), bottom: pixels(bottom), left: pixels(left), right: pixels(right) }
}

/** The layers that the engine knows, by their TensorFlow.js class. */
export const layerBuilders: Readonly<Record<string, LayerBuilder>> = {
  ...activationLayers,
  ...attentionLayers,
  ...mergingLayers,
  ...normalizationLayers,
  ...poolingLayers,
  ...recurrentLayers,
  ...sequenceLayers,
  ...shapingLayers,
  ...tiedLayers,
  ...weightedLayers,
}
