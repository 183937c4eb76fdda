import { CodedError, errorFactory } from '../../runtime/index.ts'

const sumErrors = {
  SUM_VALUE: {
    message:
      'the update of {end} has {value} at {tensor}[{offset}]: expected a finite number below {limit} in magnitude, and below {most} times its weight, which is {weight}',
    hint: "find out why the training diverged: a smaller learning rate or clipping may help. If values are rightly this large, lower the strategy's quantumBits, which is {quantumBits}: each one less doubles the range",
  },
  SUM_OVERFLOW: {
    message: 'with the update of {end}, whose weight is {weight}, the sum could reach {bound} quanta, beyond its range',
    hint: "lower the strategy's quantumBits, which is {quantumBits}: each one less doubles the range; or select fewer ends for each round",
  },
  SUM_SIZE: {
    message: 'the update of {end} has {came} values, but the model has {expected}',
    hint: 'train the model of the round',
  },
  SUM_WEIGHT: {
    message: 'the weight of {of} is {weight}: expected a multiple of {quantum} from {least} to {most}',
    hint: 'return the number of examples trained on as the weight, or throw an error if there are none; round a real weight with weightIn(weight, weightBits)',
  },
  SUM_SAMPLES: {
    message: '{end} reports {samples} examples of training: expected a whole number, 0 or more',
    hint: 'return the number of examples trained on',
  },
  SUM_QUANTUM: {
    message: 'the sum of {end} is in quanta of 2^-{came}, but this sum in quanta of 2^-{expected}',
    hint: 'use the same quantumBits in the whole job',
  },
  SUM_VECTORS: {
    message: 'the update of {end} has the vectors {came}, but this sum has {expected}',
    hint: "let the client's part send exactly the vectors that its algorithm's aggregation names",
  },
  SUM_SCALAR: {
    message: 'the scalar {name} of {end} is {value}: expected a finite number',
    hint: 'leave out a scalar without a value, or find out why the training diverged',
  },
  SUM_ENCODING: {
    message: 'the update of {end} is packed with {fault}',
    hint: 'pack updates by the version of flame-fl that the job runs with',
  },
  SUM_GONE: {
    message: 'the held delta was {gone} before',
    hint: 'add a held delta once, or take it once',
  },
  SUM_UNSETTLED: {
    message: '{holders} holders of deltas have not yet given their parts of the sum',
    hint: 'await settle() first',
  },
  SUM_EMPTY: { message: 'there is no mean of no updates', hint: 'count updates before asking for the mean' },
} as const

export const sumError = errorFactory(sumErrors)

/** The coded error that a call throws, or undefined. */
export function refusalOf(call: () => unknown): CodedError | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
}
