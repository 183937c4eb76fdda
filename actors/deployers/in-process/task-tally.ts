import type { RoleTask, TaskReport } from '../../../sdk/index.ts'

/** Counts how a job's tasks have ended, by role. */
export interface TaskTally {
  /** No task runs any more whose work matters: data consumers have none once every aggregator has ended. */
  readonly allEnded: boolean
  /** Notes a task's end; answers with its role if every task of that role has failed. */
  ended(report: Extract<TaskReport, { type: 'task-completed' | 'task-failed' }>): string | undefined
}

export function taskTally(tasks: readonly RoleTask[]): TaskTally {
  const roleOf = new Map(tasks.map(({ end, role }) => [end, role.name]))
  const aggregators = tasks.filter(({ client }) => client === undefined)
  const awaited = new Set((aggregators.length > 0 ? aggregators : tasks).map(({ end }) => end))
  const left = new Set(roleOf.keys())
  const notFailed = new Map<string, number>()
  for (const name of roleOf.values()) notFailed.set(name, (notFailed.get(name) ?? 0) + 1)

  return {
    get allEnded() {
      return awaited.size === 0
    },
    ended({ type, end }) {
      const role = roleOf.get(end)
      awaited.delete(end)
      if (role === undefined || !left.delete(end) || type === 'task-completed') return undefined
      const remaining = (notFailed.get(role) ?? 0) - 1
      notFailed.set(role, remaining)
      return remaining === 0 ? role : undefined
    },
  }
}
