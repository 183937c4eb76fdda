import { errorFactory } from '../../../runtime/index.ts'

/** Errors of aggregators and coordinators, which trainers do without. */
const aggregatorErrors = {
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
  ROLE_COUNTED_BEFORE: {
    message: 'the sum of {end} in round {round} includes {members}, counted before by themselves',
    hint: 'no action is needed: the sum is left out of this round',
  },
  ROLE_BUFFER_SIZE: {
    message: 'the buffer of {end} has {came} updates: expected {expected}',
    hint: 'run the same settings of the algorithm at all ends',
  },
} as const

export const aggregatorError = errorFactory(aggregatorErrors)
