/**
 * The part of @noble/ciphers that secret streams need. The build replaces this module by a bundle with that part in it
 * (scripts/bundles.js), a tenth of the package.
 */
import { xchacha20 as cipher } from '@noble/ciphers/chacha.js'

/** XORs data with the key stream of a key (32 bytes) and a nonce (24 bytes) from a block of 64 bytes on. */
export const xchacha20: (
  key: Uint8Array,
  nonce: Uint8Array,
  data: Uint8Array,
  output: undefined,
  counter: number,
) => Uint8Array = cipher
