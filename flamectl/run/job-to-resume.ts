import type { JobStatus } from '../../actors/index.ts'
import { editableStates, type JobSpecification } from '../../actors/model/index.ts'
import { countOf, jobSettings, type Settings, type Workload } from '../../sdk/index.ts'
import type { Connection } from '../connection/connection.ts'
import { flamectlError } from '../errors.ts'
import type { RunOptions } from './run-options.ts'
import { jobsOf } from './workload-job.ts'

/** A job that this command goes on with. */
export interface ResumedJob {
  readonly id: string
  readonly state: JobStatus['state']
  /** What it began with; but for its rounds, if there are to be more. */
  readonly plan: { readonly seed: number; readonly settings: Settings }
  /** The job with more rounds, to be stored before it's started again. */
  readonly withMoreRounds?: JobSpecification
}

/**
 * The latest job of a workload. Undefined if there is none: then the process was killed before the job was created.
 * RUN_RESUME_DIFFERS if the command names another setting, or seed, than it began with; only rounds may be more, once it has
 * ended.
 */
export async function jobToResume(
  connection: Connection,
  workload: Workload,
  settings: Settings,
  { overrides, seed }: Pick<RunOptions, 'overrides' | 'seed'>,
): Promise<ResumedJob | undefined> {
  const latest = (await jobsOf(connection, workload.name)).at(-1)
  if (!latest) return undefined
  const { client, user } = connection
  const { id, state } = latest
  const spec = await client.getJob({ user, jobId: id })
  const entries = (spec.dataSpec ?? []).flatMap(({ datasetGroups = {} }) => Object.values(datasetGroups).flat())
  const clients = entries.reduce((sum, entry) => sum + countOf(entry), 0)
  const plan = jobSettings(workload.settings, spec.modelSpec?.hyperparameters ?? {}, clients)
  const given: Record<string, unknown> = Object.fromEntries(
    Object.keys(overrides).map((name) => [name, settings[name]]),
  )
  const began: Record<string, unknown> = { ...plan.settings }
  if (seed !== undefined) {
    given.seed = seed
    began.seed = plan.seed
  }
  const { rounds } = settings
  const hasMore = 'rounds' in given && rounds > plan.settings.rounds && editableStates.includes(state)
  if (hasMore) began.rounds = rounds
  for (const [name, value] of Object.entries(given)) {
    if (value !== began[name])
      throw flamectlError('RUN_RESUME_DIFFERS', { job: id, name, began: began[name], given: value })
  }
  const { modelSpec } = spec
  const hyperparameters = { ...modelSpec?.hyperparameters, rounds }
  return {
    id,
    state,
    plan: { seed: plan.seed, settings: hasMore ? { ...plan.settings, rounds } : plan.settings },
    ...(hasMore ? { withMoreRounds: { ...spec, modelSpec: { ...modelSpec, hyperparameters } } } : {}),
  }
}
