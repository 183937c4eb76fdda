import { knownNames } from '../../runtime/index.ts'
import { dirichlet } from '../random/distributions.ts'
import type { RandomStream } from '../random/random-stream.ts'
import { joined } from '../weights/joined.ts'
import { dataError, tooFew } from './errors.ts'

/**
 * Ways to distribute examples to clients.
 * - `iid`: shuffled, equal parts.
 * - `shards`: sorted by label and cut into 2 shards for each client, dealt at random, so that most clients see 2
 *   classes (McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, 2017).
 * - `dirichlet:α`: each class is split by shares drawn from a symmetric Dirichlet distribution. Useful α: 0.05 (each
 *   client sees few classes) to 100 (almost iid). Concentration as in Hsu et al., Measuring the Effects of
 *   Non-Identical Data Distribution, 2019; drawn per class over clients as in Yurochkin et al., Bayesian Nonparametric
 *   Federated Learning, 2019, which uses each example exactly once.
 * - `key`: examples of the same writer, site or device stay together, see `byKey`.
 */
export type PartitionScheme = 'iid' | 'shards' | 'key' | `dirichlet:${number}`

export interface PartitionRequest {
  /** The class of each example. */
  readonly labels: ArrayLike<number>
  readonly clients: number
  /** The key of each example, for the scheme `key`. */
  readonly keys?: ArrayLike<string | number>
  /** A PartitionScheme. Other strings are refused. */
  readonly scheme: string
  readonly random: RandomStream
}

/**
 * Each client's indices into the examples. Every example belongs to exactly one client; every client has at least one
 * example.
 *
 * @throws DATA_SCHEME, DATA_CLIENTS, DATA_TOO_FEW, DATA_KEYS
 */
export function partition({ labels, clients, keys = [], scheme, random }: PartitionRequest): Uint32Array[] {
  const { kind, alpha } = parsePartitionScheme(scheme)
  const count = labels.length
  if (!Number.isInteger(clients) || clients < 1) throw dataError('DATA_CLIENTS', { clients })
  const expected = kind === 'shards' ? 2 * clients : clients
  if (count < expected) throw tooFew(scheme, 'example', { expected, clients, count })
  switch (kind) {
    case 'iid':
      return equalParts(random.shuffle(indices(count)), clients)
    case 'shards': {
      const shards = equalParts(
        indices(count).toSorted((a, b) => labelOf(labels, a) - labelOf(labels, b) || a - b),
        2 * clients,
      )
      const dealt = random.shuffle(indices(2 * clients))
      return Array.from({ length: clients }, (_, client) => concat([2 * client, 2 * client + 1], dealt, shards))
    }
    case 'key':
      if (keys.length !== count) throw dataError('DATA_KEYS', { expected: count, came: keys.length })
      return byKey({ keys, clients })
    case 'dirichlet':
      return withoutEmpty(dirichletParts(labels, clients, alpha, random))
  }
}

/** @throws DATA_SCHEME when the string is no PartitionScheme. */
export function parsePartitionScheme(scheme: string): { kind: 'iid' | 'shards' | 'key' | 'dirichlet'; alpha: number } {
  if (scheme === 'iid' || scheme === 'shards' || scheme === 'key') return { kind: scheme, alpha: 0 }
  const digits = /^dirichlet:(\d*\.?\d+(?:e[-+]?\d+)?)$/i.exec(scheme)?.[1]
  const alpha = Number(digits)
  if (digits === undefined || !Number.isFinite(alpha) || alpha <= 0) {
    const known = knownNames(scheme.replace(/:.*/s, ''), ['iid', 'shards', 'key', 'dirichlet:α'])
    throw dataError('DATA_SCHEME', { scheme, known })
  }
  return { kind: 'dirichlet', alpha }
}

function dirichletParts(labels: ArrayLike<number>, clients: number, alpha: number, random: RandomStream): number[][] {
  const byClass = new Map<number, number[]>()
  for (let index = 0; index < labels.length; index++) {
    const label = labelOf(labels, index)
    const members = byClass.get(label)
    if (members) members.push(index)
    else byClass.set(label, [index])
  }
  const parts = Array.from({ length: clients }, (): number[] => [])
  for (const [, members] of [...byClass].toSorted(([a], [b]) => a - b)) {
    const shuffled = random.shuffle(Uint32Array.from(members))
    const shares = dirichlet(random, alpha, clients)
    let share = 0
    let start = 0
    parts.forEach((part, client) => {
      share += shares[client] ?? 0
      const end =
        client === clients - 1 ? shuffled.length : Math.min(shuffled.length, Math.round(share * shuffled.length))
      // Not push(...): some 120,000 arguments overflow the stack.
      for (const index of shuffled.subarray(start, end)) part.push(index)
      start = end
    })
  }
  return parts
}

/** Gives each client without examples one example of the client with the most. */
function withoutEmpty(parts: number[][]): Uint32Array[] {
  for (const part of parts) {
    if (part.length > 0) continue
    const largest = parts.reduce((most, candidate) => (candidate.length > most.length ? candidate : most), part)
    part.push(largest.pop() ?? 0)
  }
  return parts.map((part) => Uint32Array.from(part))
}

/** Cuts items into consecutive parts whose lengths differ by at most 1. */
function equalParts(items: Uint32Array, parts: number): Uint32Array[] {
  const bound = (part: number) => Math.floor((part * items.length) / parts)
  return Array.from({ length: parts }, (_, part) => items.slice(bound(part), bound(part + 1)))
}

function concat(places: readonly number[], dealt: Uint32Array, shards: readonly Uint32Array[]): Uint32Array {
  const dealtShards = places.map((place) => shards[dealt[place] ?? 0] ?? new Uint32Array())
  return joined(dealtShards, (length) => new Uint32Array(length))
}

function indices(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, index) => index)
}

function labelOf(labels: ArrayLike<number>, index: number): number {
  return labels[index] ?? 0
}

type Key = string | number

interface Group {
  readonly key: Key
  readonly members: number[]
}

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

/** Compares by code units, since a locale's order differs between machines. */
function compare(a: Key, b: Key): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : Number(a > b)
}
