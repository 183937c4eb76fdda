import { resolve } from 'node:path'
import { storeError } from '../errors.ts'
import type { Documents, JournalEntry, Snapshot, Store } from '../store.ts'
import { checkKeys } from '../store-rules.ts'
import { below, type LmdbAccess, type LmdbRoot, openRoot, seal, unseal } from './database.ts'
import { checkFolder, claimFolder, folderError, takeOwnership } from './folder.ts'
import { GroupCommit } from './group-commit.ts'
import { LmdbBlobs } from './lmdb-blobs.ts'
import { LmdbDocuments } from './lmdb-documents.ts'

/**
 * Opens a store in one folder, by LMDB. A write is acknowledged when its transaction is committed and flushed: the write survives
 * SIGKILL of the process at any instant, and power loss as far as the disk keeps flushed data. Writes that come together share a
 * transaction; the flush holds up the thread. Values carry a checksum. Of all processes of the machine, one store at a time has
 * the folder.
 *
 * Throws STORE_FOREIGN, STORE_FORMAT, STORE_DAMAGED, STORE_IN_USE, STORE_LOCK, STORE_DENIED, STORE_FULL, STORE_LOST.
 */
export async function lmdbStore(path: string): Promise<Store> {
  const folder = resolve(path)
  let release: (() => void) | undefined
  let root: LmdbRoot | undefined
  try {
    await checkFolder(folder)
    release = takeOwnership(folder)
    await claimFolder(folder)
    root = openRoot(folder)
    return new LmdbStore(folder, root, release)
  } catch (error) {
    await root?.close()
    release?.()
    throw folderError(folder, error)
  }
}

class LmdbStore implements Store {
  readonly documents: Documents
  readonly #folder: string
  readonly #root: LmdbRoot
  readonly #release: () => void
  readonly #commits: GroupCommit
  readonly #blobs: LmdbBlobs
  #closing: Promise<void> | undefined

  constructor(folder: string, root: LmdbRoot, release: () => void) {
    this.#folder = folder
    this.#root = root
    this.#release = release
    this.#commits = new GroupCommit(root, folder)
    const access: LmdbAccess = {
      root,
      check: (...keys) => this.#check(...keys),
      write: (bytes, work) => this.#commits.write(bytes, work),
      unseal: (bytes) => unseal(folder, bytes),
      damaged: (found) => storeError('STORE_DAMAGED', { folder, found }),
    }
    this.documents = new LmdbDocuments(access)
    this.#blobs = new LmdbBlobs(access)
  }

  async load(key: string): Promise<Snapshot | undefined> {
    this.#check(key)
    const sealed = this.#root.getBinary(['snapshot', key])
    return sealed && unseal(this.#folder, sealed)
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    this.#check(key)
    const sealed = seal(expected + 1, bytes)
    await this.#commits.write(sealed.length, () => {
      const present = this.#versionAt(['snapshot', key])
      if (present !== expected) throw storeError('STORE_VERSION', { key, present, expected })
      this.#root.putSync(['snapshot', key], sealed)
    })
    return expected + 1
  }

  async remove(key: string): Promise<void> {
    this.#check(key)
    await this.#commits.write(0, () => {
      this.#root.removeSync(['snapshot', key])
      this.#root.removeSync(['journal-end', key])
      for (const entry of [...this.#root.getKeys(below('journal', key))]) this.#root.removeSync(entry)
    })
  }

  async append(key: string, bytes: Uint8Array, { expected }: { readonly expected?: number } = {}): Promise<number> {
    this.#check(key)
    const copy = Uint8Array.from(bytes)
    return this.#commits.write(copy.length, () => {
      const number = this.#versionAt(['journal-end', key]) + 1
      if (expected !== undefined && expected !== number)
        throw storeError('STORE_VERSION', { key, present: number, expected })
      this.#root.putSync(['journal', key, number], seal(number, copy))
      this.#root.putSync(['journal-end', key], seal(number, new Uint8Array()))
      return number
    })
  }

  async *read(key: string, { from = 1 }: { readonly from?: number } = {}): AsyncGenerator<JournalEntry> {
    this.#check(key)
    const { end } = below('journal', key)
    for (const { value } of [...this.#root.getRange({ start: ['journal', key, from], end })]) {
      const { version, bytes } = unseal(this.#folder, value)
      this.#check()
      yield { number: version, bytes }
    }
  }

  async truncate(key: string, upTo: number): Promise<void> {
    this.#check(key)
    await this.#commits.write(0, () => {
      for (const entry of [...this.#root.getKeys({ start: ['journal', key, 0], end: ['journal', key, upTo + 1] })])
        this.#root.removeSync(entry)
    })
  }

  putBlob(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    return this.#blobs.put(key, source)
  }

  async getBlob(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#blobs.get(key)
  }

  removeBlob(key: string): Promise<void> {
    return this.#blobs.remove(key)
  }

  async probe(): Promise<void> {
    this.#check()
    await this.#commits.probe(() => void this.#root.putSync(['probe'], seal(1, new Uint8Array())))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#commits.settled
    await this.#root.close()
    this.#release()
  }

  #versionAt(key: (string | number)[]): number {
    const sealed = this.#root.getBinary(key)
    return sealed ? unseal(this.#folder, sealed).version : 0
  }

  #check(...keys: readonly string[]): void {
    if (this.#closing) throw storeError('STORE_CLOSED')
    checkKeys(...keys)
  }
}
