import type { DurableStore } from '../../../runtime/index.ts'
import {
  hostedTasks,
  lastRounds,
  type ModelRegistry,
  type PreparedTasks,
  prepareTasks,
  type TrainingPool,
} from '../../../sdk/index.ts'
import { poolFor, type TrainingPlan } from '../../../sdk/node/index.ts'
import { runFaults } from '../../model/algorithms.ts'
import type { JobEvent } from '../../model/job-event.ts'
import type { BaseModels } from '../../records/parts.ts'
import { type DeployableJob, type Deployer, deployerBy, wallClock } from '../deployer.ts'
import { type DeploymentObserver, tasksDeployment } from '../tasks-deployment.ts'
import type { WorkloadSource } from './workload-source.ts'

export interface InProcessParts {
  readonly store: DurableStore
  readonly registry: ModelRegistry
  readonly source: WorkloadSource
  /** Gives the weights of a base model. Absent: no job begins with one. */
  readonly baseWeights?: BaseModels['weights'] | undefined
  /** Wall-clock time as RFC 3339, of the models' lineage. Default: the system's. */
  readonly now?: () => string
  /** Threads that train, for each job. 0: the main thread. */
  readonly workers: number
  /** Jobs that run at once. Default: any number. */
  readonly slots?: number
  /** Run each round twice and compare the results. Default: false. */
  readonly checkDeterminism?: boolean
  /** Makes the pool that trains a job's clients. Default: threads, or the main thread where there are none. */
  readonly poolOf?: (plan: TrainingPlan) => Promise<TrainingPool>
  readonly observer?: DeploymentObserver
}

/**
 * Hosts the tasks of jobs as role actors in this process. The jobs' code runs in this process too, so use it for
 * trusted code only.
 */
export function inProcessDeployer({ slots, observer, ...parts }: InProcessParts): Deployer {
  return deployerBy(
    'in-process',
    (job, reports) =>
      tasksDeployment({
        job,
        reports,
        observer,
        prepare: (signal) => prepared(job, parts, signal),
        tasksOf: (hosted, parent) => hostedTasks({ ...hosted, ...parent }),
        stop: (tasks, _, context) => context.stop(tasks),
        close: ({ pool }) => pool.close(),
      }),
    { slots, faultsOf: runFaults },
  )
}

/** Prepares a job's tasks for hosting, with notices about unknown settings and the last committed round of each model. */
async function prepared(
  job: DeployableJob,
  {
    store,
    registry,
    source,
    baseWeights,
    now = wallClock,
    workers,
    checkDeterminism,
    poolOf = poolFor,
  }: Omit<InProcessParts, 'slots' | 'observer'>,
  signal: AbortSignal,
): Promise<{ readonly ready: PreparedTasks['hosted']; readonly notes: readonly JobEvent[] }> {
  const { run, takenOver, spec, schema, tasks, baseModel } = job
  const loaded = await source.load(job)
  const { workload, clientOf } = loaded
  const { hosted, unknownSettings } = await prepareTasks(
    {
      run,
      takenOver,
      workload,
      schema,
      tasks,
      clientOf,
      hyperparameters: spec.modelSpec?.hyperparameters,
      algorithms: spec.modelSpec,
    },
    {
      store,
      registry: { commit: (model) => registry.commit({ ...model, createdAt: now(), design: spec.designId }) },
      checkDeterminism,
      poolOf: (plan) => poolOf({ ...loaded, ...plan, workers }),
      ...(baseModel && baseWeights && { baseWeights: (layout) => baseWeights(baseModel, layout) }),
    },
    signal,
  )
  const notes: JobEvent[] = unknownSettings.map((name) => ({
    type: 'notice',
    end: spec.designId,
    code: 'SETTING_UNKNOWN',
    message: `the workload has no setting ${name}; it has ${Object.keys(workload.settings).join(', ')}`,
  }))
  for (const round of await lastRounds(registry, run)) notes.push({ type: 'round', ...round })
  return { ready: hosted, notes }
}
