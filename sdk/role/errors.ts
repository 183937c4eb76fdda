import { errorFactory } from '../../runtime/index.ts'

const roleErrors = {
  JOB_ROLE_UNKNOWN: {
    message: 'role {role} is none of {known}, and its func tags put it in the place of none of them',
    hint: 'name the role after one of these, or give its channels the func tags distribute and aggregate, or fetch and upload',
  },
  JOB_ROLE_MISSING: {
    message: 'role {role} has the func tags {tags}, and there is no stock role {stock} to run it',
    hint: 'bring the role as roles of the workload, under the name {role}, or choose another schema',
  },
  JOB_CLIENTS: {
    message:
      'the job has {clients} tasks with datasets, and the workload has data for {known}: none for number {missing}',
    hint: 'name fewer datasets, or bring data for more clients',
  },
  ROLE_CHANNEL_MISSING: {
    message: 'role {role} needs one channel with the func tags {tags}, and {end} has {count}: {channels}',
    hint: 'name these func tags for the role on exactly one channel of the schema',
  },
  ROLE_JOIN_TIMEOUT: {
    message:
      '{missing} of {expected} ends had not joined channel {channel} of {end} after {timeoutMs} ms, first {first}',
    hint: 'see why they did not start, or wait longer',
  },
  ROLE_TOO_FEW_UPDATES: {
    message:
      'round {round} counted {counted} updates of {selected} selected, fewer than the {minimum} it needs; {causes}',
    hint: '{advice}',
  },
  ROLE_ROUND_OVER: {
    message: 'round {round} is over: {end} has worked for round {kept} since',
    hint: 'nothing needs to be done: an aggregator that was restarted asked for it again',
  },
  ROLE_NOT_DETERMINISTIC: {
    message: 'round {round} of {end} gave another result when it was run again on the same input: {difference}',
    hint: 'take time, randomness, messages and effects from the context only, and leave the state given unchanged',
  },
  ROLE_JOURNAL_FOREIGN: {
    message: 'entry {number} of the journal {key} is no decision of the kind that the role asks for',
    hint: 'resume with the workload and the version that began the job',
  },
  ROLE_NO_LEARNER_DATA: {
    message: 'end {end} asked to train, and its task has no dataset',
    hint: 'only tasks of a role with isDataConsumer train',
  },
  ROLE_METRIC: {
    message: 'metric {name} of {end}{when} is {value}: expected a finite number',
    hint: 'leave the metric out when it has no value',
  },
  ROLE_SNAPSHOT_FOREIGN: {
    message: 'the snapshot of {end} is of role {found}, and role {role} was to go on from it',
    hint: 'resume with the workload that began the job, or begin a new one',
  },
} as const

export const roleError = errorFactory(roleErrors)
