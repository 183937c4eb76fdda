import { type ActorRef, CodedError } from '../../runtime/index.ts'
import { type TaskEnd, type TaskReport, taskTally } from '../../sdk/index.ts'
import type { EventCause, JobEvent } from '../model/job-event.ts'
import { endedNames } from '../model/job-states.ts'
import type { TaskStatus } from '../model/task.ts'
import type { DeployableJob, DeploymentReport } from './deployer.ts'
import { isInterruption } from './errors.ts'

/** Tells a job's actor what the job's tasks report to their deployment. */
export interface ToldTasks {
  /**
   * Tells a report. Returns the state in which the remaining tasks end if the report decides the job's end, or
   * `interrupted` if the job can't go on for now.
   */
  heard(report: TaskReport): 'completed' | 'terminated' | 'interrupted' | undefined
  event(event: JobEvent): void
  /** Tells the given state of all tasks that haven't ended. */
  endLeft(state: 'completed' | 'terminated'): void
}

export function toldTasks(
  { tasks }: Pick<DeployableJob, 'tasks'>,
  reports: ActorRef<DeploymentReport>,
  { onFailure = () => {} }: { readonly onFailure?: ((cause: unknown) => void) | undefined } = {},
): ToldTasks {
  const taskIds = new Map(tasks.map(({ end, taskId }) => [end, taskId]))
  const ended = new Set<string>()
  const tally = taskTally(tasks)
  return {
    heard(report) {
      switch (report.type) {
        case 'task-running':
          status(report.end, { state: 'running' })
          return undefined
        case 'task-completed':
        case 'task-failed':
          return taskEnded(report)
        case 'notice':
          event({ type: 'notice', end: report.end, ...report.notice })
          return undefined
        case 'metrics':
          event({ type: 'metrics', end: report.end, metrics: report.metrics })
          return undefined
        case 'log': {
          const { entry, end } = report
          event({ type: 'log', end, message: entry.message, fields: entry.fields })
          return undefined
        }
      }
    },
    event,
    endLeft(state) {
      for (const end of taskIds.keys()) if (!ended.has(end)) status(end, { state })
    },
  }

  function taskEnded(report: TaskEnd): ReturnType<ToldTasks['heard']> {
    if (report.type === 'task-failed' && isInterruption(report.cause)) {
      reports.tell({ type: 'deployment-failed', cause: report.cause })
      return 'interrupted'
    }
    const failedRole = tally.ended(report)
    if (report.type === 'task-completed') status(report.end, { state: 'completed' })
    else {
      onFailure(report.cause)
      const cause = causeOf(report.cause)
      event({ type: 'notice', end: report.end, ...cause })
      const own = report.cause instanceof CodedError ? cause : undefined
      status(report.end, { state: 'failed', log: `${cause.code}: ${cause.message}` }, own)
    }
    if (failedRole !== undefined) return 'terminated'
    // A role has finished: data consumers have nothing more to do.
    return tally.allEnded ? 'completed' : undefined
  }

  function status(end: string, given: TaskStatus, cause?: EventCause): void {
    const task = taskIds.get(end)
    if (task === undefined) return
    if (endedNames.includes(given.state)) ended.add(end)
    reports.tell({ type: 'task-status', task, status: given, ...(cause === undefined ? {} : { cause }) })
  }

  function event(given: JobEvent): void {
    reports.tell({ type: 'event', event: given })
  }
}

function causeOf(cause: unknown): EventCause {
  if (cause instanceof CodedError) return { code: cause.code, message: cause.message, hint: cause.hint }
  return { code: 'TASK_FAILED', message: cause instanceof Error ? cause.message : String(cause) }
}
