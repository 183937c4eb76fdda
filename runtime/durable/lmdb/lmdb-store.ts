import { open, type RootDatabase } from 'lmdb'
import { rechunked } from '../blob-chunks.ts'
import { storeError } from '../errors.ts'
import { checkKeys } from '../keys.ts'
import type { Documents, JournalEntry, Snapshot, Store } from '../store.ts'
import { folderError, prepareFolder } from './folder.ts'
import { LmdbDocuments } from './lmdb-documents.ts'
import { takeOwnership } from './owner.ts'
import { seal, unseal } from './sealed.ts'

/** Keys of everything in the one database: a letter for the kind, and what names it. */
export type LmdbKey = (string | number)[]
export type LmdbRoot = RootDatabase<Uint8Array, LmdbKey>

/**
 * A store in one folder, by LMDB. A write is acknowledged when its transaction is committed and flushed: it survives SIGKILL
 * of the process at any instant, and power loss as far as the disk keeps what it reported as written. Writes that come
 * together share a transaction. Values carry a checksum. One process at a time has the folder.
 */
export async function lmdbStore(folder: string): Promise<Store> {
  await prepareFolder(folder)
  const release = await takeOwnership(folder).catch((error: unknown) => {
    throw folderError(folder, error)
  })
  try {
    const root: LmdbRoot = open<Uint8Array, LmdbKey>({
      path: folder,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'ordered-binary',
      maxReaders: 16,
    })
    return new LmdbStore(folder, root, release)
  } catch (error) {
    await release()
    throw folderError(folder, error)
  }
}

class LmdbStore implements Store {
  readonly documents: Documents
  readonly #folder: string
  readonly #root: LmdbRoot
  readonly #release: () => Promise<void>
  #blobs = 0
  #closing: Promise<void> | undefined

  constructor(folder: string, root: LmdbRoot, release: () => Promise<void>) {
    this.#folder = folder
    this.#root = root
    this.#release = release
    this.documents = new LmdbDocuments({
      root,
      check: (...keys) => this.#check(...keys),
      write: (work) => this.#write(work),
      unseal: (bytes) => unseal(this.#folder, bytes),
    })
  }

  async load(key: string): Promise<Snapshot | undefined> {
    this.#check(key)
    const sealed = this.#root.getBinary(['snapshot', key])
    return sealed && unseal(this.#folder, sealed)
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    this.#check(key)
    const sealed = seal(expected + 1, bytes)
    await this.#write(() => {
      const found = this.#root.getBinary(['snapshot', key])
      const present = found ? unseal(this.#folder, found).version : 0
      if (present !== expected) throw storeError('STORE_VERSION', { key, present, expected })
      this.#root.putSync(['snapshot', key], sealed)
    })
    return expected + 1
  }

  async remove(key: string): Promise<void> {
    this.#check(key)
    await this.#write(() => {
      this.#root.removeSync(['snapshot', key])
      this.#root.removeSync(['journal-end', key])
      for (const entry of this.#keys(['journal', key])) this.#root.removeSync(entry)
    })
  }

  async append(key: string, bytes: Uint8Array): Promise<number> {
    this.#check(key)
    const copy = Uint8Array.from(bytes)
    return this.#write(() => {
      const end = this.#root.getBinary(['journal-end', key])
      const number = (end ? unseal(this.#folder, end).version : 0) + 1
      this.#root.putSync(['journal', key, number], seal(number, copy))
      this.#root.putSync(['journal-end', key], seal(number, new Uint8Array()))
      return number
    })
  }

  async *read(key: string, { from = 1 }: { readonly from?: number } = {}): AsyncGenerator<JournalEntry> {
    this.#check(key)
    const entries = [
      ...this.#root.getRange({ start: ['journal', key, from], end: ['journal', key, Number.MAX_SAFE_INTEGER] }),
    ]
    for (const { value } of entries) {
      const { version, bytes } = unseal(this.#folder, value)
      yield { number: version, bytes }
    }
  }

  async truncate(key: string, upTo: number): Promise<void> {
    this.#check(key)
    await this.#write(() => {
      for (const entry of [...this.#root.getKeys({ start: ['journal', key, 0], end: ['journal', key, upTo + 1] })])
        this.#root.removeSync(entry)
    })
  }

  /** Chunks are written under a new number first; the blob's own entry, which names it, is replaced last. */
  async putBlob(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    this.#check(key)
    const part = `${process.pid}-${Date.now()}-${this.#blobs++}`
    let chunks = 0
    for await (const chunk of rechunked(source)) {
      const number = chunks++
      await this.#write(() => void this.#root.putSync(['chunk', key, part, number], seal(number, chunk)))
    }
    await this.#write(() => {
      this.#root.putSync(['blob', key], seal(chunks, new TextEncoder().encode(part)))
      for (const chunk of this.#keys(['chunk', key])) if (chunk[2] !== part) this.#root.removeSync(chunk)
    })
  }

  async getBlob(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#check(key)
    const found = this.#root.getBinary(['blob', key])
    if (!found) return undefined
    const { version: chunks, bytes } = unseal(this.#folder, found)
    const part = new TextDecoder().decode(bytes)
    // Read at once, within this tick: a replacement takes the old chunks away.
    const sealed = Array.from({ length: chunks }, (_, number) => this.#root.getBinary(['chunk', key, part, number]))
    return this.#unsealed(sealed)
  }

  async removeBlob(key: string): Promise<void> {
    this.#check(key)
    await this.#write(() => {
      this.#root.removeSync(['blob', key])
      for (const chunk of this.#keys(['chunk', key])) this.#root.removeSync(chunk)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#root.flushed.then(() => this.#root.close()).then(() => this.#release())
    return this.#closing
  }

  async *#unsealed(sealed: readonly (Uint8Array | undefined)[]): AsyncGenerator<Uint8Array> {
    for (const chunk of sealed) {
      if (!chunk) throw storeError('STORE_DAMAGED', { folder: this.#folder, found: 'a chunk of a blob is missing' })
      yield unseal(this.#folder, chunk).bytes
    }
  }

  /** Keys that begin with these parts. */
  #keys(prefix: LmdbKey): LmdbKey[] {
    return [...this.#root.getKeys({ start: [...prefix], end: [...prefix, '\uffff'] })]
  }

  /** Runs in a transaction that it shares with what is written at the same time; resolves once that is flushed. */
  async #write<Result>(work: () => Result): Promise<Result> {
    try {
      const outcome = await this.#root.transaction(() => {
        try {
          return { result: work() }
        } catch (error) {
          // Thrown in here it would take the others' writes with it; `work` throws before it writes.
          return { error }
        }
      })
      if ('error' in outcome) throw outcome.error
      await this.#root.flushed
      return outcome.result
    } catch (error) {
      throw folderError(this.#folder, error)
    }
  }

  #check(...keys: readonly string[]): void {
    if (this.#closing) throw storeError('STORE_CLOSED')
    checkKeys(...keys)
  }
}
