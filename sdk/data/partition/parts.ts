import { partitionError } from './errors.ts'

/** Which examples each client has. Nothing is kept for a client but its place in shared arrays, or not even that. */
export interface Parts {
  readonly clients: number
  /** Indices of a client's examples: a view of a shared array, or drawn anew by each call. DATA_CLIENT */
  of(client: number): Uint32Array
  /** Number of a client's examples. DATA_CLIENT */
  samples(client: number): number
  /** The label that most of a client's examples are likely to have. Absent where all clients draw labels alike. */
  label?(client: number): number
}

/** Parts in one array, client after client: those of client i are from offsets[i] to offsets[i + 1]. */
export function packedParts(indices: Uint32Array, offsets: Uint32Array): Parts {
  const clients = offsets.length - 1
  const bounds = (client: number) => {
    checkClient(client, clients)
    return [offsets[client] ?? 0, offsets[client + 1] ?? 0] as const
  }
  return {
    clients,
    of: (client) => indices.subarray(...bounds(client)),
    samples(client) {
      const [from, to] = bounds(client)
      return to - from
    },
  }
}

/** @throws DATA_CLIENTS for a number of clients that isn't an integer from 1. */
export function checkClients(clients: number): void {
  if (!Number.isInteger(clients) || clients < 1) throw partitionError('DATA_CLIENTS', { clients })
}

/** @throws DATA_CLIENT for a client that doesn't exist. */
export function checkClient(client: number, clients: number): void {
  if (!(Number.isInteger(client) && client >= 0 && client < clients))
    throw partitionError('DATA_CLIENT', { client, clients })
}

/** Where each group begins in an array of all groups, and at last the array's length. */
export function offsetsOf(sizes: ArrayLike<number>): Uint32Array {
  const offsets = new Uint32Array(sizes.length + 1)
  for (let group = 0; group < sizes.length; group++) offsets[group + 1] = (offsets[group] ?? 0) + (sizes[group] ?? 0)
  return offsets
}

/** Groups of items, one after another in one array; the items of a group keep their order. */
export interface Grouped {
  readonly offsets: Uint32Array
  readonly items: Uint32Array
}

/** Sorts items by their groups, which are numbers below `groups`. */
export function grouped(groupOf: Uint32Array, groups: number, items: Uint32Array): Grouped {
  const sizes = new Uint32Array(groups)
  for (const group of groupOf) sizes[group] = (sizes[group] ?? 0) + 1
  const offsets = offsetsOf(sizes)
  const next = offsets.slice()
  const sorted = new Uint32Array(items.length)
  for (let place = 0; place < items.length; place++) {
    const group = groupOf[place] ?? 0
    const to = next[group] ?? 0
    sorted[to] = items[place] ?? 0
    next[group] = to + 1
  }
  return { offsets, items: sorted }
}

export function indicesTo(count: number): Uint32Array {
  const indices = new Uint32Array(count)
  for (let index = 0; index < count; index++) indices[index] = index
  return indices
}

/** Examples by label, in one array that all clients share. */
export interface LabelTable extends Grouped {
  /** The labels that occur, in ascending order. Those of `offsets` are their groups. */
  readonly labels: Float64Array
}

/** The number of examples, and the label of each. */
export interface Labelled {
  readonly count: number
  label(index: number): number
  /** As of `Examples`. */
  readonly unlabelled?: boolean | undefined
}

export function labelTable({ count, label }: Labelled): LabelTable {
  const slots = new Map<number, number>()
  const slotOf = new Uint32Array(count)
  for (let index = 0; index < count; index++) {
    const value = label(index)
    const slot = slots.get(value) ?? slots.size
    if (slot === slots.size) slots.set(value, slot)
    slotOf[index] = slot
  }
  const labels = Float64Array.from(slots.keys()).toSorted()
  const rankOf = new Uint32Array(slots.size)
  for (const [rank, value] of labels.entries()) rankOf[slots.get(value) ?? 0] = rank
  for (let index = 0; index < count; index++) slotOf[index] = rankOf[slotOf[index] ?? 0] ?? 0
  return { labels, ...grouped(slotOf, labels.length, indicesTo(count)) }
}

/**
 * A binary heap of the numbers below `count`, of which only the first one changes: `isBefore` says which of two comes
 * first.
 */
export function heapOf(count: number, isBefore: (a: number, b: number) => boolean) {
  const heap = indicesTo(count)
  const sink = (start: number) => {
    const moved = heap[start] ?? 0
    let place = start
    for (;;) {
      const left = 2 * place + 1
      if (left >= count) break
      const right = left + 1
      const child = right < count && isBefore(heap[right] ?? 0, heap[left] ?? 0) ? right : left
      if (!isBefore(heap[child] ?? 0, moved)) break
      heap[place] = heap[child] ?? 0
      place = child
    }
    heap[place] = moved
  }
  for (let place = (count >> 1) - 1; place >= 0; place--) sink(place)
  return {
    first: () => heap[0] ?? 0,
    /** Moves the first number to its place, after its order has changed. */
    firstChanged: () => sink(0),
  }
}
