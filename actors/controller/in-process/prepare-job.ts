import type { Store } from '../../../runtime/index.ts'
import { inlinePool, type ModelRegistry } from '../../../sdk/index.ts'
import { workerPool } from '../../../sdk/node/index.ts'
import type { JobEvent } from '../../events/job-event.ts'
import type { HostedTasks } from '../../job/hosted-tasks.ts'
import type { DeployableJob } from '../deployer.ts'
import { controllerError } from '../errors.ts'
import { strategyOf } from './job-strategy.ts'
import { roleTasksOf } from './role-tasks.ts'
import { settingsOf } from './workload-settings.ts'
import type { WorkloadSource } from './workload-source.ts'

export interface InProcessParts {
  readonly store: Store
  readonly registry: ModelRegistry
  readonly source: WorkloadSource
  /** Threads that train, for each job. 0: the main thread. */
  readonly workers: number
  /** Jobs that run at once. Default: any number. */
  readonly places?: number
  /** Run each round twice and compare. Default false. */
  readonly checkDeterminism?: boolean
}

/** A job's tasks, ready to be hosted. */
export type Hosted = Omit<HostedTasks, 'reports' | 'onRound'>

/** Loads the job's workload and starts what trains. The pool is given back if the deployment has ended meanwhile. */
export async function prepareJob(
  job: DeployableJob,
  { store, registry, source, workers, checkDeterminism = false }: Omit<InProcessParts, 'places'>,
  signal: AbortSignal,
): Promise<{ readonly hosted: Hosted; readonly notes: readonly JobEvent[] }> {
  const { run, spec, takenOver } = job
  const { workload, module } = await source.load(job)
  const tasks = roleTasksOf(job)
  const clients = tasks.filter(({ client }) => client !== undefined).length
  const { seed, settings, unknown } = settingsOf(workload.settings, spec, clients)
  const strategy = strategyOf(workload.strategy(settings), spec.modelSpec)
  const pool =
    workers === 0 ? await inlinePool(workload, settings, seed) : await workerPool({ module, settings, seed, workers })
  const close = () => void pool.close()
  if (signal.aborted) close()
  else signal.addEventListener('abort', close, { once: true })
  if (clients > pool.clients) throw controllerError('JOB_CLIENTS', { clients, known: pool.clients })
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
