import type { Documents, Store } from '../store.ts'
import { rechunked } from '../store-rules.ts'
import { Database, settled } from './database.ts'
import { IndexedDbDocuments } from './indexeddb-documents.ts'
import { IndexedDbSnapshots } from './indexeddb-durable.ts'

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

class IndexedDbStore extends IndexedDbSnapshots implements Store {
  readonly documents: Documents
  readonly #database: Database

  constructor(database: Database) {
    super(database)
    this.#database = database
    this.documents = new IndexedDbDocuments(database)
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
}

async function* chunksOf(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += chunkBytes)
    yield new Uint8Array(await blob.slice(at, at + chunkBytes).arrayBuffer())
}
