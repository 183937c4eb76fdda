import { crc32 } from 'node:zlib'
import { storeError } from '../errors.ts'
import type { Snapshot } from '../store.ts'

/** Version (8 bytes) and checksum (4 bytes) before the bytes. */
const headBytes = 12

/** Puts a version and a checksum of everything before some bytes. */
export function seal(version: number, bytes: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(headBytes + bytes.length)
  const head = new DataView(sealed.buffer)
  head.setFloat64(0, version, true)
  sealed.set(bytes, headBytes)
  head.setUint32(8, checksum(sealed), true)
  return sealed
}

/** Opens what `seal` made; the bytes are a copy. STORE_DAMAGED if a bit has changed. */
export function unseal(folder: string, sealed: Uint8Array): Snapshot {
  const head = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (sealed.length < headBytes || head.getUint32(8, true) !== checksum(sealed)) {
    throw storeError('STORE_DAMAGED', { folder, found: 'a value does not agree with its checksum' })
  }
  return { version: head.getFloat64(0, true), bytes: Uint8Array.from(sealed.subarray(headBytes)) }
}

function checksum(sealed: Uint8Array): number {
  return crc32(sealed.subarray(headBytes), crc32(sealed.subarray(0, 8)))
}
