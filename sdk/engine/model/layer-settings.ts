import { isRecord } from '../../../runtime/index.ts'
import { type InitializerSpec, initializerNames, initializerSpec, isInitializerName } from '../../learn/initializer.ts'
import { modelError } from '../../learn/model-errors.ts'
import { type Window, windowOutput, windowReach } from '../ops/window.ts'
import type { Plan, Tensor } from '../plan.ts'
import type { LayerNode } from './layer-graph.ts'

type Pair = readonly [number, number]

/** Settings of every layer without effect on the engine. */
const withoutEffect = ['name', 'dtype', 'batch_input_shape', 'batch_size', 'input_dtype']

/** A setting that a builder has read: the values that it takes, for people to read, and its default. */
export interface SettingRead {
  readonly values: string
  readonly default?: unknown
}

/** A layer's configuration. LEARN_ENGINE_MODEL for settings that the engine doesn't know, naming layer and setting. */
export class LayerSettings {
  readonly name: string
  /** Whether the layer isn't frozen. */
  readonly trainable: boolean
  readonly #className: string
  readonly #config: LayerNode['config']
  readonly #reads = new Map<string, SettingRead>()

  constructor({ name, className, config }: LayerNode) {
    this.name = name
    this.#className = className
    this.#config = config
    this.trainable = this.flag('trainable', true)
  }

  /** The error that the engine can't run the layer. `fault` continues a sentence that begins with the layer's name. */
  refuse(fault: string): Error {
    return modelError('LEARN_ENGINE_MODEL', { reason: `layer ${this.name} (${this.#className}) ${fault}` })
  }

  refuseValue(setting: string, expected?: string): Error {
    const value = `has ${setting} ${JSON.stringify(this.#config[setting]) ?? 'not set'}`
    return this.refuse(expected === undefined ? value : `${value}; it knows ${expected}`)
  }

  /** Refuses settings that no builder has read, and which would have no effect. */
  refuseOthers(): void {
    for (const [setting, value] of Object.entries(this.#config)) {
      const known = this.#reads.has(setting) || withoutEffect.includes(setting)
      if (!known && value !== null && value !== undefined) throw this.refuseValue(setting)
    }
  }

  /** The settings that have been read, by name: those that the layer knows, where its builder has finished. */
  get reads(): ReadonlyMap<string, SettingRead> {
    return this.#reads
  }

  /** Undefined for a setting that isn't set. `values` and `otherwise` describe the setting for people. */
  value(setting: string, values = '', otherwise?: unknown): unknown {
    if (values !== '' || !this.#reads.has(setting)) this.#reads.set(setting, { values, default: otherwise })
    return this.#config[setting] ?? undefined
  }

  number(setting: string, otherwise?: number): number {
    const value = this.value(setting, 'a number', otherwise) ?? otherwise
    if (typeof value !== 'number') throw this.refuseValue(setting, 'numbers')
    return value
  }

  /** A whole number, 1 or more. */
  count(setting: string, otherwise?: number): number {
    const value = this.value(setting, 'a whole number from 1', otherwise) ?? otherwise
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value
    throw this.refuseValue(setting, typeof value === 'number' ? 'integers from 1' : 'numbers')
  }

  flag(setting: string, otherwise: boolean): boolean {
    const value = this.value(setting, 'true or false', otherwise) ?? otherwise
    if (typeof value !== 'boolean') throw this.refuseValue(setting, 'true and false')
    return value
  }

  oneOf<const Value extends string>(setting: string, values: readonly Value[], otherwise: Value): Value {
    const given = this.value(setting, `one of ${values.join(', ')}`, otherwise) ?? otherwise
    const value = values.find((candidate) => candidate === given)
    if (value === undefined) throw this.refuseValue(setting, values.join(', '))
    return value
  }

  /** The layer that this layer wraps. */
  layer(setting: string): LayerNode {
    const value = this.value(setting, 'a layer')
    if (!isRecord(value) || !isRecord(value.config)) throw this.refuseValue(setting, 'layers')
    return { name: String(value.config.name), className: String(value.class_name), config: value.config, inputs: [] }
  }

  /** Refuses a value other than these. The setting may be absent. */
  only(setting: string, ...values: readonly unknown[]): void {
    const value = this.value(setting, `only ${values.join(', ')}`)
    if (value !== undefined && !values.includes(value)) throw this.refuseValue(setting, `only ${values.join(', ')}`)
  }

  pair(setting: string, otherwise?: Pair): Pair {
    const value = this.value(setting, 'a whole number from 1, or two of them', otherwise) ?? otherwise
    const [y, x]: unknown[] = Array.isArray(value) ? value : [value, value]
    if (Number.isInteger(y) && Number.isInteger(x) && Number(y) >= 1 && Number(x) >= 1) return [Number(y), Number(x)]
    throw this.refuseValue(setting, 'pairs of integers from 1')
  }

  /** A whole number, 1 or more, by itself or in a list of its own. */
  single(setting: string, otherwise?: number): number {
    const value = this.value(setting, 'a whole number from 1', otherwise) ?? otherwise
    const [only, ...others]: unknown[] = Array.isArray(value) ? value : [value]
    if (others.length === 0 && Number.isInteger(only) && Number(only) >= 1) return Number(only)
    throw this.refuseValue(setting, 'integers from 1')
  }

  initializer(setting: string, otherwise: string): InitializerSpec {
    const given = this.value(setting, 'an initializer', otherwise) ?? otherwise
    // A class of its own, as in a file, may stand beside weights that are given.
    if (typeof given === 'string' && !isInitializerName(given))
      throw this.refuseValue(setting, initializerNames.join(', '))
    return initializerSpec(given)
  }

  /** Initializers of a kernel, and of a bias if the layer has one. */
  initializers(kernel = 'kernel_initializer') {
    const bias = this.initializer('bias_initializer', 'zeros')
    return {
      kernelInitializer: this.initializer(kernel, 'glorotNormal'),
      biasInitializer: this.flag('use_bias', true) ? bias : undefined,
    }
  }
}

/** Adds a layer to a plan. */
export type LayerBuilder = (plan: Plan, settings: LayerSettings, inputs: readonly [Tensor, ...Tensor[]]) => Tensor

/** @throws LEARN_ENGINE_MODEL unless the input is [height, width, channels]. */
export function requireImage(settings: LayerSettings, { shape }: Tensor): void {
  settings.only('data_format', 'channels_last', 'channelsLast')
  if (shape.length !== 3) throw settings.refuse(`takes [height, width, channels], but gets [${shape}]`)
}

/** @throws LEARN_ENGINE_MODEL unless the axis is the last dimension. Some layers have it in a list. */
export function requireLastAxis(settings: LayerSettings, { shape }: Tensor, otherwise = -1): void {
  const given = settings.value('axis', 'only the last', otherwise) ?? otherwise
  const axis: unknown = Array.isArray(given) && given.length === 1 ? given[0] : given
  if (axis !== -1 && axis !== shape.length) throw settings.refuseValue('axis', `only -1, ${shape.length}`)
}

/**
 * The window that moves over an image.
 *
 * @throws LEARN_ENGINE_MODEL where the input is no image, or the window doesn't fit into the image.
 */
export function windowOver(
  settings: LayerSettings,
  x: Tensor,
  size: Window['size'],
  stride: Window['stride'],
  dilation: Pair = [1, 1],
): Window {
  requireImage(settings, x)
  const window = { size, stride, padding: settings.oneOf('padding', ['valid', 'same'], 'valid'), dilation }
  const [height = 1, width = 1] = x.shape
  const output = windowOutput(window, height, width)
  if (output.height < 1 || output.width < 1) {
    const reach = windowReach(window).join(' × ')
    throw settings.refuse(`has windows of ${reach}, which don't fit into ${height} × ${width} pixels`)
  }
  return window
}

/** @throws LEARN_ENGINE_MODEL unless the input is [steps, channels]. */
export function requireSequence(settings: LayerSettings, { shape }: Tensor): void {
  settings.only('data_format', 'channels_last', 'channelsLast')
  if (shape.length !== 2) throw settings.refuse(`takes [steps, channels], but gets [${shape}]`)
}

/** The window that moves along a sequence, as one over an image of one line. `paddings` are those that the layer knows. */
export function windowAlong(
  settings: LayerSettings,
  { shape }: Tensor,
  { size, stride, dilation = 1 }: { readonly size: number; readonly stride: number; readonly dilation?: number },
  paddings: readonly Window['padding'][] = ['valid', 'same'],
): Window {
  const padding = settings.oneOf('padding', paddings, 'valid')
  const [steps = 1] = shape
  const window: Window = { size: [1, size], stride: [1, stride], padding, dilation: [1, dilation] }
  if (windowOutput(window, 1, steps).width < 1) {
    throw settings.refuse(`has windows of ${windowReach(window)[1]}, which don't fit into ${steps} steps`)
  }
  return window
}

/** A sequence as an image of one line. */
export function asLine(x: Tensor): Tensor {
  return { ...x, shape: [1, ...x.shape] }
}

/** An image of one line as a sequence. */
export function asSequence(x: Tensor): Tensor {
  return { ...x, shape: x.shape.slice(1) }
}
