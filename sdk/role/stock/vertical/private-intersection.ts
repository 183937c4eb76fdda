import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { RandomStream } from '../../../random/random-stream.ts'
import { entityBytes } from './alignment.ts'
import { elementOf, type GroupElement, groupOrder, hashToGroup } from './bundled-curve.ts'
import { partyError } from './party-errors.ts'

/** Separates these hashes from those of other protocols (RFC 9380, section 3.1). */
const domain = 'flame-fl-psi-v1-ristretto255_XMD:SHA-512_R255MAP_RO_'

/** Elements after which other work has its turn: each takes about a millisecond. */
const turn = 16

/** Lets other work of this process have its turn. */
export type Pause = () => Promise<void>

/** A party's exponent. From a secret stream, so that an exchange that is repeated has the same values. */
export function drawExponent(secret: RandomStream): bigint {
  // 512 bits: their remainder is uniform to within 2⁻²⁵⁸.
  let value = 0n
  for (let word = 0; word < 16; word++) value = (value << 32n) | BigInt(secret.uint32())
  return 1n + (value % (groupOrder - 1n))
}

/** The order in which a party presents its entities, which tells nothing. From a secret stream, as the exponent. */
export function drawOrder(count: number, secret: RandomStream): Uint32Array {
  return secret.shuffle(Uint32Array.from({ length: count }, (_, index) => index))
}

/**
 * Private set intersection by Diffie–Hellman, step 1 for a party: H(id)^exponent of each id, in a drawn order. A
 * party without the exponent can't tell the values from random elements.
 *
 * @see Huberman, Franklin, Hogg, Enhancing privacy and trust in electronic communities, EC 1999, section 3.
 */
export function blindedEntities(
  ids: readonly string[],
  order: Uint32Array,
  exponent: bigint,
  pause: Pause,
): Promise<Uint8Array> {
  return raised(order.length, exponent, pause, (index) =>
    hashToGroup(utf8ToBytes(ids[order[index] ?? 0] ?? ''), domain),
  )
}

/**
 * Step 2: the other party's values to the power of the exponent, in their order. Commutative: H(id)^(a·b) is equal where
 * the ids are.
 *
 * @throws ROLE_PARTY_VALUES where `end` has sent bytes that are no element, or the neutral element.
 */
export function raisedEntities(entities: Uint8Array, exponent: bigint, end: string, pause: Pause): Promise<Uint8Array> {
  return raised(entities.length / entityBytes, exponent, pause, (index) => {
    const element = decoded(entities.subarray(index * entityBytes, (index + 1) * entityBytes))
    if (element && !element.is0()) return element
    throw partyError('ROLE_PARTY_VALUES', { end, fault: `no element of the group, as entity ${index}` })
  })
}

function decoded(bytes: Uint8Array): GroupElement | undefined {
  try {
    return elementOf(bytes)
  } catch {
    return undefined
  }
}

async function raised(
  count: number,
  exponent: bigint,
  pause: Pause,
  elementAt: (index: number) => GroupElement,
): Promise<Uint8Array> {
  const values = new Uint8Array(count * entityBytes)
  for (let index = 0; index < count; index++) {
    values.set(elementAt(index).multiply(exponent).toBytes(), index * entityBytes)
    if (index % turn === turn - 1) await pause()
  }
  return values
}
