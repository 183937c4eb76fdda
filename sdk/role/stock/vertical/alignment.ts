import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { partyError } from './party-errors.ts'

/** Bytes of a presented entity: a keyed hash, or an element of a group. */
export const entityBytes = 32

/** A party's entities as it presents them to another. */
export interface Presented {
  /** For each presented entity, the index of the party's own example. */
  readonly order: Uint32Array
  /** The entities in this order, 32 bytes each. */
  readonly entities: Uint8Array
}

/** The rows of a party for the common entities, in the order that all parties share. */
export interface CommonRows {
  /** Indices of the party's own examples. */
  readonly rows: Uint32Array
  /** SHA-256, in hexadecimal, of the ordered entities: equal at all parties. */
  readonly digest: string
}

/** @throws ROLE_IDS_TWICE with the number of ids that occur more than once. */
export function requireUnique(end: string, ids: readonly string[]): void {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const id of ids) (seen.has(id) ? twice : seen).add(id)
  if (twice.size > 0) throw partyError('ROLE_IDS_TWICE', { end, count: twice.size, first: [...twice][0] })
}

/** The ids as HMAC-SHA-256 under a key that the parties share, sorted, so that their order tells nothing. */
export function hashedEntities(key: Uint8Array, ids: readonly string[]): Presented {
  const hashes = ids.map((id) => hmac(sha256, key, utf8ToBytes(id)))
  const names = hashes.map(bytesToHex)
  const order = Uint32Array.from(ids.keys()).toSorted((a, b) => ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1))
  const entities = new Uint8Array(ids.length * entityBytes)
  for (const [place, index] of order.entries()) entities.set(hashes[index] ?? [], place * entityBytes)
  return { order, entities }
}

/** The presented entities by themselves. */
export function entitiesOf(entities: Uint8Array): readonly string[] {
  return Array.from({ length: entities.length / entityBytes }, (_, index) =>
    bytesToHex(entities.subarray(index * entityBytes, (index + 1) * entityBytes)),
  )
}

/**
 * For each of these entities its position among others, or undefined.
 *
 * @throws ROLE_PARTY_VALUES where the others, from `end`, have an entity twice.
 */
export function positionsIn(
  entities: readonly string[],
  others: readonly string[],
  end: string,
): (number | undefined)[] {
  const places = new Map(others.map((entity, index) => [entity, index]))
  if (places.size < others.length) throw partyError('ROLE_PARTY_VALUES', { end, fault: 'an entity twice' })
  return entities.map((entity) => places.get(entity))
}

/**
 * Orders common entities by the SHA-256 of job, line feed and id: the same at all parties, and related to nothing else.
 * `common`: indices of the party's own examples.
 */
export function commonRows(job: string, ids: readonly string[], common: Iterable<number>): CommonRows {
  const keyed = Array.from(common, (index) => {
    const digest = sha256(utf8ToBytes(`${job}\n${ids[index] ?? ''}`))
    return { index, digest, name: bytesToHex(digest) }
  }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const whole = sha256.create()
  for (const { digest } of keyed) whole.update(digest)
  return { rows: Uint32Array.from(keyed, ({ index }) => index), digest: bytesToHex(whole.digest()) }
}
