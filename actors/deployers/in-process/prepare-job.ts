import type { DurableStore } from '../../../runtime/index.ts'
import type { ModelRegistry, TrainingPool } from '../../../sdk/index.ts'
import { poolFor, type TrainingPlan } from '../../../sdk/node/index.ts'
import type { JobEvent } from '../../model/job-event.ts'
import type { DeployableJob } from '../deployer.ts'
import type { HostedTasks } from './hosted-tasks.ts'
import { strategyOf } from './job-strategy.ts'
import { requireClients, roleTasksOf } from './role-tasks.ts'
import { settingsOf } from './workload-settings.ts'
import type { WorkloadSource } from './workload-source.ts'

export interface InProcessParts {
  readonly store: DurableStore
  readonly registry: ModelRegistry
  readonly source: WorkloadSource
  /** Threads that train, for each job. 0: the main thread. */
  readonly workers: number
  /** Jobs that run at once. Default: any number. */
  readonly places?: number
  /** Run each round twice and compare. Default false. */
  readonly checkDeterminism?: boolean
  /** Makes what trains a job's clients. Default: threads, or without any this one. */
  readonly poolOf?: (plan: TrainingPlan) => Promise<TrainingPool>
  readonly observer?: DeploymentObserver
}

/** Whoever watches over the deployments from within their process. */
export interface DeploymentObserver {
  /** A round is recorded among the job's events. The next one isn't committed before this resolves; it never rejects. */
  roundRecorded(job: string, round: number): Promise<void>
  /** A task has failed: with what it was thrown, stack and all. */
  taskFailed(job: string, cause: unknown): void
}

/** A job's tasks, ready to be hosted. */
export type Hosted = Omit<HostedTasks, 'reports' | 'onRound'>

/** Loads the job's workload and starts what trains. The pool is given back if the deployment has ended meanwhile. */
export async function prepareJob(
  job: DeployableJob,
  { store, registry, source, workers, checkDeterminism = false, poolOf = poolFor }: Omit<InProcessParts, 'places'>,
  signal: AbortSignal,
): Promise<{ readonly hosted: Hosted; readonly notes: readonly JobEvent[] }> {
  const { run, spec, takenOver } = job
  const loaded = await source.load(job)
  const { workload } = loaded
  const tasks = roleTasksOf(job, loaded.clientOf)
  const { seed, settings, unknown } = settingsOf(
    workload.settings,
    spec,
    tasks.filter(({ client }) => client !== undefined).length,
  )
  const strategy = strategyOf(workload.strategy(settings), spec.modelSpec)
  const pool = await poolOf({ ...loaded, settings, seed, workers })
  const close = () => void pool.close()
  if (signal.aborted) close()
  else signal.addEventListener('abort', close, { once: true })
  requireClients(tasks, pool.clients)
  const notes: JobEvent[] = unknown.map((name) => ({
    type: 'notice',
    end: spec.designId,
    code: 'SETTING_UNKNOWN',
    message: `the workload has no setting ${name}; it has ${Object.keys(workload.settings).join(', ')}`,
  }))
  const latest = await registry.latest(run)
  if (latest) {
    const { round, metrics, hash, members } = latest
    notes.push({ type: 'round', round, metrics, hash, members, seconds: 0 })
  }
  const shared = { run, workload: workload.name, seed, settings, strategy, pool, tasks, store, registry }
  return { notes, hosted: { ...shared, checkDeterminism, takenOver } }
}
