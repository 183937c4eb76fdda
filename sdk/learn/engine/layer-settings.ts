import { learnError } from '../errors.ts'
import { initializerSpec } from '../initializer.ts'
import type { LayerNode } from './layer-graph.ts'

/** Reads a layer's configuration; refuses what the engine doesn't know with LEARN_ENGINE_MODEL, which names layer and setting. */
export function settingsOf({ name, className, config }: LayerNode) {
  const refuse = (setting: string, value: unknown) =>
    learnError('LEARN_ENGINE_MODEL', {
      reason: `layer ${name} (${className}) has ${setting} ${JSON.stringify(value)}`,
    })
  const number = (setting: string, otherwise?: number): number => {
    const value = config[setting] ?? otherwise
    if (typeof value !== 'number') throw refuse(setting, value)
    return value
  }
  const flag = (setting: string, otherwise: boolean): boolean => {
    const value = config[setting] ?? otherwise
    if (typeof value !== 'boolean') throw refuse(setting, value)
    return value
  }
  return {
    number,
    refuse,
    flag,
    /** Of a kernel, and of a bias where there is one. */
    initializers: (kernel = 'kernel_initializer') => ({
      kernelInitializer: initializerSpec(config[kernel] ?? 'glorotNormal'),
      biasInitializer: flag('use_bias', true) ? initializerSpec(config.bias_initializer ?? 'zeros') : undefined,
    }),
    initializer: (setting: string, otherwise: string) => initializerSpec(config[setting] ?? otherwise),
    oneOf<const Value extends string>(setting: string, values: readonly Value[], otherwise: Value): Value {
      const given = config[setting] ?? otherwise
      const value = values.find((candidate) => candidate === given)
      if (value === undefined) throw refuse(setting, given)
      return value
    },
    /** Refuses all but these values, absent ones included. */
    only(setting: string, ...values: readonly unknown[]): void {
      const value = config[setting]
      if (value !== undefined && value !== null && !values.includes(value)) throw refuse(setting, value)
    },
    pair(setting: string, otherwise?: readonly [number, number]): readonly [number, number] {
      const value = config[setting] ?? otherwise
      if (typeof value === 'number') return [value, value]
      if (Array.isArray(value)) {
        const [y, x]: unknown[] = value
        if (typeof y === 'number' && typeof x === 'number') return [y, x]
      }
      throw refuse(setting, value)
    },
  }
}
