import { CodedError, errorFactory } from '../../runtime/index.ts'
import type { EventCause } from '../events/job-event.ts'

const controllerErrors = {
  LEASE_LOST: {
    message: "job {job} is another server's now, or was deleted",
    hint: 'nothing needs to be done: the other server goes on with it',
  },
  JOB_ROLE_FAILED: {
    message: 'every {role} failed; the last, {end}: {reason}',
    hint: 'mend the cause and start the job again: it goes on from the last committed round',
  },
  JOB_ROLE_UNFINISHED: {
    message: 'no task runs any more, and no {role} has completed',
    hint: "see in the job's events how its tasks ended, and start it again",
  },
  JOB_DEPLOYMENT_FAILED: {
    message: 'its tasks could not be deployed, or their deployment broke: {reason}',
    hint: 'mend the cause and start the job again: it goes on from the last committed round',
  },
  JOB_TIME_OVER: {
    message: 'it ran for its maxRunTime of {seconds} s',
    hint: 'give it a longer one, or start it again: it goes on from the last committed round',
  },
  SERVER_LEFT: { message: 'the server is closing', hint: 'ask another one, or ask again when it runs' },
  JOB_FAULT: {
    message: 'the controller could not go on with it: {reason}',
    hint: "see the server's log, and start the job again: it goes on from the last committed round",
  },
} as const

export const controllerError = errorFactory(controllerErrors)

/** A cause for people: that of a coded error is its own. */
export function causeOf(cause: unknown, otherwise: 'JOB_DEPLOYMENT_FAILED' | 'JOB_FAULT'): EventCause {
  const { code, message, hint } =
    cause instanceof CodedError
      ? cause
      : controllerError(otherwise, { reason: cause instanceof Error ? cause.message : cause })
  return { code, message, hint }
}
