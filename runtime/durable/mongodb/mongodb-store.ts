import type { Documents, JournalEntry, Snapshot, Store } from '../store.ts'
import { MongodbAccess } from './access.ts'
import { Batches } from './batches.ts'
import { type Connection, connect } from './connection.ts'
import { Contents } from './contents.ts'
import { MongodbBlobs } from './mongodb-blobs.ts'
import { MongodbDocuments } from './mongodb-documents.ts'
import { MongodbJournals } from './mongodb-journals.ts'
import { MongodbSnapshots } from './mongodb-snapshots.ts'
import { ownPrefix } from './names.ts'
import { Removals } from './removals.ts'
import { Segments } from './segments.ts'

/**
 * A store in the database of MongoDB that the URL names; the database is the store's alone.
 *
 * - A write is acknowledged when a majority of the replica set has it in its journal: it survives SIGKILL of this process and
 *   of the server, and the loss of machines as long as a majority stays.
 * - When the connection breaks, a call tries again for as long as the URL's serverSelectionTimeoutMS (10 s); it finds out first
 *   whether it had its effect already. After that it's refused by STORE_UNREACHABLE, and whether it was written is unknown.
 * - Any number of processes may have the store open. Nobody is locked out: who writes from an outdated state is refused by the
 *   version of `save` and `replace`, or by the number that `append` expects, and that is all that a fence needs.
 * - Of the server it needs updates of single documents that are atomic, and unique ids; no transactions, no change streams.
 */
export async function mongodbStore(url: string): Promise<Store> {
  const connection = await connect(url)
  const access = new MongodbAccess(connection.database, connection.url)
  const contents = new Contents(access)
  const segments = new Segments(access)
  const batches = new Batches(access)
  const removals = new Removals(access, contents, segments)
  try {
    await removals.sweep()
    await access.attempt(() => batches.sweep())
  } catch (error) {
    await connection.client.close()
    throw error
  }
  return new MongodbStore(connection, access, {
    documents: new MongodbDocuments(access, batches),
    snapshots: new MongodbSnapshots(access, contents),
    journals: new MongodbJournals(access, contents, segments),
    blobs: new MongodbBlobs(access),
    removals,
  })
}

interface StoreParts {
  readonly documents: Documents
  readonly snapshots: MongodbSnapshots
  readonly journals: MongodbJournals
  readonly blobs: MongodbBlobs
  readonly removals: Removals
}

class MongodbStore implements Store {
  readonly documents: Documents
  readonly #client: Connection['client']
  readonly #access: MongodbAccess
  readonly #parts: StoreParts
  #closing: Promise<void> | undefined

  constructor({ client }: Connection, access: MongodbAccess, parts: StoreParts) {
    this.documents = parts.documents
    this.#client = client
    this.#access = access
    this.#parts = parts
  }

  async load(key: string): Promise<Snapshot | undefined> {
    this.#access.check(key)
    return this.#parts.snapshots.load(key)
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    this.#access.check(key)
    return this.#access.track(this.#parts.snapshots.save(key, expected, Uint8Array.from(bytes)))
  }

  async remove(key: string): Promise<void> {
    this.#access.check(key)
    const { journals, removals } = this.#parts
    await this.#access.track(journals.exclusively(key, () => removals.remove(key)))
  }

  async append(key: string, bytes: Uint8Array, { expected }: { readonly expected?: number } = {}): Promise<number> {
    this.#access.check(key)
    return this.#access.track(this.#parts.journals.append(key, Uint8Array.from(bytes), expected))
  }

  async *read(key: string, { from = 1 }: { readonly from?: number } = {}): AsyncGenerator<JournalEntry> {
    this.#access.check(key)
    for (const entry of await this.#parts.journals.read(key, from)) {
      this.#access.check()
      yield entry
    }
  }

  async truncate(key: string, upTo: number): Promise<void> {
    this.#access.check(key)
    await this.#access.track(this.#parts.journals.truncate(key, upTo))
  }

  putBlob(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    return this.#parts.blobs.put(key, source)
  }

  getBlob(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#parts.blobs.get(key)
  }

  removeBlob(key: string): Promise<void> {
    return this.#parts.blobs.remove(key)
  }

  async probe(): Promise<void> {
    this.#access.check()
    const probes = this.#access.database.collection<{ readonly _id: string }>(`${ownPrefix}probes`)
    await this.#access.attempt(() => probes.updateOne({ _id: 'probe' }, { $set: { at: new Date() } }, { upsert: true }))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#access.end()
    await this.#client.close()
  }
}
