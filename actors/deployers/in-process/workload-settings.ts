import { resolveSettings, type Settings } from '../../../sdk/index.ts'
import type { JobSpecification } from '../../model/job.ts'
import { controllerError } from '../errors.ts'

export interface JobSettings {
  readonly seed: number
  readonly settings: Settings
  /** Hyperparameters that are no settings of the workload. */
  readonly unknown: readonly string[]
}

/** The seed of a job that names none. */
const defaultSeed = 1

/** What a hyperparameter of the interface is called among a workload's settings. */
const settingNames: Readonly<Record<string, string>> = { batchSize: 'batch' }

/**
 * A workload's settings, overridden by a job's hyperparameters of the same names (`batchSize` is `batch`); it has as many
 * clients as the job names datasets, unless a hyperparameter says otherwise. WORKLOAD_VALUE, JOB_SEED.
 */
export function settingsOf(defaults: Settings, { modelSpec }: JobSpecification, clients: number): JobSettings {
  const { seed = defaultSeed, ...hyperparameters } = modelSpec?.hyperparameters ?? {}
  if (typeof seed !== 'number' || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw controllerError('JOB_SEED', { seed: JSON.stringify(seed) })
  const overrides: Record<string, string> = {}
  const unknown: string[] = []
  for (const [name, value] of Object.entries(hyperparameters)) {
    const setting = Object.hasOwn(defaults, name) ? name : (settingNames[name] ?? name)
    if (Object.hasOwn(defaults, setting)) overrides[setting] = typeof value === 'string' ? value : JSON.stringify(value)
    else unknown.push(name)
  }
  return { seed, settings: resolveSettings(defaults, { clients: String(clients), ...overrides }), unknown }
}
