import { errorFactory } from '../../../runtime/index.ts'
import { counted } from '../errors.ts'

/** Apart from the other errors of data, so that pages whose data aren't partitioned do without them. */
export const partitionErrors = {
  DATA_SCHEME: {
    message: "partition '{scheme}' is none of {known}",
    hint: "use one of these schemes; α is a number above 0, for instance 'dirichlet:0.5'; SIZES are as in 'draw:20-600'",
  },
  DATA_DRAW: {
    message: "partition '{scheme}': {reason}",
    hint: 'write draw:SIZES, draw:SIZES:dirichlet:α or draw:SIZES:labels:N; SIZES are 100, 20-600 or lognormal:MEDIAN:σ',
  },
  DATA_SIZES: {
    message: "numbers of examples '{given}': {reason}",
    hint: 'write a number (100), a range (20-600), or lognormal:MEDIAN:σ (lognormal:100:1)',
  },
  DATA_CLIENT: {
    message: 'client {client} does not exist: the number of clients is {clients}',
    hint: 'use an integer from 0 and below the number of clients',
  },
  DATA_COLUMN: {
    message: "the examples have no column '{column}'; their columns: {known}",
    hint: 'name one of these columns, or have the reader keep the column',
  },
  DATA_CLIENTS: {
    message: 'the number of clients must be an integer from 1, but is {clients}',
    hint: 'set clients to an integer from 1',
  },
  DATA_TOO_FEW: {
    message: "partition '{scheme}' needs {expected} for {clients}, but has {count}",
    hint: 'use fewer clients, or more data',
  },
  DATA_UNLABELLED: {
    message: "partition '{scheme}' deals examples by their labels, and the examples have none",
    hint: 'have the reader take a label beside the targets, or use iid, key or draw:SIZES',
  },
  DATA_KEYS: {
    message: "partition 'key' needs one key for each of {expected} examples, but has {came} keys",
    hint: 'give keys: one string or number for each example, its writer or site',
  },
} as const

export const partitionError = errorFactory(partitionErrors)

/** Makes DATA_TOO_FEW for numbers of examples or keys. */
export function tooFew(scheme: string, noun: string, numbers: Record<'expected' | 'clients' | 'count', number>) {
  const { expected, clients, count } = numbers
  const words = { expected: counted(expected, noun), clients: counted(clients, 'client'), count: counted(count, noun) }
  return partitionError('DATA_TOO_FEW', { scheme, ...words })
}
