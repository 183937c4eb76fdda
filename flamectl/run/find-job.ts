import { type JobRecord, type JobSpec, jobsOf, nextJobId } from '../../actors/index.ts'
import type { Store } from '../../runtime/index.ts'
import type { Settings, Workload } from '../../sdk/index.ts'
import { flamectlError } from '../errors.ts'
import type { RunOptions } from './run-options.ts'

/** The seed of a job that names none. */
export const defaultSeed = 1

/**
 * The latest job of a workload in the store. Undefined if there is none: then the process was killed before the job was
 * recorded. RUN_RESUME_DIFFERS if the command names another setting, or seed, than it began with.
 */
export async function jobToResume(
  store: Store,
  { name }: Workload,
  settings: Settings,
  { overrides, seed }: RunOptions,
): Promise<JobRecord | undefined> {
  const latest = (await jobsOf(store, name)).at(-1)
  if (!latest) return undefined
  const { spec } = latest
  const given: Record<string, unknown> = Object.fromEntries(
    Object.keys(overrides).map((setting) => [setting, settings[setting]]),
  )
  const began: Record<string, unknown> = { ...spec.settings }
  if (seed !== undefined) {
    given.seed = seed
    began.seed = spec.seed
  }
  for (const [setting, value] of Object.entries(given)) {
    if (value !== began[setting])
      throw flamectlError('RUN_RESUME_DIFFERS', { job: spec.id, name: setting, began: began[setting], given: value })
  }
  return latest
}

/** A new job's spec, numbered after those of the workload that the store has. */
export async function nextJob(
  store: Store,
  { name }: Workload,
  plan: Pick<JobSpec, 'seed' | 'settings'>,
): Promise<JobSpec> {
  return { id: nextJobId(name, await jobsOf(store, name)), workload: name, ...plan }
}
