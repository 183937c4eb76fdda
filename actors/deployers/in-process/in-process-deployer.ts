import { type ActorRef, type Behavior, CodedError } from '../../../runtime/index.ts'
import type { TaskReport, TrainingPool } from '../../../sdk/index.ts'
import type { EventCause, JobEvent, RoundSummary } from '../../model/job-event.ts'
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
import { hostedTasks } from './hosted-tasks.ts'
import { missingAlgorithms } from './job-strategy.ts'
import { type Hosted, type InProcessParts, prepareJob } from './prepare-job.ts'
import { taskTally } from './task-tally.ts'

type Message =
  | DeploymentMessage
  | TaskReport
  | { readonly type: 'prepared'; readonly hosted: Hosted; readonly notes: readonly JobEvent[] }
  | { readonly type: 'not-prepared'; readonly cause: unknown }
  | { readonly type: 'tasks-stopped'; readonly cause?: unknown }

/**
 * Hosts the tasks of jobs as role actors in this very process, which the jobs' code runs in, too: for one's own machine and
 * one's own code.
 */
export function inProcessDeployer({ places, ...parts }: InProcessParts): Deployer {
  return {
    ...(places === undefined ? {} : { places }),
    faultsOf: ({ modelSpec }) => missingAlgorithms(modelSpec),
    deployment: (job, reports) => deploymentBy('in-process', deployment(job, reports, parts)),
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
    let isEnding = false
    void context.track(prepareJob(job, parts, context.signal)).then(
      (prepared) => context.self.tell({ type: 'prepared', ...prepared }),
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

    async function onRound(round: RoundSummary): Promise<void> {
      await eventRecorded(context, reports, { type: 'round', ...round })
      await parts.observer?.roundRecorded(job.id, round.round)
    }

    function taskEnded(
      report: Extract<TaskReport, { type: 'task-completed' | 'task-failed' }>,
    ): Promise<void> | undefined {
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

function causeOf(cause: unknown): EventCause {
  if (cause instanceof CodedError) return { code: cause.code, message: cause.message, hint: cause.hint }
  return { code: 'TASK_FAILED', message: cause instanceof Error ? cause.message : String(cause) }
}
