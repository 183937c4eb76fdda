import type { JobStatus } from '../../actors/index.ts'
import { editableStates, type JobSpecification } from '../../actors/model/index.ts'
import { choicesOf, choiceText, countOf, jobSettings, kinds, type Settings, type Workload } from '../../sdk/index.ts'
import type { Connection } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import type { RunOptions } from './run-options.ts'
import { type JobChoices, jobsOf } from './workload-job.ts'

/** A job that is resumed. */
export interface ResumedJob {
  readonly id: string
  readonly state: JobStatus['state']
  /** The seed and the settings that the job began with, except for a larger number of rounds. */
  readonly plan: { readonly seed: number; readonly settings: Settings }
  readonly choices: JobChoices
  /** The job with more rounds, to be stored before the job is started again. */
  readonly withMoreRounds?: JobSpecification
}

/**
 * The latest job of a workload; undefined if the process was killed before a job was created. RUN_RESUME_DIFFERS if the command
 * names another setting or seed than the job began with; only the number of rounds may be larger, once the job has ended.
 */
export async function jobToResume(
  connection: Connection,
  workload: Workload,
  settings: Settings,
  { overrides, choices, seed, baseModel }: Pick<RunOptions, 'overrides' | 'choices' | 'seed' | 'baseModel'>,
): Promise<ResumedJob | undefined> {
  const latest = (await jobsOf(connection, workload.name)).at(-1)
  if (!latest) return undefined
  const { client, user } = connection
  const { id, state } = latest
  const spec = await client.getJob({ user, jobId: id })
  const { modelSpec } = spec
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
  if (baseModel !== undefined) {
    given['base-model'] = baseModel
    began['base-model'] = modelSpec?.baseModel?.name
  }
  const named = choicesOf(choices)
  for (const kind of kinds) {
    if (!named[kind]) continue
    given[kind] = choiceText(kind, named[kind])
    began[kind] = choiceText(kind, modelSpec?.[kind])
  }
  const { rounds } = settings
  const hasMore = 'rounds' in given && rounds > plan.settings.rounds && editableStates.includes(state)
  if (hasMore) began.rounds = rounds
  for (const [name, value] of Object.entries(given)) {
    if (value !== began[name])
      throw flamectlError('RUN_RESUME_DIFFERS', { job: id, name, began: began[name], given: value })
  }
  const hyperparameters = { ...modelSpec?.hyperparameters, rounds }
  return {
    id,
    state,
    choices: modelSpec ?? {},
    plan: { seed: plan.seed, settings: hasMore ? { ...plan.settings, rounds } : plan.settings },
    ...(hasMore ? { withMoreRounds: { ...spec, modelSpec: { ...modelSpec, hyperparameters } } } : {}),
  }
}
