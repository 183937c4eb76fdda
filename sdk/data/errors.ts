import { errorFactory } from '../../runtime/index.ts'

const dataErrors = {
  DATA_INDEX: {
    message: 'example {index} does not exist: the number of examples is {count}',
    hint: 'use an integer index from 0 and below the number of examples',
  },
  DATA_COUNT: {
    message: 'the features of {labels}, of shape [{shape}] each, must be {expected}, but are {came}',
    hint: 'give as many examples as labels, all of the same shape',
  },
  DATA_TARGETS: {
    message: 'the targets of {labels}, of shape [{shape}] each, must be {expected}, but are {came}',
    hint: 'give a target of the same shape for each example, and its shape in targetShape',
  },
  DATA_DIVISOR: {
    message: 'the divisor of the features must be a finite number other than 0, but is {divisor}',
    hint: 'leave the divisor out: bytes are then divided by 255, and other numbers are unchanged',
  },
  DATA_JOIN: {
    message: 'sets to join must be one or more of equal shape, but have the shapes {shapes}',
    hint: 'join only sets whose examples have the same shape',
  },
  DATA_SIDES: {
    message: 'sets side by side must have one number of examples, but have {counts}',
    hint: 'give each set the features of the same examples, in the same order',
  },
  DATA_STREAM_ROW: {
    message: 'example {index} of {source} must have {expected}, but has {came}',
    hint: 'correct the source, or the shape',
  },
  DATA_STREAM_BOUND: {
    message: 'the examples of {source} take more than {maxBytes} bytes in memory: example {index} does not fit',
    hint: 'raise maxBytes, take fewer examples, or write the examples to an npy file and open this file',
  },
  DATASET_ELSEWHERE: {
    message: 'dataset {name} is not in this process, which has {has}',
    hint: 'name its path with --data {name}=PATH where its data may be read, and read it only in `client` and `test`',
  },
  DATA_VALUE: {
    message: '{what} of example {index} of {source} is {value}, which is no finite float32',
    hint: '{advice}',
  },
  DATA_SETTING: {
    message: '{name} must be {expected}, but is {came}',
    hint: 'correct the setting of the reader',
  },
} as const

export const dataError = errorFactory(dataErrors)

/** Gives a number with its noun: `1 example`, `2 examples`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
