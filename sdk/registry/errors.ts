import { errorFactory } from '../../runtime/index.ts'

const registryErrors = {
  REGISTRY_UNKNOWN: {
    message: 'there is no round {round} of {of} in {location}',
    hint: 'name one of the rounds that there are: {known}',
  },
  REGISTRY_DAMAGED: { message: '{location} is damaged: {found}', hint: 'restore it from a copy, or run the job again' },
  REGISTRY_FULL: {
    message: 'there is no room to write in {location}: {reason}',
    hint: 'free some space; the rounds that were committed are kept',
  },
  REGISTRY_LOST: {
    message: '{location} cannot be reached: {reason}',
    hint: 'see whether its disk or network folder is there and sound; the rounds that were committed are kept',
  },
  REGISTRY_DENIED: {
    message: '{location} cannot be written: {reason}',
    hint: 'let this user write there, or name another folder for models; then go on with --resume',
  },
  REGISTRY_UNREADABLE: {
    message: '{location} cannot be read: {reason}',
    hint: 'let this user read it, and see that a job has written the file',
  },
} as const

export const registryError = errorFactory(registryErrors)

/** A job, or one part of it, for a message. */
export function jobOrPart(job: string, part?: string): string {
  return part === undefined ? `job ${job}` : `part ${part} of job ${job}`
}

/** Rounds for a message. */
export function listedRounds(rounds: readonly number[]): string {
  if (rounds.length === 0) return 'none of this job'
  return rounds.length > 10 ? `${rounds.length} from ${rounds[0]} to ${rounds.at(-1)}` : rounds.join(', ')
}

/** Codes by which a registry says that it can't be written at present: the same may succeed later. */
export const registryTroubleCodes: readonly string[] = [
  'REGISTRY_FULL',
  'REGISTRY_LOST',
] satisfies (keyof typeof registryErrors)[]
