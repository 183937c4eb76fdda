import { errorFactory } from '../../../../runtime/index.ts'

/** Errors of jobs whose parties hold parts of a model, which the trainers of other topologies do without. */
const partyErrors = {
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
} as const

export const partyError = errorFactory(partyErrors)
