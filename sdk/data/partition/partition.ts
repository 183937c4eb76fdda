import { knownNames } from '../../../runtime/index.ts'
import { dirichlet } from '../../random/distributions.ts'
import type { RandomStream } from '../../random/random-stream.ts'
import { type Key, partsByKey } from './by-key.ts'
import { type DrawScheme, drawnParts, type ParsedDraws, parseDraws } from './draws.ts'
import { partitionError, tooFew } from './errors.ts'
import {
  checkClients,
  grouped,
  heapOf,
  indicesTo,
  type Labelled,
  labelTable,
  offsetsOf,
  type Parts,
  packedParts,
} from './parts.ts'

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
 * - `draw:…`: each client's examples are drawn with replacement, for any number of clients, see `DrawScheme`.
 */
export type PartitionScheme = 'iid' | 'shards' | 'key' | `dirichlet:${number}` | DrawScheme

export interface PartitionRequest {
  /** The class of each example. */
  readonly labels: ArrayLike<number>
  readonly clients: number
  /** The key of each example, for the scheme `key`. */
  readonly keys?: ArrayLike<Key>
  /** A PartitionScheme. Other strings are refused. */
  readonly scheme: string
  readonly random: RandomStream
}

/**
 * Each client's indices into the examples. Every example belongs to exactly one client, and every client has at least
 * one example, except with the schemes that draw. Makes an array for each client: `spread` doesn't.
 *
 * @throws DATA_SCHEME, DATA_DRAW, DATA_CLIENTS, DATA_TOO_FEW, DATA_KEYS
 */
export function partition({ labels, ...request }: PartitionRequest): Uint32Array[] {
  const examples = { count: labels.length, label: (index: number) => labels[index] ?? 0 }
  const parts = partsOf({ examples, ...request })
  return Array.from({ length: parts.clients }, (_, client) => parts.of(client))
}

/** As a PartitionRequest, where labels are read only if the scheme needs them. */
export interface PartsRequest extends Omit<PartitionRequest, 'labels'> {
  readonly examples: Labelled
}

/** As `partition`, in arrays that all clients share. */
export function partsOf({ examples, clients, keys = [], scheme, random }: PartsRequest): Parts {
  const parsed = parsePartitionScheme(scheme)
  const { count } = examples
  checkClients(clients)
  if (examples.unlabelled && isByLabel(parsed)) throw partitionError('DATA_UNLABELLED', { scheme })
  const expected = parsed.kind === 'shards' ? 2 * clients : parsed.kind === 'draw' ? 1 : clients
  if (count < expected) throw tooFew(scheme, 'example', { expected, clients, count })
  switch (parsed.kind) {
    case 'iid':
      return packedParts(random.shuffle(indicesTo(count)), equalOffsets(count, clients))
    case 'shards':
      return dealt(labelTable(examples).items, random.shuffle(indicesTo(2 * clients)))
    case 'key':
      if (keys.length !== count) throw partitionError('DATA_KEYS', { expected: count, came: keys.length })
      return partsByKey({ keys, clients })
    case 'dirichlet':
      return dirichletParts(examples, clients, parsed.alpha, random)
    case 'draw':
      return drawnParts(scheme, parsed, { examples, clients, random })
  }
}

function isByLabel(scheme: ParsedScheme): boolean {
  if (scheme.kind === 'draw') return scheme.spread.kind !== 'iid'
  return scheme.kind === 'shards' || scheme.kind === 'dirichlet'
}

type ParsedScheme =
  | ParsedDraws
  | { readonly kind: 'iid' | 'shards' | 'key' }
  | { readonly kind: 'dirichlet'; readonly alpha: number }

/** @throws DATA_SCHEME when the string is no PartitionScheme, DATA_DRAW for one that begins with `draw`. */
export function parsePartitionScheme(scheme: string): ParsedScheme {
  if (scheme === 'iid' || scheme === 'shards' || scheme === 'key') return { kind: scheme }
  if (/^draw(:|$)/.test(scheme)) return parseDraws(scheme)
  const digits = /^dirichlet:(\d*\.?\d+(?:e[-+]?\d+)?)$/i.exec(scheme)?.[1]
  const alpha = Number(digits)
  if (digits === undefined || !Number.isFinite(alpha) || alpha <= 0) {
    const known = knownNames(scheme.replace(/:.*/s, ''), ['iid', 'shards', 'key', 'dirichlet:α', 'draw:SIZES'])
    throw partitionError('DATA_SCHEME', { scheme, known })
  }
  return { kind: 'dirichlet', alpha }
}

/** Bounds of consecutive parts whose lengths differ by at most 1. */
function equalOffsets(count: number, parts: number): Uint32Array {
  const offsets = new Uint32Array(parts + 1)
  for (let part = 0; part <= parts; part++) offsets[part] = Math.floor((part * count) / parts)
  return offsets
}

/** Gives each client two of the equal shards of the items: those that lie at its two places of the order. */
function dealt(items: Uint32Array, order: Uint32Array): Parts {
  const bounds = equalOffsets(items.length, order.length)
  const offsets = new Uint32Array(order.length / 2 + 1)
  const indices = new Uint32Array(items.length)
  let next = 0
  for (let place = 0; place < order.length; place++) {
    const shard = order[place] ?? 0
    const part = items.subarray(bounds[shard], bounds[shard + 1])
    indices.set(part, next)
    next += part.length
    offsets[(place >> 1) + 1] = next
  }
  return packedParts(indices, offsets)
}

function dirichletParts(examples: Labelled, clients: number, alpha: number, random: RandomStream): Parts {
  const { labels, offsets, items } = labelTable(examples)
  const owners = new Uint32Array(items.length)
  for (let group = 0; group < labels.length; group++) {
    const from = offsets[group] ?? 0
    const members = random.shuffle(items.subarray(from, offsets[group + 1]))
    const shares = dirichlet(random, alpha, clients)
    let share = 0
    let start = 0
    for (let client = 0; client < clients; client++) {
      share += shares[client] ?? 0
      const end = client === clients - 1 ? members.length : Math.min(members.length, Math.round(share * members.length))
      if (end > start) owners.fill(client, from + start, from + end)
      start = end
    }
  }
  const parts = grouped(owners, clients, items)
  return withoutEmpty(parts.items, parts.offsets)
}

/** Gives each client without examples, in order, the last example of the client that then has the most. */
function withoutEmpty(items: Uint32Array, offsets: Uint32Array): Parts {
  const clients = offsets.length - 1
  const sizes = new Uint32Array(clients)
  for (let client = 0; client < clients; client++) sizes[client] = (offsets[client + 1] ?? 0) - (offsets[client] ?? 0)
  if (!sizes.includes(0)) return packedParts(items, offsets)

  const kept = sizes.slice()
  const largest = heapOf(clients, (a, b) => {
    const difference = (kept[a] ?? 0) - (kept[b] ?? 0)
    return difference > 0 || (difference === 0 && a < b)
  })
  /** By client without examples: the example that it's given. */
  const given = new Map<number, number>()
  for (let client = 0; client < clients; client++) {
    if (sizes[client] !== 0) continue
    const giver = largest.first()
    const left = (kept[giver] ?? 0) - 1
    given.set(client, items[(offsets[giver] ?? 0) + left] ?? 0)
    kept[giver] = left
    largest.firstChanged()
  }
  const indices = new Uint32Array(items.length)
  const bounds = offsetsOf(kept.map((size, client) => (given.has(client) ? 1 : size)))
  for (let client = 0; client < clients; client++) {
    const from = offsets[client] ?? 0
    const own = given.get(client)
    if (own === undefined) indices.set(items.subarray(from, from + (kept[client] ?? 0)), bounds[client])
    else indices[bounds[client] ?? 0] = own
  }
  return packedParts(indices, bounds)
}
