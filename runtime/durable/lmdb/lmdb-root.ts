import { open, type RootDatabase } from 'lmdb'

/** Keys of everything in the one database: a word for the kind, and what names it. Bytes are only in the bounds of ranges. */
export type LmdbKey = (string | number | Uint8Array)[]
export type LmdbRoot = RootDatabase<Uint8Array, LmdbKey>

/** Sorts after all strings and numbers. */
const last = Uint8Array.of(0xff)

/** Each commit is flushed before the next is made, so that the file is whole after power loss too. */
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

/** The range of keys that begin with these parts. */
export function below(...prefix: LmdbKey): { readonly start: LmdbKey; readonly end: LmdbKey } {
  return { start: prefix, end: [...prefix, last] }
}
