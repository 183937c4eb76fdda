import { causeOf, controllerError } from '../../deployers/errors.ts'
import type { EventCause } from '../../model/job-event.ts'
import { endedNames } from '../../model/job-states.ts'
import type { TaskRecord } from '../../records/record-models.ts'

/** The end of a job by the states of its tasks. */
export type Verdict =
  | { readonly state: 'completed' }
  /** `role` is the cause: all its tasks have failed, or none has completed and none runs. */
  | { readonly state: 'failed'; readonly role: string; readonly allFailed: boolean }

/**
 * The job has failed as soon as all tasks of one role have failed. Else, when no task runs any more, the job has
 * completed if each role has a completed task, and has failed if not. Undefined: the job goes on.
 */
export function verdictOf(tasks: Iterable<Pick<TaskRecord, 'role' | 'state'>>): Verdict | undefined {
  const roles = new Map<string, { tasks: number; failed: number; completed: number; ended: number }>()
  for (const { role, state } of tasks) {
    const counts = roles.get(role) ?? { tasks: 0, failed: 0, completed: 0, ended: 0 }
    roles.set(role, counts)
    counts.tasks += 1
    counts.failed += Number(state === 'failed')
    counts.completed += Number(state === 'completed')
    counts.ended += Number(endedNames.includes(state))
  }
  for (const [role, counts] of roles)
    if (counts.failed === counts.tasks) return { state: 'failed', role, allFailed: true }
  for (const { ended, tasks: all } of roles.values()) if (ended < all) return undefined
  for (const [role, { completed }] of roles) if (completed === 0) return { state: 'failed', role, allFailed: false }
  return { state: 'completed' }
}

/** Remembers why tasks failed. */
export interface Failures {
  note(task: TaskRecord, cause: EventCause | undefined): void
  /** The cause of a job that failed because of a role: the cause of the role's last failed task, if known. */
  causeOf(verdict: Extract<Verdict, { state: 'failed' }>, tasks: readonly TaskRecord[]): EventCause
}

export function failures(): Failures {
  const last = new Map<
    string,
    { readonly end: string; readonly log?: string; readonly cause: EventCause | undefined }
  >()
  return {
    note({ role, end, log }, cause) {
      last.set(role, { end, cause, ...(log === undefined ? {} : { log }) })
    },
    causeOf({ role, allFailed }, tasks) {
      // After a restart of the server only the task's record tells of the failure.
      const failure = last.get(role) ?? tasks.find((task) => task.role === role && task.state === 'failed')
      if (failure && 'cause' in failure && failure.cause) return failure.cause
      const reason = failure?.log?.trim().split('\n').at(-1) || 'it said nothing of why'
      const code = allFailed ? 'JOB_ROLE_FAILED' : 'JOB_ROLE_UNFINISHED'
      return causeOf(controllerError(code, { role, end: failure?.end, reason }), 'JOB_FAULT')
    },
  }
}
