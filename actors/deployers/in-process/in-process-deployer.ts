import { type ActorRef, type Behavior, CodedError, type DurableStore } from '../../../runtime/index.ts'
import {
  hostedTasks,
  type ModelRegistry,
  type PreparedTasks,
  prepareTasks,
  type RoundSummary,
  type TaskEnd,
  type TaskReport,
  type TrainingPool,
  taskTally,
} from '../../../sdk/index.ts'
import { poolFor, type TrainingPlan } from '../../../sdk/node/index.ts'
import { runFaults } from '../../model/algorithms.ts'
import type { EventCause, JobEvent } from '../../model/job-event.ts'
import { endedNames } from '../../model/job-states.ts'
import type { TaskStatus } from '../../model/task.ts'
import {
  type DeployableJob,
  type Deployer,
  type DeploymentMessage,
  type DeploymentReport,
  deploymentBy,
  eventRecorded,
} from '../deployer.ts'
import { isInterruption } from '../errors.ts'
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
    const taskIds = new Map(job.tasks.map(({ end, taskId }) => [end, taskId]))
    const left = new Set(taskIds.keys())
    const tally = taskTally(job.tasks)
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
        case 'task-running':
          return status(message.end, { state: 'running' })
        case 'task-completed':
        case 'task-failed':
          return taskEnded(message)
        case 'notice':
          return tell({ type: 'notice', end: message.end, ...message.notice })
        case 'metrics':
          return tell({ type: 'metrics', end: message.end, metrics: message.metrics })
        case 'log': {
          const { entry, end } = message
          return tell({ type: 'log', end, message: entry.message, fields: entry.fields })
        }
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
      }
    }

    async function begin(hosted: Hosted, notes: readonly JobEvent[]): Promise<void> {
      if (isEnding) return end('terminated')
      for (const note of notes) tell(note)
      reports.tell({ type: 'placed' })
      const behavior = hostedTasks({ ...hosted, reports: context.self, onRound })
      tasks = context.spawn('tasks', behavior, { supervise: { type: 'stop' } })
      context.watch(tasks, ({ cause }) => ({ type: 'tasks-stopped', ...(cause === undefined ? {} : { cause }) }))
    }

    async function onRound(round: RoundSummary): Promise<void> {
      await eventRecorded(context, reports, { type: 'round', ...round })
      await parts.observer?.roundRecorded(job.id, round)
    }

    function taskEnded(report: TaskEnd): Promise<void> | undefined {
      if (isEnding) return undefined
      if (report.type === 'task-failed' && isInterruption(report.cause)) {
        isEnding = true
        reports.tell({ type: 'deployment-failed', cause: report.cause })
        return undefined
      }
      const role = tally.ended(report)
      if (report.type === 'task-completed') status(report.end, { state: 'completed' })
      else {
        parts.observer?.taskFailed(job.id, report.cause)
        const cause = causeOf(report.cause)
        tell({ type: 'notice', end: report.end, ...cause })
        const own = report.cause instanceof CodedError ? cause : undefined
        status(report.end, { state: 'failed', log: `${cause.code}: ${cause.message}` }, own)
      }
      if (role !== undefined) return end('terminated')
      // A role has finished: data consumers have nothing more to do.
      return tally.allEnded ? end('completed') : undefined
    }

    /** Stops the remaining tasks, which end in the given state. */
    async function end(state: 'completed' | 'terminated'): Promise<void> {
      isEnding = true
      if (!pool) return
      if (tasks) context.stop(tasks)
      await context.track(pool.close())
      for (const name of left) status(name, { state })
      context.stop()
    }

    function status(name: string, given: TaskStatus, cause?: EventCause): void {
      const task = taskIds.get(name)
      if (task === undefined) return
      if (endedNames.includes(given.state)) left.delete(name)
      reports.tell({ type: 'task-status', task, status: given, ...(cause === undefined ? {} : { cause }) })
    }

    function tell(event: JobEvent): void {
      reports.tell({ type: 'event', event })
    }
  }
}

type Hosted = PreparedTasks['hosted']

/** Prepares a job's tasks for hosting, with notices about unknown settings and the last committed round. */
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
    { store, registry, checkDeterminism, poolOf: (plan) => poolOf({ ...loaded, ...plan, workers }) },
    signal,
  )
  const notes: JobEvent[] = unknownSettings.map((name) => ({
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
  return { hosted, notes }
}

function causeOf(cause: unknown): EventCause {
  if (cause instanceof CodedError) return { code: cause.code, message: cause.message, hint: cause.hint }
  return { code: 'TASK_FAILED', message: cause instanceof Error ? cause.message : String(cause) }
}
