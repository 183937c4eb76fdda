import { crc32 } from 'node:zlib'
import { open, type RootDatabase } from 'lmdb'
import { storeError } from '../errors.ts'
import type { Snapshot } from '../store.ts'

/** An open database, as the parts of a store share it. */
export interface LmdbAccess {
  readonly root: LmdbRoot
  /** Throws STORE_CLOSED after the store was closed, and STORE_KEY for a bad key. */
  check(...keys: readonly string[]): void
  /** Does work that writes `bytes` bytes in a transaction; resolves once the transaction is flushed. The work throws coded errors before it writes. */
  write<Result>(bytes: number, work: () => Result): Promise<Result>
  unseal(sealed: Uint8Array): Snapshot
  damaged(found: string): Error
}

/**
 * Keys of the one database: a word for the kind, then names and numbers. Byte arrays occur only in the bounds of
 * ranges.
 */
export type LmdbKey = (string | number | Uint8Array)[]
export type LmdbRoot = RootDatabase<Uint8Array, LmdbKey>

/** Sorts after all strings and numbers. */
const last = Uint8Array.of(0xff)

/** Opens the database. Each commit is flushed before the next is made, so that the file is whole after power loss too. */
export function openRoot(folder: string): LmdbRoot {
  return open<Uint8Array, LmdbKey>({
    path: folder,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'ordered-binary',
    overlappingSync: false,
    maxReaders: 16,
  })
}

/** Makes the range of keys that begin with these parts. */
export function below(...prefix: LmdbKey): { readonly start: LmdbKey; readonly end: LmdbKey } {
  return { start: prefix, end: [...prefix, last] }
}

/** Version (8 bytes) and checksum (4 bytes) before the bytes. */
const headBytes = 12

/** Puts a version, and a checksum of version and bytes, before the bytes. */
export function seal(version: number, bytes: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(headBytes + bytes.length)
  const head = new DataView(sealed.buffer)
  head.setFloat64(0, version, true)
  sealed.set(bytes, headBytes)
  head.setUint32(8, checksum(sealed), true)
  return sealed
}

/** Opens a value that `seal` made; the bytes are a copy. STORE_DAMAGED if a bit has changed. */
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
