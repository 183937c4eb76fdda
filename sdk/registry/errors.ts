import { errorFactory } from '../../runtime/index.ts'

const registryErrors = {
  REGISTRY_UNKNOWN: {
    message: 'there is no round {round} of job {job} in {location}',
    hint: 'list the rounds that there are',
  },
  REGISTRY_DAMAGED: { message: '{location} is damaged: {found}', hint: 'restore it from a copy, or run the job again' },
  REGISTRY_FULL: {
    message: 'there is no room to write in {location}: {reason}',
    hint: 'free some space and go on with --resume',
  },
  REGISTRY_DENIED: { message: '{location} cannot be written: {reason}', hint: 'allow writing, or name another folder' },
} as const

export const registryError = errorFactory(registryErrors)
