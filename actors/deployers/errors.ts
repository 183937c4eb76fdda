import { CodedError, type ErrorEntry, errorFactory, isStoreTrouble } from '../../runtime/index.ts'
import { registryTroubleCodes } from '../../sdk/index.ts'
import type { EventCause } from '../model/job-event.ts'

const controllerErrors = {
  LEASE_LOST: {
    message: 'job {job} was deleted, or another server has taken it over',
    hint: 'do nothing: the other server goes on with the job',
  },
  JOB_ROLE_FAILED: {
    message: 'every {role} failed; the last, {end}: {reason}',
    hint: 'mend the cause and start the job again: it goes on from the last committed round',
  },
  JOB_ROLE_UNFINISHED: {
    message: 'no task runs any more, and no {role} has completed',
    hint: "look in the job's events for the ends of its tasks, and start the job again",
  },
  JOB_DEPLOYMENT_FAILED: {
    message: "the job's tasks could not be deployed, or their deployment failed: {reason}",
    hint: 'mend the cause and start the job again: it goes on from the last committed round',
  },
  JOB_MODELS_BEHIND: {
    message: 'the registry does not have {rounds} models of the job yet: {reason}',
    hint: 'the models are kept, and are uploaded as long as the server runs, or when it runs again',
  },
  JOB_TIME_OVER: {
    message: 'the job has reached its maxRunTime of {seconds} s',
    hint: 'raise maxRunTime, or start the job again: it goes on from the last committed round',
  },
  JOB_CODE_FULL: {
    message: "there is no room to unpack the job's code into {folder}: {reason}",
    hint: 'free some space; the committed rounds are kept',
  },
  JOB_CODE_LOST: {
    message: "the job's code cannot be unpacked, since {folder} cannot be reached: {reason}",
    hint: 'see whether its disk or network folder is mounted and sound; the committed rounds are kept',
  },
  JOB_CODE_DENIED: {
    message: "the job's code cannot be unpacked into {folder}: {reason}",
    hint: 'allow reading and writing there, and start the job again',
  },
  JOB_CONFINEMENT: {
    message: "Node {version} cannot restrict the rights of jobs' processes",
    hint: 'use Node 22.13 or newer, or run jobs on flamelets',
  },
  JOB_PROCESS_ENDED: {
    message: "the job's process ended by itself {times} without a round in between; the last time {how}",
    hint: 'mend the cause (process.exit, too little memory); {next}',
  },
  JOB_PROCESS_MESSAGE: {
    message: "the job's process sent a message that the server cannot read: {found}",
    hint: "see whether the job's code writes to file descriptor 3, which only the host may use",
  },
  JOB_STORE: {
    message: "the job's process asked for key {key}, which is not the job's",
    hint: "read and write the state of the job's own roles only",
  },
  SERVER_LEFT: { message: 'the server is closing', hint: 'ask another server, or repeat when this one runs again' },
  JOB_FAULT: {
    message: 'the controller could not go on with the job: {reason}',
    hint: "see the server's log, and start the job again: it goes on from the last committed round",
  },
} as const

export const controllerError = errorFactory(controllerErrors)

const codeTroubleCodes: readonly string[] = [
  'JOB_CODE_FULL',
  'JOB_CODE_LOST',
] satisfies (keyof typeof controllerErrors)[]

/**
 * Whether a fault comes from a disk or a database that a job writes to. The job hasn't failed then: once the disk or
 * database is mended, the job goes on from its last committed round.
 */
export function isInterruption(cause: unknown): cause is CodedError {
  if (isStoreTrouble(cause)) return true
  return cause instanceof CodedError && [...registryTroubleCodes, ...codeTroubleCodes].includes(cause.code)
}

/** The cause of an end, for people: a coded error's own code, message and hint, else those of the code `otherwise`. */
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
    message: 'compute {compute} sent no report on the flamelet of {end} within {seconds} s',
    hint: "see whether the compute's deployer runs and reaches this server, then start the job again",
  },
  FLAMELET_COMPUTE_GONE: {
    message: '{end} is to run on compute {compute}, which is not registered any more',
    hint: 'register the compute again, or update the job with datasets elsewhere',
  },
  FLAMELET_COMPUTE_FOREIGN: {
    message: '{end} is to run on compute {compute}, whose administrator neither the owner nor this server trusts',
    hint: 'have the compute registered by an administrator of the server, or update the job with datasets elsewhere',
  },
  FLAMELETS_AWAITED: {
    message: 'the job waits for the flamelets of {ends}: no compute "{computes}" is registered to start them',
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

const placementErrors = {
  SITES_AWAITED: {
    message: 'the job waits for flamelets that take {ends}, on compute {computes}',
    hint: 'have a flamelet join whose realm, compute and datasets fit the task',
  },
  FLAMELETS_ELSEWHERE: {
    message:
      'the job waits for {ends}; the flamelets {names} of compute {computes} are not connected to this server: they are away, or have joined another server on its store',
    hint: 'have the flamelets join the server that runs the job, or start the job at the server that they have joined',
  },
  SITE_LOST: {
    message: '{end} was on {site}, which has been gone for {seconds} s, and no other place fits',
    hint: 'have {site} or another fitting flamelet join, then start the job again: it goes on from the last committed round',
  },
  LOCAL_SITE_ENDED: {
    message: 'the process {site} ended by itself {times} without a round in between; the last time {how}',
    hint: 'mend the cause (process.exit, too little memory); {next}',
  },
} as const satisfies Record<string, ErrorEntry>

export const placementError = errorFactory(placementErrors)
