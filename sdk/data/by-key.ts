import { dataError, tooFew } from './errors.ts'

type Key = string | number

interface Group {
  readonly key: Key
  readonly members: number[]
}

export interface KeyPartitionRequest {
  /** Whose each example is: its writer, site or device. */
  readonly keys: ArrayLike<Key>
  readonly clients: number
}

/**
 * Each client's indices into the examples, such that examples of one key belong to one client. As many clients as keys:
 * client i has the i-th key, numbers before strings, each in ascending order. Fewer clients: the largest groups first,
 * each goes to the client that has the fewest examples so far (Graham, Bounds on Multiprocessing Timing Anomalies, 1969:
 * the fullest client has at most 4/3 of the least possible). Nothing is drawn at random.
 *
 * @throws DATA_CLIENTS; DATA_TOO_FEW when there are fewer keys than clients.
 */
export function byKey({ keys, clients }: KeyPartitionRequest): Uint32Array[] {
  if (!Number.isInteger(clients) || clients < 1) throw dataError('DATA_CLIENTS', { clients })
  const groups = groupsOf(keys)
  if (groups.length < clients) {
    throw tooFew('key', 'key', { expected: clients, clients, count: groups.length })
  }
  const parts = Array.from({ length: clients }, (): { readonly groups: Group[]; size: number } => ({
    groups: [],
    size: 0,
  }))
  for (const group of groups.toSorted((a, b) => b.members.length - a.members.length || compare(a.key, b.key))) {
    const emptiest = parts.reduce((least, part) => (part.size < least.size ? part : least))
    emptiest.groups.push(group)
    emptiest.size += group.members.length
  }
  return parts
    .map((part) => part.groups.toSorted((a, b) => compare(a.key, b.key)))
    .toSorted(([a], [b]) => (a && b ? compare(a.key, b.key) : 0))
    .map((groups) => Uint32Array.from(groups.flatMap(({ members }) => members)))
}

function groupsOf(keys: ArrayLike<Key>): Group[] {
  const groups = new Map<Key, Group>()
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] ?? 0
    const group = groups.get(key)
    if (group) group.members.push(index)
    else groups.set(key, { key, members: [index] })
  }
  return [...groups.values()]
}

/** By code units, since an order by locale differs between machines. */
function compare(a: Key, b: Key): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : Number(a > b)
}
