import { errorFactory } from '../../../runtime/index.ts'

const sumErrors = {
  SUM_VALUE: {
    message:
      'the update of {end} has {value} at {tensor}[{offset}], times {samples} samples: expected a finite product below {limit} in magnitude',
    hint: 'see why the training diverged; a smaller learning rate or clipping may mend it',
  },
  SUM_OVERFLOW: {
    message: 'with the update of {end} the sum could leave 64 bits: {bound} quanta',
    hint: 'use a coarser quantum (fewer quantumBits), or fewer samples a round',
  },
  SUM_SIZE: {
    message: 'the update of {end} has {came} values, and the model {expected}',
    hint: 'train the model of the round',
  },
  SUM_SAMPLES: {
    message: 'the update of {end} counts {samples} samples: expected a whole number from 1 to {most}',
    hint: 'count the examples trained on',
  },
  SUM_QUANTUM: {
    message: 'the sum of {end} is in quanta of 2^-{came}, and this one in 2^-{expected}',
    hint: 'use one quantumBits throughout a job',
  },
  SUM_UNSETTLED: {
    message: '{holders} holders of deltas have yet to give their part of the sum',
    hint: 'await settle() first',
  },
  SUM_EMPTY: { message: 'there is no mean of no updates', hint: 'count updates before asking for the mean' },
} as const

export const sumError = errorFactory(sumErrors)
