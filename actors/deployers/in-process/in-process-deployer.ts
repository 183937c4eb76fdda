import { type ActorRef, type Behavior, type DurableStore } from '../../../runtime/index.ts'
import {
  hostedTasks,
  lastRounds,
  type ModelRegistry,
  type PreparedTasks,
  prepareTasks,
  type RoundSummary,
  type TaskReport,
  type TrainingPool,
} from '../../../sdk/index.ts'
import { poolFor, type TrainingPlan } from '../../../sdk/node/index.ts'
import { runFaults } from '../../model/algorithms.ts'
import type { JobEvent } from '../../model/job-event.ts'
import {
  type DeployableJob,
  type Deployer,
  type DeploymentMessage,
  type DeploymentReport,
  deploymentBy,
  eventRecorded,
} from '../deployer.ts'
import { toldTasks } from '../told-tasks.ts'
import type { WorkloadSource } from './workload-source.ts'

export interface InProcessParts {
  readonly store: DurableStore
  readonly registry: ModelRegistry
  readonly source: WorkloadSource
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

/** Observes the deployments from within their process. */
export interface DeploymentObserver {
  /**
   * A round is recorded among the job's events. The next round is committed only after the promise resolves. Must not
   * reject.
   */
  roundRecorded(job: string, round: RoundSummary): Promise<void>
  /** A task has failed. `cause` is the thrown error itself. */
  taskFailed(job: string, cause: unknown): void
}

type Message =
  | DeploymentMessage
  | TaskReport
  | { readonly type: 'prepared'; readonly hosted: Hosted; readonly notes: readonly JobEvent[] }
  | { readonly type: 'not-prepared'; readonly cause: unknown }
  | { readonly type: 'tasks-stopped'; readonly cause?: unknown }

/**
 * Hosts the tasks of jobs as role actors in this process. The jobs' code runs in this process too, so use it for
 * trusted code only.
 */
export function inProcessDeployer({ slots, ...parts }: InProcessParts): Deployer {
  return {
    ...(slots === undefined ? {} : { slots }),
    faultsOf: runFaults,
    deployment: (job, reports) => deploymentBy('in-process', deployment(job, reports, parts)),
  }
}

function deployment(
  job: DeployableJob,
  reports: ActorRef<DeploymentReport>,
  parts: Omit<InProcessParts, 'slots'>,
): Behavior<Message> {
  return (context) => {
    const told = toldTasks(job, reports, { onFailure: (cause) => parts.observer?.taskFailed(job.id, cause) })
    let pool: TrainingPool | undefined
    let tasks: ActorRef<never> | undefined
    let isEnding = false
    void context.track(prepared(job, parts, context.signal)).then(
      (ready) => context.self.tell({ type: 'prepared', ...ready }),
      (cause: unknown) => context.self.tell({ type: 'not-prepared', cause }),
    )

    return (message) => {
      switch (message.type) {
        case 'prepared':
          pool = message.hosted.pool
          return begin(message.hosted, message.notes)
        case 'not-prepared':
          if (!isEnding) reports.tell({ type: 'deployment-failed', cause: message.cause })
          return context.stop()
        case 'tasks-stopped':
          if (message.cause !== undefined) context.fail(message.cause)
          return
        case 'apply':
          // Running tasks keep the settings that they began with.
          return reports.tell({ type: 'placed' })
        case 'stop':
          return end('terminated')
        case 'task-reported':
          return
        default:
          return heard(message)
      }
    }

    async function begin(hosted: Hosted, notes: readonly JobEvent[]): Promise<void> {
      if (isEnding) return end('terminated')
      for (const note of notes) told.event(note)
      reports.tell({ type: 'placed' })
      const behavior = hostedTasks({ ...hosted, reports: context.self, onRound })
      tasks = context.spawn('tasks', behavior, { supervise: { type: 'stop' } })
      context.watch(tasks, ({ cause }) => ({ type: 'tasks-stopped', ...(cause === undefined ? {} : { cause }) }))
    }

    async function onRound(round: RoundSummary): Promise<void> {
      await eventRecorded(context, reports, { type: 'round', ...round })
      await parts.observer?.roundRecorded(job.id, round)
    }

    function heard(report: TaskReport): Promise<void> | undefined {
      const isEnd = report.type === 'task-completed' || report.type === 'task-failed'
      if (isEnd && isEnding) return undefined
      const over = told.heard(report)
      if (over === 'interrupted') isEnding = true
      return over === 'completed' || over === 'terminated' ? end(over) : undefined
    }

    /** Stops the remaining tasks, which end in the given state. */
    async function end(state: 'completed' | 'terminated'): Promise<void> {
      isEnding = true
      if (!pool) return
      if (tasks) context.stop(tasks)
      await context.track(pool.close())
      told.endLeft(state)
      context.stop()
    }
  }
}

type Hosted = PreparedTasks['hosted']

/** Prepares a job's tasks for hosting, with notices about unknown settings and the last committed round of each model. */
async function prepared(
  job: DeployableJob,
  { store, registry, source, workers, checkDeterminism, poolOf = poolFor }: Omit<InProcessParts, 'slots'>,
  signal: AbortSignal,
): Promise<{ readonly hosted: Hosted; readonly notes: readonly JobEvent[] }> {
  const { run, takenOver, spec, schema, tasks } = job
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
      registry: { commit: (model) => registry.commit({ ...model, design: spec.designId }) },
      checkDeterminism,
      poolOf: (plan) => poolOf({ ...loaded, ...plan, workers }),
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
  return { hosted, notes }
}
