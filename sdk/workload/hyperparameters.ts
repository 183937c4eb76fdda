import type { Settings } from '../role/role.ts'
import { workloadError } from './errors.ts'
import { hasSetting, resolveSettings } from './settings.ts'

export interface JobSettings {
  readonly seed: number
  readonly settings: Settings
  /** Hyperparameters without a setting in the workload. */
  readonly unknown: readonly string[]
}

/** The seed of a job without a seed. */
export const defaultSeed = 1

/** Hyperparameters whose setting has another name. */
const settingNames: Readonly<Record<string, string>> = { batchSize: 'batch' }

/**
 * A workload's settings, overridden by a job's hyperparameters of the same names (`batchSize` sets `batch`). `clients`
 * is the number of datasets that the job names, unless a hyperparameter sets it.
 *
 * @throws WORKLOAD_VALUE, JOB_SEED.
 */
export function jobSettings(
  defaults: Settings,
  hyperparameters: Readonly<Record<string, unknown>>,
  clients: number,
  mostClients?: number,
): JobSettings {
  const { seed = defaultSeed, ...others } = hyperparameters
  requireSeed(seed)
  const overrides: Record<string, string> = {}
  const unknown: string[] = []
  for (const [name, value] of Object.entries(others)) {
    const setting = hasSetting(defaults, name) ? name : (settingNames[name] ?? name)
    if (hasSetting(defaults, setting)) overrides[setting] = typeof value === 'string' ? value : JSON.stringify(value)
    else unknown.push(name)
  }
  return { seed, settings: resolveSettings(defaults, { clients: String(clients), ...overrides }, mostClients), unknown }
}

/** @throws JOB_SEED unless the value is a whole number from 0 to 2³² − 1. */
export function requireSeed(seed: unknown): asserts seed is number {
  if (typeof seed !== 'number' || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw workloadError('JOB_SEED', { seed: JSON.stringify(seed) })
}
