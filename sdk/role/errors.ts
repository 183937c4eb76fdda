import { errorFactory } from '../../runtime/index.ts'

const roleErrors = {
  JOB_ROLE_UNKNOWN: {
    message: 'role {role} is none of {known}, and its func tags match no stock role',
    hint: 'name the role after one of these, or give its channels the func tags distribute and aggregate, or fetch and upload',
  },
  JOB_ROLE_MISSING: {
    message: 'role {role} has the func tags {tags}, but there is no stock role {stock}',
    hint: 'define {role} in the roles of the workload, or choose another schema',
  },
  JOB_CLIENTS: {
    message:
      'the job has {clients} tasks with datasets, and the workload has data for {known} clients, but not for client {missing}',
    hint: 'name fewer datasets, or provide data for more clients',
  },
  ROLE_CHANNEL_MISSING: {
    message: 'role {role} needs one channel with the func tags {tags}, and {end} has {count}: {channels}',
    hint: 'name these func tags for the role on exactly one channel of the schema',
  },
  ROLE_JOIN_TIMEOUT: {
    message:
      '{missing} of {expected} ends had not joined channel {channel} of {end} after {timeoutMs} ms, first {first}',
    hint: 'find out why these ends did not start, or wait longer',
  },
  ROLE_COORDINATOR_LEFT: {
    message: '{end} has nobody to work with in round {round}: the coordinator has left',
    hint: 'see why the coordinator ended, and resume the job',
  },
  ROLE_ROUND_OVER: {
    message: 'round {round} is over: {end} has since worked for round {kept}',
    hint: 'no action is needed: a restarted aggregator asked for the round again',
  },
  ROLE_NOT_DETERMINISTIC: {
    message: 'round {round} of {end} differed when run again on the same input: {difference}',
    hint: 'take time, randomness, messages and effects only from the context, and do not change the given state',
  },
  ROLE_JOURNAL_FOREIGN: {
    message: 'entry {number} of the journal {key} is not a decision of the expected type',
    hint: 'resume with the workload and the version that began the job',
  },
  ROLE_NO_LEARNER_DATA: {
    message: 'end {end} tried to train or evaluate, but its task has no dataset',
    hint: 'give the role isDataConsumer in the schema',
  },
  ROLE_METRIC: {
    message: 'metric {name} of {end}{when} is {value}: expected a finite number',
    hint: 'leave the metric out when it has no value',
  },
  ROLE_SNAPSHOT_FOREIGN: {
    message: 'the snapshot of {end} was saved by role {found}, and does not fit role {role}',
    hint: 'resume with the workload that began the job, or begin a new job',
  },
} as const

export const roleError = errorFactory(roleErrors)
