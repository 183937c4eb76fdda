import { CodedError, errorFactory, isStoreTrouble } from '../../runtime/index.ts'
import { registryTroubleCodes } from '../../sdk/index.ts'
import type { EventCause } from '../model/job-event.ts'

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
  JOB_CODE_FULL: {
    message: "there is no room to unpack the job's code into {folder}: {reason}",
    hint: 'free some space; the rounds that were committed are kept',
  },
  JOB_CODE_LOST: {
    message: "the job's code cannot be unpacked, since {folder} cannot be reached: {reason}",
    hint: 'see whether its disk or network folder is there and sound; the rounds that were committed are kept',
  },
  JOB_CODE_DENIED: {
    message: "the job's code cannot be unpacked into {folder}: {reason}",
    hint: 'allow reading and writing there, and start the job again',
  },
  JOB_CONFINEMENT: {
    message: "jobs' code is to run with the least rights, and Node {version} can take none from a process",
    hint: 'use Node 22.13 or newer, or leave jobs to agents',
  },
  JOB_PROCESS_ENDED: {
    message:
      "the process in which the job's code runs ended by itself {times} without a round in between; the last time {how}",
    hint: 'mend what ends it (process.exit, more memory than there is); {next}',
  },
  JOB_PROCESS_MESSAGE: {
    message: "the process in which the job's code runs sent what the server doesn't take: {found}",
    hint: "see whether the job's code writes to file descriptor 3, which is the host's alone",
  },
  JOB_STORE: { message: "key {key} is none of the job's own", hint: 'nothing but its roles state is open to a job' },
  SERVER_LEFT: { message: 'the server is closing', hint: 'ask another one, or ask again when it runs' },
  JOB_FAULT: {
    message: 'the controller could not go on with it: {reason}',
    hint: "see the server's log, and start the job again: it goes on from the last committed round",
  },
} as const

export const controllerError = errorFactory(controllerErrors)

const codeTroubleCodes: readonly string[] = [
  'JOB_CODE_FULL',
  'JOB_CODE_LOST',
] satisfies (keyof typeof controllerErrors)[]

/**
 * Whether a fault is that of a disk or a database where a job keeps things: somebody mends it, and the job goes on from what
 * was committed. It hasn't failed by it.
 */
export function isInterruption(cause: unknown): cause is CodedError {
  if (isStoreTrouble(cause)) return true
  return cause instanceof CodedError && [...registryTroubleCodes, ...codeTroubleCodes].includes(cause.code)
}

/** A cause for people: that of a coded error is its own. */
export function causeOf(cause: unknown, otherwise: 'JOB_DEPLOYMENT_FAILED' | 'JOB_FAULT'): EventCause {
  const { code, message, hint } =
    cause instanceof CodedError
      ? cause
      : controllerError(otherwise, { reason: cause instanceof Error ? cause.message : cause })
  return { code, message, hint }
}
