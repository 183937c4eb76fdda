import { errorFactory } from '../../runtime/index.ts'

export const dataErrors = {
  DATA_SCHEME: {
    message: "partition '{scheme}' is unknown",
    hint: "use 'iid', 'shards', or 'dirichlet:α' with a number α > 0, such as 'dirichlet:0.5'",
  },
  DATA_CLIENTS: {
    message: 'the number of clients must be an integer from 1, but is {clients}',
    hint: 'set clients to an integer from 1',
  },
  DATA_TOO_FEW: {
    message: "partition '{scheme}' for {clients} clients needs {expected} examples, but there are {count}",
    hint: 'use fewer clients, or more data',
  },
  DATA_INDEX: {
    message: 'example {index} does not exist: there are {count}',
    hint: 'use an integer index from 0 and below the number of examples',
  },
  DATA_COUNT: {
    message: '{labels} labels need {expected} feature values of shape [{shape}], but {count} came',
    hint: 'give as many examples as labels, all of the same shape',
  },
  DATA_FILE: {
    message: 'data file {file} cannot be read',
    hint: 'check that the file exists and is readable; the cause says more',
  },
  DATA_IDX_MAGIC: {
    message: 'data file {file} must begin with {expected}, but begins with {came}',
    hint: 'give an unpacked idx file of unsigned bytes, with images and labels in the right order',
  },
  DATA_IDX_SIZE: {
    message: 'data file {file} must be {expected} bytes long by its header, but is {came}',
    hint: 'the file is cut short or damaged: get it again',
  },
  DATA_IDX_COUNT: {
    message: 'data file {file} must hold {expected} labels, as many as there are images, but holds {came}',
    hint: 'give the images and labels of the same set',
  },
} as const

export const dataError = errorFactory(dataErrors)
