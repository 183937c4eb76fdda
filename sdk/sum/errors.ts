import { CodedError, errorFactory } from '../../runtime/index.ts'

const sumErrors = {
  SUM_VALUE: {
    message:
      'the update of {end} has {value} at {tensor}[{offset}]: expected a finite number below {limit} in magnitude, and below {most} times its weight, which is {weight}',
    hint: "see why the training diverged: a smaller learning rate or clipping may mend it. Where values are that large, lower the strategy's quantumBits, which is {quantumBits}: each one less doubles the range",
  },
  SUM_OVERFLOW: {
    message: 'with the update of {end}, whose weight is {weight}, the sum could reach {bound} quanta, beyond its range',
    hint: "lower the strategy's quantumBits, which is {quantumBits}: each one less doubles the range; or select fewer ends a round",
  },
  SUM_SIZE: {
    message: 'the update of {end} has {came} values, and the model {expected}',
    hint: 'train the model of the round',
  },
  SUM_WEIGHT: {
    message: 'the weight of {of} is {weight}: expected a multiple of {quantum} from {least} to {most}',
    hint: 'answer with the number of examples trained on, and without any throw an error instead; round a real weight with weightIn(weight, weightBits)',
  },
  SUM_SAMPLES: {
    message: '{end} says that it trained on {samples} examples: expected a whole number from 0 on',
    hint: 'answer with the number of examples trained on',
  },
  SUM_QUANTUM: {
    message: 'the sum of {end} is in quanta of 2^-{came}, and this one in 2^-{expected}',
    hint: 'use one quantumBits throughout a job',
  },
  SUM_VECTORS: {
    message: 'the update of {end} has the vectors {came}, and this sum {expected}',
    hint: "let the client's part send each vector that the aggregation of its algorithm names, and no other",
  },
  SUM_SCALAR: {
    message: 'the scalar {name} of {end} is {value}: expected a finite number',
    hint: 'leave a scalar without a value out, or see why the training diverged',
  },
  SUM_GONE: {
    message: 'the held delta was {gone} before',
    hint: 'add a held delta once, or take it once',
  },
  SUM_UNSETTLED: {
    message: 'holders of deltas have yet to give their parts of the sum: {holders}',
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
