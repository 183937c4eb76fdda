import { CodedError, type ErrorEntry, errorFactory } from '../../runtime/index.ts'
import type { CommittedModel } from './registry.ts'

/**
 * Whether the same call may succeed later: `itself` without anybody's doing, `mended` after somebody has followed the
 * hint, `no` never.
 */
export type Again = 'itself' | 'mended' | 'no'

interface RegistryErrorEntry extends ErrorEntry {
  readonly again: Again
}

const registryErrors = {
  REGISTRY_UNKNOWN: {
    message: 'there is no round {round} of {of} in {location}',
    hint: 'use one of the existing rounds: {known}',
    again: 'no',
  },
  REGISTRY_NO_MODEL: {
    message: '{location} has no {what}',
    hint: 'name one that is there: {known}',
    again: 'mended',
  },
  REGISTRY_CHANGED: {
    message: '{location} has other weights than when the job was made: hash {found}, not {expected}',
    hint: 'put the former model back there, or create the job again',
    again: 'no',
  },
  REGISTRY_DAMAGED: {
    message: '{location} is damaged: {found}',
    hint: 'restore the round from a copy, or run the job again',
    again: 'no',
  },
  REGISTRY_FULL: {
    message: '{location} has no space left: {reason}',
    hint: 'free some space; committed rounds are kept',
    again: 'mended',
  },
  REGISTRY_WAITS: {
    message: 'job {job} waits: the spool has {most} models that its registry does not have, and room for no more',
    hint: 'mend the registry, and the job goes on by itself; or allow more with --spool-models',
    again: 'itself',
  },
  REGISTRY_LOST: {
    message: '{location} cannot be reached: {reason}',
    hint: 'check that the disk, network folder or server is present and sound; committed rounds are kept',
    again: 'itself',
  },
  REGISTRY_DENIED: {
    message: '{location} cannot be written: {reason}',
    hint: 'give this user the right to write there, or name another folder for models; then continue with --resume',
    again: 'mended',
  },
  REGISTRY_UNREADABLE: {
    message: '{location} cannot be read: {reason}',
    hint: 'give this user the right to read the file, and check that a job has written the file',
    again: 'mended',
  },
  REGISTRY_CREDENTIALS: {
    message: '{location} refuses the credentials: {reason}',
    hint: 'set the credentials of this registry in the environment or in their file, as docs/registry.md says',
    again: 'mended',
  },
  REGISTRY_NO_CREDENTIALS: {
    message: 'there are no credentials for {location}: {reason}',
    hint: 'set the credentials of this registry in the environment or in their file, as docs/registry.md says',
    again: 'mended',
  },
  REGISTRY_MISSING: {
    message: '{location} has no {kind} {name}',
    hint: 'make the {kind}, or name another one',
    again: 'mended',
  },
  REGISTRY_CLOCK: {
    message: '{location} refuses requests of this time: {reason}',
    hint: "set the clock of this machine, or of the registry's",
    again: 'mended',
  },
  REGISTRY_ADDRESS: {
    message: 'the address of the registry is refused: {found}',
    hint: 'write {form}',
    again: 'no',
  },
  REGISTRY_REFUSED: {
    message: '{location} refuses the request: {reason}',
    hint: "look for the reason in the registry's log, and check that its version is one that docs/registry.md names",
    again: 'mended',
  },
} as const satisfies Record<string, RegistryErrorEntry>

export const registryError = errorFactory(registryErrors)

/** REGISTRY_DAMAGED of weights with another hash than that of their round. */
export function damagedWeights({ location, hash }: CommittedModel, found: string): Error {
  return registryError('REGISTRY_DAMAGED', { location, found: `weights.bin has hash ${found}, not ${hash}` })
}

/** Whether the call that failed with this error may succeed later. `no` for errors of other tables. */
export function registryAgain(error: unknown): Again {
  if (!(error instanceof CodedError)) return 'no'
  const again = Object.entries(registryErrors).find(([code]) => code === error.code)?.[1].again
  return again ?? 'no'
}

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
