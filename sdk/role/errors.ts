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
  ROLE_BUDGET: {
    message: 'the budget of privacy is too small for one round: {reason}',
    hint: 'raise budget or noiseMultiplier, or lower samplingProbability',
  },
  ROLE_TOO_FEW_ANSWERS: {
    message:
      'before round {round}, none of {selected} selected clients sent the numbers that the algorithm asks for; {causes}',
    hint: '{advice}',
  },
  ROLE_TOO_FEW_UPDATES: {
    message:
      'round {round} counted {counted} updates of {selected} selected, fewer than the required {minimum}; {causes}',
    hint: '{advice}',
  },
  ROLE_OVERDUE: {
    message: '{end} has not answered dispatch {dispatch} within {deadlineMs} ms, and is given up',
    hint: 'see why {end} takes so long, or raise dispatchDeadlineMs',
  },
  ROLE_TOP_LEFT: {
    message: '{end} has nobody to coordinate for: {top} has left',
    hint: 'see why {top} ended',
  },
  ROLE_NO_AGGREGATOR: {
    message: 'no {role} was there for {end} to pair trainers with in round {round}',
    hint: 'see why they left, or give them more time',
  },
  ROLE_COORDINATOR_LEFT: {
    message: '{end} has nobody to work with in round {round}: the coordinator has left',
    hint: 'see why the coordinator ended, and resume the job',
  },
  ROLE_SPLIT_SETTING: {
    message: 'the setting {name} of a split model is {value}, expected {expected}',
    hint: 'set {name} in the settings of the workload or of the job',
  },
  ROLE_SPLIT_CUT: {
    message: '{who} of the split model has no weights',
    hint: 'cut the model elsewhere, by the settings cut and upperCut; its layers are {layers}',
  },
  ROLE_SPLIT_LEARNER: {
    message: 'the model cannot be split: {reason}',
    hint: '{mend}',
  },
  ROLE_SPLIT_SERVER_LEFT: {
    message: '{end} has nobody with the upper part of the model in round {round}: {server} has left',
    hint: 'see why {server} ended',
  },
  ROLE_SPLIT_DIVERGED: {
    message: 'the training of {end} diverged in batch {batch}: {what} is not finite',
    hint: 'use a smaller learningRate than {learningRate}, and check that the features are finite and scaled',
  },
  ROLE_SPLIT_MESSAGE: {
    message: '{type} of batch {batch} came from {end}, where batch {due} was due, or another kind of message',
    hint: 'run the same version, with the same settings, at all ends of the job',
  },
  ROLE_COUNTED_BEFORE: {
    message: 'the sum of {end} in round {round} includes {members}, counted before by themselves',
    hint: 'no action is needed: the sum is left out of this round',
  },
  ROLE_BUFFER_SIZE: {
    message: 'the buffer of {end} has {came} updates: expected {expected}',
    hint: 'run the same settings of the algorithm at all ends',
  },
  ROLE_IDS_TWICE: {
    message: '{end} has {count} ids that occur more than once, first {first}',
    hint: 'give each entity one example at each party, and one id',
  },
  ROLE_NO_COMMON_ENTITIES: {
    message: 'no entity is common to all parties, which have: {sizes}',
    hint: 'let all parties name entities alike, letter by letter, and check that their tables are about the same entities',
  },
  ROLE_ALIGNMENT_DIFFERS: {
    message: '{end} finds another order of {length} common entities than the one of {expected} that was agreed',
    hint: 'do not change the ids of a party while its job runs; begin a new job with the new ones',
  },
  ROLE_PARTIES: {
    message: 'the model has parts for {parties} parties, and {end} needs that of party {party}',
    hint: 'give the verticalLearner as many parties as the topology has: the label holder, and each feature holder',
  },
  ROLE_PARTY_LEFT: { message: '{end} has left {when}', hint: 'see why it ended, and resume the job' },
  ROLE_PARTY_ABSENT: {
    message: '{end} {why} for batch {batch} of round {round}',
    hint: 'see why, and resume the job; or go on without it, with absent=zeros or absent=last',
  },
  ROLE_PARTY_FAILED: { message: '{end} cannot go on: {code} {reason}', hint: '{hint}' },
  ROLE_PARTY_VALUES: {
    message: '{end} has sent {fault}',
    hint: 'check that the party runs the workload of this job with its settings; for values that are not finite, use a smaller learningRate',
  },
  ROLE_LABEL_HOLDER_LEFT: {
    message: '{end} cannot train its part: {from} has left',
    hint: 'see why {from} ended, and resume the job',
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
