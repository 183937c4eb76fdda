import type { ActorContext, ActorRef, Behavior, Store } from '../../../runtime/index.ts'
import { CodedError } from '../../../runtime/index.ts'
import { inlinePool, type ModelRegistry, type TaskReport, type TrainingPool } from '../../../sdk/index.ts'
import { workerPool } from '../../../sdk/node/index.ts'
import { endedNames } from '../../catalogue/jobs/job-transitions.ts'
import type { TaskStatus } from '../../catalogue/model/task.ts'
import type { EventCause, JobEvent } from '../../events/job-event.ts'
import { type HostedTasks, hostedTasks } from '../../job/hosted-tasks.ts'
import type { RoundSummary } from '../../job/protocol.ts'
import { taskTally } from '../../job/task-tally.ts'
import type { DeployableJob, Deployer, DeploymentMessage, DeploymentReport } from '../deployer.ts'
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

type Message =
  | DeploymentMessage
  | TaskReport
  | { readonly type: 'prepared'; readonly hosted: Hosted; readonly notes: readonly JobEvent[] }
  | { readonly type: 'not-prepared'; readonly cause: unknown }
  | { readonly type: 'tasks-stopped'; readonly cause?: unknown }

type Hosted = Omit<HostedTasks, 'reports' | 'onRound'>

/** How long a round may take to be recorded. */
const recordTimeoutMs = 60_000

/**
 * Hosts the tasks of jobs as role actors in this very process, which the jobs' code runs in, too: for one's own machine and
 * one's own code.
 */
export function inProcessDeployer({ places, ...parts }: InProcessParts): Deployer {
  return {
    ...(places === undefined ? {} : { places }),
    // Ends with its tasks, and by their fault.
    deployment: (job, reports) => (context) => {
      const tasks = context.spawn('in-process', deployment(job, reports, parts), { supervise: { type: 'escalate' } })
      let hasEnded = false
      context.watch(tasks, () => {
        hasEnded = true
        return { type: 'stop' }
      })
      return (message) => (hasEnded ? context.stop() : tasks.tell(message))
    },
  }
}

function deployment(
  job: DeployableJob,
  reports: ActorRef<DeploymentReport>,
  parts: Omit<InProcessParts, 'places'>,
): Behavior<Message> {
  return (context) => {
    const taskIds = new Map(job.tasks.map(({ end, taskId }) => [end, taskId]))
    const left = new Set(taskIds.keys())
    let tally = taskTally([])
    let pool: TrainingPool | undefined
    let tasks: ActorRef<never> | undefined
    let recorded: Promise<unknown> = Promise.resolve()
    let isEnding = false
    void context.track(prepare(job, parts, context)).then(
      (prepared) => context.self.tell({ type: 'prepared', ...prepared }),
      (cause: unknown) => context.self.tell({ type: 'not-prepared', cause }),
    )

    return async (message) => {
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
          // Its tasks see what they run with as it was when they began.
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
      tally = taskTally(hosted.tasks)
      reports.tell({ type: 'placed' })
      const behavior = hostedTasks({ ...hosted, reports: context.self, onRound })
      tasks = context.spawn('tasks', behavior, { supervise: { type: 'stop' } })
      context.watch(tasks, ({ cause }) => ({ type: 'tasks-stopped', ...(cause === undefined ? {} : { cause }) }))
    }

    /** The next round waits until this one is recorded, and works meanwhile. */
    async function onRound(round: RoundSummary): Promise<void> {
      await recorded
      const told = context.ask<null, DeploymentReport>(
        reports,
        (replyTo) => ({ type: 'event', event: { type: 'round', ...round }, recorded: replyTo }),
        { timeoutMs: recordTimeoutMs },
      )
      // What can't be recorded is the fault of the job's actor, which deals with it.
      recorded = told.catch(() => {})
    }

    function taskEnded(
      report: Extract<TaskReport, { type: 'task-completed' | 'task-failed' }>,
    ): Promise<void> | undefined {
      if (isEnding) return undefined
      const role = tally.ended(report)
      if (report.type === 'task-completed') status(report.end, { state: 'completed' })
      else {
        const cause = causeOf(report.cause)
        tell({ type: 'notice', end: report.end, ...cause })
        const own = report.cause instanceof CodedError ? cause : undefined
        status(report.end, { state: 'failed', log: `${cause.code}: ${cause.message}` }, own)
      }
      if (role !== undefined) return end('terminated')
      // Data consumers have nothing more to do then.
      return tally.allEnded ? end('completed') : undefined
    }

    /** Stops what is left, which ends as said. */
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

/** Loads the job's workload and starts what trains. The pool is given back if the deployment has ended meanwhile. */
async function prepare(
  job: DeployableJob,
  { store, registry, source, workers, checkDeterminism = false }: Omit<InProcessParts, 'places'>,
  { signal }: ActorContext<Message>,
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

function causeOf(cause: unknown): EventCause {
  if (cause instanceof CodedError) return { code: cause.code, message: cause.message, hint: cause.hint }
  return { code: 'TASK_FAILED', message: cause instanceof Error ? cause.message : String(cause) }
}
