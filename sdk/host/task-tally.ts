import type { Task } from '../tag/expand.ts'
import type { TaskReport } from './role-task.ts'

/** The end of a task. */
export type TaskEnd = Extract<TaskReport, { readonly type: 'task-completed' | 'task-failed' }>

/** Counts how a job's tasks end, on whichever host each runs. */
export interface TaskTally {
  /**
   * Whether every task that the job waits for has ended. The job waits for tasks without a dataset, if there are any:
   * data consumers have no work once these have ended.
   */
  readonly allEnded: boolean
  /** Counts a task's end. Returns the task's role if every task of that role has failed. */
  ended(report: TaskEnd): string | undefined
}

export function taskTally(tasks: readonly Pick<Task, 'end' | 'role' | 'dataset'>[]): TaskTally {
  const roleOf = new Map(tasks.map(({ end, role }) => [end, role]))
  const aggregators = tasks.filter(({ dataset }) => dataset === undefined)
  const awaited = new Set((aggregators.length > 0 ? aggregators : tasks).map(({ end }) => end))
  /** Ends that haven't ended are many, for as long as the job runs. */
  const ended = new Set<string>()
  const notFailed = new Map<string, number>()
  for (const role of roleOf.values()) notFailed.set(role, (notFailed.get(role) ?? 0) + 1)

  return {
    get allEnded() {
      return awaited.size === 0
    },
    ended({ type, end }) {
      const role = roleOf.get(end)
      awaited.delete(end)
      if (role === undefined || ended.has(end)) return undefined
      ended.add(end)
      if (type === 'task-completed') return undefined
      const remaining = (notFailed.get(role) ?? 0) - 1
      notFailed.set(role, remaining)
      return remaining === 0 ? role : undefined
    },
  }
}
