import { errorFactory } from '../../runtime/index.ts'

const registryErrors = {
  REGISTRY_UNKNOWN: {
    message: 'there is no round {round} of {of} in {location}',
    hint: 'use one of the existing rounds: {known}',
  },
  REGISTRY_DAMAGED: {
    message: '{location} is damaged: {found}',
    hint: 'restore the round from a copy, or run the job again',
  },
  REGISTRY_FULL: {
    message: '{location} has no space left: {reason}',
    hint: 'free some space; committed rounds are kept',
  },
  REGISTRY_LOST: {
    message: '{location} cannot be reached: {reason}',
    hint: 'check that the disk or network folder is present and sound; committed rounds are kept',
  },
  REGISTRY_DENIED: {
    message: '{location} cannot be written: {reason}',
    hint: 'give this user the right to write there, or name another folder for models; then continue with --resume',
  },
  REGISTRY_UNREADABLE: {
    message: '{location} cannot be read: {reason}',
    hint: 'give this user the right to read the file, and check that a job has written the file',
  },
} as const

export const registryError = errorFactory(registryErrors)

/** Names a job, or one part of a job, for a message. */
export function jobOrPart(job: string, part?: string): string {
  return part === undefined ? `job ${job}` : `part ${part} of job ${job}`
}

/** Lists rounds for a message. */
export function listedRounds(rounds: readonly number[]): string {
  if (rounds.length === 0) return 'none of this job'
  return rounds.length > 10 ? `${rounds.length} from ${rounds[0]} to ${rounds.at(-1)}` : rounds.join(', ')
}

/** Codes of temporary write faults: the same write may succeed later. */
export const registryTroubleCodes: readonly string[] = [
  'REGISTRY_FULL',
  'REGISTRY_LOST',
] satisfies (keyof typeof registryErrors)[]
