import { CodedError, type ErrorEntry, errorFactory, isStoreTrouble } from '../../runtime/index.ts'
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
    hint: 'use Node 22.13 or newer, or leave jobs to flamelets',
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

const flameletErrors = {
  FLAMELET_NOT_PLACED: {
    message: 'compute {compute} could not deploy the flamelet of {end}',
    hint: "see the log of the compute's deployer, then start the job again",
  },
  FLAMELET_PLACE_OVERDUE: {
    message: 'compute {compute} said nothing of the flamelet of {end} within {seconds} s',
    hint: "see whether the compute's deployer runs and reaches this server, then start the job again",
  },
  FLAMELET_COMPUTE_GONE: {
    message: '{end} is to run on compute {compute}, which is not registered any more',
    hint: 'register the compute again, or update the job with datasets elsewhere',
  },
  FLAMELET_COMPUTE_FOREIGN: {
    message:
      '{end} is to run on compute {compute}, which is run by somebody whom neither the owner nor this server trusts',
    hint: 'have the compute registered by an administrator of the server, or update the job with datasets elsewhere',
  },
  FLAMELETS_AWAITED: {
    message: 'the job waits for the flamelets of {ends}: no compute "{computes}" is registered that would start them',
    hint: 'start a flamelet for each task with its key, or register a compute "{computes}"; flamectl up --in-process runs jobs without flamelets',
  },
  COMPUTES_AWAITED: {
    message: 'the job waits for the flamelets of {ends}, which are to be started on compute {computes}',
    hint: "see whether the compute's deployer runs and reaches this server",
  },
  FLAMELETS_NONE_PLACED: {
    message: 'no flamelet of the job could be deployed; the last: {reason}',
    hint: "see the logs of the computes' deployers, then start the job again",
  },
} as const satisfies Record<string, ErrorEntry>

export const flameletError = errorFactory(flameletErrors)
