import type { Constraint, Penalty, WeightSlot } from '../plan.ts'
import type { LayerSettings } from './layer-settings.ts'

type Config = Readonly<Record<string, unknown>>

/**
 * A layer's weight with the regularizer and the constraint of the layer's configuration: `kernel_regularizer` is that of
 * the weight `dense_1/kernel`.
 *
 * @throws LEARN_ENGINE_MODEL for unknown classes or values.
 */
export function withRules(slot: WeightSlot, settings: LayerSettings): WeightSlot {
  const role = (slot.name.split('/').at(-1) ?? '').replace(/^(.+)_kernel$/, '$1')
  const penalty = penaltyOf(settings, `${role}_regularizer`)
  const constraint = constraintOf(settings, `${role}_constraint`, slot.shape.length)
  if (!penalty && !constraint) return slot
  if (!slot.place) throw settings.refuseValue(penalty ? `${role}_regularizer` : `${role}_constraint`)
  return { ...slot, penalty, constraint }
}

function penaltyOf(settings: LayerSettings, setting: string): Penalty | undefined {
  const given = namedObject(settings, setting)
  if (!given) return undefined
  const { className, config } = given
  const factor = (name: 'l1' | 'l2', otherwise: number) => {
    const value = config[name] ?? otherwise
    if (typeof value === 'number' && value >= 0) return value
    throw settings.refuseValue(setting, 'numbers from 0')
  }
  switch (className.toLowerCase()) {
    case 'l1l2':
      return { l1: factor('l1', 0.01), l2: factor('l2', 0.01) }
    case 'l1':
      return { l1: factor('l1', 0.01), l2: 0 }
    case 'l2':
      return { l1: 0, l2: factor('l2', 0.01) }
    default:
      throw settings.refuseValue(setting, 'L1L2, L1, L2')
  }
}

function constraintOf(settings: LayerSettings, setting: string, rank: number): Constraint | undefined {
  const given = namedObject(settings, setting)
  if (!given) return undefined
  const { className, config } = given
  const number = (name: string, otherwise: number) => {
    const value = config[name] ?? otherwise
    if (typeof value === 'number' && value >= 0) return value
    throw settings.refuseValue(setting, `numbers from 0 as ${name}`)
  }
  const axes = () => {
    const listed: readonly unknown[] = Array.isArray(config.axis) ? config.axis : [config.axis ?? 0]
    const found = listed.map((axis) => (Number(axis) < 0 ? Number(axis) + rank : Number(axis)))
    const [first = 0] = found
    if (found.length === 0 || found.some((axis, i) => axis !== first + i || !Number.isInteger(axis) || axis >= rank)) {
      throw settings.refuseValue(setting, `adjacent axes below ${rank}`)
    }
    return [first, first + found.length - 1] as const
  }
  switch (className.toLowerCase()) {
    case 'nonneg':
      return { type: 'nonNegative' }
    case 'maxnorm':
      return { type: 'norm', axes: axes(), least: 0, most: number('max_value', 2), rate: 1 }
    case 'unitnorm':
      return { type: 'norm', axes: axes(), least: 1, most: 1, rate: 1 }
    case 'minmaxnorm':
      return {
        type: 'norm',
        axes: axes(),
        least: number('min_value', 0),
        most: number('max_value', 1),
        rate: number('rate', 1),
      }
    default:
      throw settings.refuseValue(setting, 'MaxNorm, MinMaxNorm, NonNeg, UnitNorm')
  }
}

/** A class and its configuration, of which a name alone stands for the defaults. Undefined where there is none. */
function namedObject(settings: LayerSettings, setting: string) {
  const value = settings.value(setting)
  if (value === undefined) return undefined
  if (typeof value === 'string') return { className: value, config: {} }
  if (!isConfig(value) || typeof value.class_name !== 'string') throw settings.refuseValue(setting, 'classes')
  return { className: value.class_name, config: isConfig(value.config) ? value.config : {} }
}

function isConfig(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
