import { storeError } from '../errors.ts'
import type { Documents, JournalEntry, Snapshot, Store } from '../store.ts'
import { rechunked } from '../store-rules.ts'
import { Database, settled } from './database.ts'
import { IndexedDbDocuments } from './indexeddb-documents.ts'

/**
 * Opens a store in a database of the browser, in a page or in a worker. A write is acknowledged when the browser has flushed its
 * transaction: the write survives the end of the page and of the browser at any instant, and power loss as far as the disk keeps
 * flushed data. A browser may remove the data of a site that is short of space, unless the site asks it not to
 * (`navigator.storage.persist()`). Several pages may have the same database open.
 *
 * @throws STORE_FORMAT, STORE_DENIED, STORE_FULL, STORE_LOST.
 */
export async function indexedDbStore(name: string): Promise<Store> {
  return new IndexedDbStore(await Database.open(name))
}

/** Size of the parts in which a blob is given. */
const chunkBytes = 256 * 1024

class IndexedDbStore implements Store {
  readonly documents: Documents
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
    this.documents = new IndexedDbDocuments(database)
  }

  async load(key: string): Promise<Snapshot | undefined> {
    this.#database.check(key)
    return this.#database.read(['snapshots'], (tables) => snapshotOf(tables('snapshots'), key))
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    this.#database.check(key)
    const snapshot: Snapshot = { version: expected + 1, bytes: Uint8Array.from(bytes) }
    return this.#database.write(['snapshots'], async (tables) => {
      const snapshots = tables('snapshots')
      const present = (await snapshotOf(snapshots, key))?.version ?? 0
      if (present !== expected) throw storeError('STORE_VERSION', { key, present, expected })
      snapshots.put(snapshot, key)
      return snapshot.version
    })
  }

  async remove(key: string): Promise<void> {
    this.#database.check(key)
    await this.#database.write(['snapshots', 'journals', 'entries'], async (tables) => {
      tables('snapshots').delete(key)
      tables('journals').delete(key)
      tables('entries').delete(entriesOf(key, 1))
    })
  }

  async append(key: string, bytes: Uint8Array, { expected }: { readonly expected?: number } = {}): Promise<number> {
    this.#database.check(key)
    const copy = Uint8Array.from(bytes)
    return this.#database.write(['journals', 'entries'], async (tables) => {
      const next: unknown = await settled(tables('journals').get(key))
      const number = typeof next === 'number' ? next : 1
      if (expected !== undefined && expected !== number)
        throw storeError('STORE_VERSION', { key, present: number, expected })
      tables('entries').put(copy, [key, number])
      tables('journals').put(number + 1, key)
      return number
    })
  }

  async *read(key: string, { from = 1 }: { readonly from?: number } = {}): AsyncGenerator<JournalEntry> {
    this.#database.check(key)
    const entries = await this.#database.read(['entries'], async (tables) => {
      const range = entriesOf(key, from)
      const [keys, values] = [settled(tables('entries').getAllKeys(range)), settled(tables('entries').getAll(range))]
      const numbers = await keys
      const found: unknown[] = await values
      return found.flatMap((bytes, index) => {
        const [, number]: readonly unknown[] = Object(numbers[index])
        return bytes instanceof Uint8Array && typeof number === 'number' ? [{ number, bytes }] : []
      })
    })
    for (const entry of entries) {
      this.#database.check()
      yield entry
    }
  }

  async truncate(key: string, upTo: number): Promise<void> {
    this.#database.check(key)
    if (upTo < 1) return
    await this.#database.write(['entries'], async (tables) => {
      tables('entries').delete(IDBKeyRange.bound([key, 1], [key, upTo]))
    })
  }

  async putBlob(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    this.#database.check(key)
    const parts: Blob[] = []
    for await (const chunk of rechunked(source)) parts.push(new Blob([Uint8Array.from(chunk)]))
    await this.#database.write(['blobs'], async (tables) => void tables('blobs').put(new Blob(parts), key))
  }

  /** The browser keeps the bytes of a blob that was replaced or removed as long as a reader has it. */
  async getBlob(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#database.check(key)
    const found = await this.#database.read(['blobs'], (tables) => settled<unknown>(tables('blobs').get(key)))
    return found instanceof Blob ? chunksOf(found) : undefined
  }

  async removeBlob(key: string): Promise<void> {
    this.#database.check(key)
    await this.#database.write(['blobs'], async (tables) => void tables('blobs').delete(key))
  }

  async probe(): Promise<void> {
    // No journal has this key.
    await this.#database.write(['journals'], async (tables) => void tables('journals').put(1, ''))
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

async function snapshotOf(snapshots: IDBObjectStore, key: string): Promise<Snapshot | undefined> {
  const { version, bytes } = Object(await settled<unknown>(snapshots.get(key)))
  return typeof version === 'number' && bytes instanceof Uint8Array ? { version, bytes } : undefined
}

/** The entries of a journal from a number on: every number is smaller than an array. */
function entriesOf(key: string, from: number): IDBKeyRange {
  return IDBKeyRange.bound([key, from], [key, []])
}

async function* chunksOf(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += chunkBytes)
    yield new Uint8Array(await blob.slice(at, at + chunkBytes).arrayBuffer())
}
