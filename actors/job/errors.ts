import { errorFactory } from '../../runtime/index.ts'

const jobErrors = {
  JOB_UNKNOWN: { message: 'there is no job {id}', hint: 'look at the ids in the store, or create the job first' },
  JOB_RECORD_DAMAGED: {
    message: 'the record of job {id} lacks a field, or has one of another type',
    hint: 'restore the store from a copy, or begin a new job in another store',
  },
  JOB_ROLE_UNKNOWN: {
    message: 'the schema has a role {role}, and the job brings {known}',
    hint: 'name the role after one of these, or bring it',
  },
  JOB_CLIENT_UNKNOWN: {
    message: 'task {end} is to train on dataset {dataset}, and the workload has datasets 0 to {last}',
    hint: 'give the topology as many clients as the data has',
  },
  JOB_ROLE_FAILED: {
    message: 'every {role} failed; the last, {end}: {cause}',
    hint: 'mend the cause and run the job with --resume',
  },
} as const

export const jobError = errorFactory(jobErrors)
