import { type Examples, type FederatedData, mostFrequent } from '../examples.ts'
import { subset } from '../in-memory-examples.ts'
import { partitionError } from './errors.ts'
import { type PartsRequest, parsePartitionScheme, partsOf } from './partition.ts'

export interface SpreadRequest extends Omit<PartsRequest, 'examples'> {
  readonly examples: Examples
  /** For the scheme `key`, in place of `keys`: the column of the examples that holds the keys. */
  readonly column?: string
}

/** The clients' part of a job's data. */
export type ClientsData = Pick<FederatedData, 'clients' | 'client' | 'label'> & Required<Pick<FederatedData, 'samples'>>

/**
 * Spreads examples over clients by a PartitionScheme: `{ ...spread({ examples, clients, scheme, random }), test }` is a
 * job's data. Nothing is made for a client before it's asked for, so that there may be a million clients: the schemes
 * `draw:…` keep one table of the examples by label, the others four bytes for an example and for a client.
 *
 * @throws DATA_SCHEME, DATA_DRAW, DATA_CLIENTS, DATA_TOO_FEW, DATA_KEYS, DATA_COLUMN, DATA_UNLABELLED; the functions of the result
 *   DATA_CLIENT.
 */
export function spread({ examples, column, keys, ...request }: SpreadRequest): ClientsData {
  const parts = partsOf({
    ...request,
    examples,
    keys: column === undefined ? (keys ?? []) : valuesOf(examples, column),
  })
  const { clients, label } = parts
  const data = { clients, client: (client: number) => subset(examples, parts.of(client)), samples: parts.samples }
  if (label) return { ...data, label }
  if (examples.unlabelled || parsePartitionScheme(request.scheme).kind === 'draw') return data
  const labelsOf = (client: number) => Array.from(parts.of(client), (index) => examples.label(index))
  return { ...data, label: (client: number) => mostFrequent(labelsOf(client)) ?? Number.NaN }
}

function valuesOf(examples: Examples, name: string): Float64Array {
  const { count, columns = {} } = examples
  const column = columns[name]
  if (!column) {
    throw partitionError('DATA_COLUMN', { column: name, known: Object.keys(columns).join(', ') || 'none' })
  }
  const values = new Float64Array(count)
  for (let index = 0; index < count; index++) values[index] = column(index)
  return values
}
