import { createJob, type JobRecord, jobsOf, nextJobId } from '../../actors/index.ts'
import type { Store } from '../../runtime/index.ts'
import { resolveSettings, type Settings, type Workload } from '../../sdk/index.ts'
import { flamectlError } from '../errors.ts'
import type { RunOptions } from './run-options.ts'

export interface FoundJob {
  readonly record: JobRecord
  readonly resumed: boolean
}

/** The seed of a job that names none. */
const defaultSeed = 1

/**
 * With --resume the latest job of this workload in the store, else a new one. With nothing to resume, a new one too: then the
 * process was killed before the job was recorded. RUN_RESUME_DIFFERS if the command names another setting than it began with.
 */
export async function findJob(store: Store, workload: Workload, options: RunOptions, at: string): Promise<FoundJob> {
  const jobs = await jobsOf(store, workload.name)
  const latest = jobs.at(-1)
  if (options.resume && latest) {
    assertSame(latest, workload, options)
    return { record: latest, resumed: true }
  }
  const settings = resolveSettings(workload.settings, options.overrides)
  const spec = { id: nextJobId(workload.name, jobs), workload: workload.name, seed: options.seed ?? defaultSeed, settings }
  return { record: await createJob(store, spec, at), resumed: false }
}

function assertSame({ spec }: JobRecord, { settings }: Workload, { overrides, seed }: RunOptions): void {
  const differs = (name: string, began: unknown, given: unknown) => flamectlError('RUN_RESUME_DIFFERS', { job: spec.id, name, began, given })
  if (seed !== undefined && seed !== spec.seed) throw differs('seed', spec.seed, seed)
  const named: Settings = resolveSettings(settings, overrides)
  for (const name of Object.keys(overrides)) if (named[name] !== spec.settings[name]) throw differs(name, spec.settings[name], named[name])
}
