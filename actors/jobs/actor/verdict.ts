import { causeOf, controllerError } from '../../deployers/errors.ts'
import type { EventCause } from '../../model/job-event.ts'
import { endedNames } from '../../model/job-states.ts'
import type { TaskRecord } from '../../records/record-models.ts'

/** The end of a job by the states of its tasks. */
export type Verdict =
  | { readonly state: 'completed' }
  /** `role` is the cause: all its tasks have failed, or none has completed and none runs. */
  | { readonly state: 'failed'; readonly role: string; readonly allFailed: boolean }

/** Numbers of a role's tasks. `begun`: those that aren't ready any more. */
export interface RoleCounts {
  tasks: number
  begun: number
  failed: number
  completed: number
  ended: number
}

/** Counts tasks by role and state, as they change. */
export interface CountsByRole {
  readonly roles: ReadonlyMap<string, Readonly<RoleCounts>>
  /** Counts a task instead of its earlier record, if it had one. */
  change(task: CountedTask, before: CountedTask | undefined): void
}
type CountedTask = Pick<TaskRecord, 'role' | 'state'>

export function countsByRole(): CountsByRole {
  const roles = new Map<string, RoleCounts>()
  const count = ({ role, state }: CountedTask, sign: 1 | -1) => {
    const counts = roles.get(role) ?? { tasks: 0, begun: 0, failed: 0, completed: 0, ended: 0 }
    roles.set(role, counts)
    counts.tasks += sign
    if (state !== 'ready') counts.begun += sign
    if (state === 'failed') counts.failed += sign
    if (state === 'completed') counts.completed += sign
    if (endedNames.includes(state)) counts.ended += sign
  }
  return {
    roles,
    change(task, before) {
      if (before) count(before, -1)
      count(task, 1)
    },
  }
}

/**
 * The job has failed as soon as all tasks of one role have failed. Else, when no task runs any more, the job has
 * completed if each role has a completed task, and has failed if not. Undefined: the job goes on.
 */
export function verdictOf(roles: ReadonlyMap<string, Readonly<RoleCounts>>): Verdict | undefined {
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
