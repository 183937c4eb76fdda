import { tooFew } from './errors.ts'
import { checkClients, grouped, heapOf, indicesTo, type Parts, packedParts } from './parts.ts'

/** The writer, site or device that an example belongs to. */
export type Key = string | number

export interface KeyPartitionRequest {
  /** The key of each example, such as its writer, site or device. */
  readonly keys: ArrayLike<Key>
  readonly clients: number
}

/**
 * Each client's indices into the examples, such that examples of one key belong to one client. With as many clients as
 * keys, client i has the i-th key: numbers before strings, each in ascending order. With fewer clients, the largest
 * groups are assigned first, each to the client with the fewest examples so far (Graham, Bounds on Multiprocessing
 * Timing Anomalies, 1969: the fullest client has at most 4/3 of the least possible). Nothing is random.
 *
 * @throws DATA_CLIENTS; DATA_TOO_FEW when there are fewer keys than clients.
 */
export function byKey(request: KeyPartitionRequest): Uint32Array[] {
  const parts = partsByKey(request)
  return Array.from({ length: parts.clients }, (_, client) => parts.of(client))
}

/** As `byKey`, in two arrays for all clients. */
export function partsByKey({ keys, clients }: KeyPartitionRequest): Parts {
  checkClients(clients)
  const { rankOf, ranks } = rankedKeys(keys)
  if (ranks < clients) throw tooFew('key', 'key', { expected: clients, clients, count: ranks })
  const { items, offsets } = grouped(rankOf, ranks, indicesTo(keys.length))
  if (ranks === clients) return packedParts(items, offsets)

  const clientOf = leastFilled(offsets, clients)
  const owners = new Uint32Array(items.length)
  for (let rank = 0; rank < ranks; rank++) {
    owners.fill(clientOf[rank] ?? 0, offsets[rank], offsets[rank + 1])
  }
  const parts = grouped(owners, clients, items)
  return packedParts(parts.items, parts.offsets)
}

/** The client of each group, by rank. Clients are numbered in the order of their first keys. */
function leastFilled(offsets: Uint32Array, clients: number): Uint32Array {
  const groups = offsets.length - 1
  const sizeOf = (group: number) => (offsets[group + 1] ?? 0) - (offsets[group] ?? 0)
  const filled = new Float64Array(clients)
  const emptiest = heapOf(clients, (a, b) => {
    const difference = (filled[a] ?? 0) - (filled[b] ?? 0)
    return difference < 0 || (difference === 0 && a < b)
  })
  const clientOf = new Uint32Array(groups)
  for (const group of indicesTo(groups).toSorted((a, b) => sizeOf(b) - sizeOf(a) || a - b)) {
    const client = emptiest.first()
    clientOf[group] = client
    filled[client] = (filled[client] ?? 0) + sizeOf(group)
    emptiest.firstChanged()
  }
  const numbers = new Map<number, number>()
  return clientOf.map((client) => {
    const number = numbers.get(client) ?? numbers.size
    numbers.set(client, number)
    return number
  })
}

/** For each example the rank of its key among all keys: numbers before strings, each in ascending order. */
function rankedKeys(keys: ArrayLike<Key>) {
  const slots = new Map<Key, number>()
  const slotOf = new Uint32Array(keys.length)
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] ?? 0
    const slot = slots.get(key) ?? slots.size
    if (slot === slots.size) slots.set(key, slot)
    slotOf[index] = slot
  }
  const numbers: number[] = []
  const texts: string[] = []
  for (const key of slots.keys()) {
    if (typeof key === 'number') numbers.push(key)
    else texts.push(key)
  }
  const rankOfSlot = new Uint32Array(slots.size)
  let rank = 0
  for (const key of Float64Array.from(numbers).toSorted()) rankOfSlot[slots.get(key) ?? 0] = rank++
  // By code units, since a locale's order differs between machines.
  for (const key of texts.toSorted()) rankOfSlot[slots.get(key) ?? 0] = rank++
  for (let index = 0; index < slotOf.length; index++) slotOf[index] = rankOfSlot[slotOf[index] ?? 0] ?? 0
  return { rankOf: slotOf, ranks: slots.size }
}
