import { causeOf, controllerError } from '../../deployers/errors.ts'
import type { EventCause } from '../../model/job-event.ts'
import type { TaskRecord } from '../../records/record-models.ts'
import type { Outcome } from './outcome.ts'

/** Why tasks failed, as far as it's known. */
export interface Failures {
  note(task: TaskRecord, cause: EventCause | undefined): void
  /** The cause of a job that failed because of a role: that of the task that failed last, if it said one. */
  causeOf(outcome: Extract<Outcome, { state: 'failed' }>, tasks: readonly TaskRecord[]): EventCause
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
      // After a restart of the server, what was kept of it.
      const failure = last.get(role) ?? tasks.find((task) => task.role === role && task.state === 'failed')
      if (failure && 'cause' in failure && failure.cause) return failure.cause
      const reason = failure?.log?.trim().split('\n').at(-1) || 'it said nothing of why'
      const code = allFailed ? 'JOB_ROLE_FAILED' : 'JOB_ROLE_UNFINISHED'
      return causeOf(controllerError(code, { role, end: failure?.end, reason }), 'JOB_FAULT')
    },
  }
}
