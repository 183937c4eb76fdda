/*
 * The part of @noble/curves that private set intersection needs: the prime-order group ristretto255 (RFC 9496), and
 * hashing into it (RFC 9380). The build replaces this module by a bundle with that part in it (scripts/bundles.js).
 */
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'

export interface GroupElement {
  /** The element, `scalar` times: a number from 1 and below the group's order. */
  multiply(scalar: bigint): GroupElement
  /** The one encoding of the element, in 32 bytes. */
  toBytes(): Uint8Array
  is0(): boolean
}

export const groupOrder: bigint = ristretto255.Point.Fn.ORDER

/** The element to which a message hashes, whose logarithm nobody knows. */
export const hashToGroup: (message: Uint8Array, domain: string) => GroupElement = (message, DST) =>
  ristretto255_hasher.hashToCurve(message, { DST })

/** Throws for bytes that are the encoding of no element. */
export const elementOf: (bytes: Uint8Array) => GroupElement = (bytes) => ristretto255.Point.fromBytes(bytes)
