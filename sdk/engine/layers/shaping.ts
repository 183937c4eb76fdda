import { sizeOf } from '../../weights/layout.ts'
import type { LayerSettings } from '../layer-settings.ts'
import { add } from '../ops/add.ts'
import { dropout } from '../ops/dropout.ts'
import { flatten } from '../ops/flatten.ts'
import { reshape } from '../ops/reshape.ts'
import { type Rim, zeroPadding } from '../ops/zero-padding.ts'
import type { Tensor } from '../plan.ts'
import { type LayerBuilder, requireImage } from './layer-builder.ts'

/** Layers without weights that move, add or leave out values. */
export const shapingLayers: Readonly<Record<string, LayerBuilder>> = {
  Flatten(_, settings, [x]) {
    settings.only('data_format', 'channels_last', 'channelsLast')
    return flatten(x)
  },
  Reshape: (plan, settings, [x]) => reshape(plan, settings.name, x, targetShape(settings, x)),
  ZeroPadding2D(plan, settings, [x]) {
    requireImage(settings, x)
    return zeroPadding(plan, settings.name, rimOf(settings), x)
  },
  Add(plan, settings, inputs) {
    const shapes = inputs.map(({ shape }) => `[${shape}]`)
    if (new Set(shapes).size > 1) throw settings.refuse(`adds ${shapes.join(' and ')}: shapes must be the same`)
    return add(plan, settings.name, inputs)
  },
  Dropout(plan, settings, [x]) {
    const rate = settings.number('rate')
    if (!(rate >= 0 && rate < 1)) throw settings.refuseValue('rate', 'numbers from 0 and below 1')
    // Masks come from the training's own seed, here as with TensorFlow.js.
    settings.value('seed')
    return dropout(plan, settings.name, rate, x)
  },
}

/** One length may be −1: what is left. */
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
