import type { Documents, JournalEntry, Snapshot, Store } from '../store.ts'
import type { Collection } from './bundled-driver.ts'
import { connect, type MongodbConnection, ownPrefix } from './connection.ts'
import { Batches } from './document-insertion.ts'
import { isCreated } from './driver.ts'
import { Segments } from './journal-entries.ts'
import { Contents, type StateHead, stateHeads } from './key-state.ts'
import { MongodbBlobs } from './mongodb-blobs.ts'
import { MongodbDocuments } from './mongodb-documents.ts'
import { MongodbJournals } from './mongodb-journals.ts'
import { MongodbSnapshots } from './mongodb-snapshots.ts'

/**
 * A store in the database of MongoDB that the URL names. The database holds nothing but the store.
 *
 * - A write is acknowledged when a majority of the replica set has the write in its journal. An acknowledged write survives
 *   SIGKILL of this process and of the server, and the loss of machines as long as a majority stays.
 * - When the connection breaks, a call tries again for the URL's serverSelectionTimeoutMS (10 s), and finds out first whether
 *   an earlier attempt had its effect. Then STORE_UNREACHABLE refuses the call, and the effect of the call is unknown.
 * - Any number of processes may have the store open; no process locks out another. The version of `save` and `replace`, and
 *   the number that `append` expects, refuse a writer with outdated state: a fence needs nothing else.
 * - The server needs atomic updates of single documents and unique ids; no transactions, no change streams.
 */
export async function mongodbStore(url: string): Promise<Store> {
  const connection = await connect(url)
  const contents = new Contents(connection)
  const segments = new Segments(connection)
  const batches = new Batches(connection)
  const removals = new Removals(connection, contents, segments)
  try {
    await removals.sweep()
    await connection.attempt(() => batches.sweep())
  } catch (error) {
    await connection.end()
    throw error
  }
  return new MongodbStore(connection, {
    documents: new MongodbDocuments(connection, batches),
    snapshots: new MongodbSnapshots(connection, contents),
    journals: new MongodbJournals(connection, contents, segments),
    blobs: new MongodbBlobs(connection),
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
  readonly #connection: MongodbConnection
  readonly #parts: StoreParts
  #closing: Promise<void> | undefined

  constructor(connection: MongodbConnection, parts: StoreParts) {
    this.documents = parts.documents
    this.#connection = connection
    this.#parts = parts
  }

  async load(key: string): Promise<Snapshot | undefined> {
    this.#connection.check(key)
    return this.#parts.snapshots.load(key)
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    this.#connection.check(key)
    return this.#connection.track(this.#parts.snapshots.save(key, expected, Uint8Array.from(bytes)))
  }

  async remove(key: string): Promise<void> {
    this.#connection.check(key)
    const { journals, removals } = this.#parts
    await this.#connection.track(journals.exclusively(key, () => removals.remove(key)))
  }

  async append(key: string, bytes: Uint8Array, { expected }: { readonly expected?: number } = {}): Promise<number> {
    this.#connection.check(key)
    return this.#connection.track(this.#parts.journals.append(key, Uint8Array.from(bytes), expected))
  }

  async *read(key: string, { from = 1 }: { readonly from?: number } = {}): AsyncGenerator<JournalEntry> {
    this.#connection.check(key)
    for (const entry of await this.#parts.journals.read(key, from)) {
      this.#connection.check()
      yield entry
    }
  }

  async truncate(key: string, upTo: number): Promise<void> {
    this.#connection.check(key)
    await this.#connection.track(this.#parts.journals.truncate(key, upTo))
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
    this.#connection.check()
    const probes = this.#connection.database.collection<{ readonly _id: string }>(`${ownPrefix}probes`)
    await this.#connection.attempt(() =>
      probes.updateOne({ _id: 'probe' }, { $set: { at: new Date() } }, { upsert: true }),
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#connection.end()
    return this.#closing
  }
}

interface Removal {
  /** Life of the key that is removed. */
  readonly _id: string
  readonly key: string
  readonly since: Date
}

/** Age after which a begun removal counts as cut off. */
const cutOffAfterMs = 10 * 60 * 1000

/**
 * Removes keys. Snapshot and journal go in one instant, with the head; chunks and segments follow. A note is kept from before
 * the first step until after the last, so that a later sweep removes the remains of a killed process.
 */
class Removals {
  readonly #connection: MongodbConnection
  readonly #contents: Contents
  readonly #segments: Segments
  readonly #heads: Collection<StateHead>
  readonly #removals: Collection<Removal>

  constructor(connection: MongodbConnection, contents: Contents, segments: Segments) {
    this.#connection = connection
    this.#contents = contents
    this.#segments = segments
    this.#heads = stateHeads(connection)
    this.#removals = connection.database.collection<Removal>(`${ownPrefix}removals`)
  }

  async remove(key: string): Promise<void> {
    const head = await this.#connection.attempt(() => this.#heads.findOne({ _id: key }, { projection: { life: 1 } }))
    if (!head) return
    const { life } = head
    await this.#connection.attempt(() => isCreated(this.#removals.insertOne({ _id: life, key, since: new Date() })))
    await this.#connection.attempt(() => this.#heads.deleteOne({ _id: key, life }))
    // The key is removed already; a later sweep repeats a failed end.
    await this.#finish(life).catch(() => {})
  }

  /** Finishes removals that were cut off. */
  async sweep(): Promise<void> {
    const before = new Date(Date.now() - cutOffAfterMs)
    const found = await this.#connection.attempt(() => this.#removals.find({ since: { $lt: before } }).toArray())
    for (const { _id: life, key } of found) {
      const present = await this.#connection.attempt(() => this.#heads.findOne({ _id: key, life }))
      // The head is there, so the removal was never acknowledged.
      if (present) await this.#connection.attempt(() => this.#removals.deleteOne({ _id: life }))
      else await this.#finish(life)
    }
  }

  async #finish(life: string): Promise<void> {
    await this.#connection.attempt(() => this.#segments.removeLife(life))
    await this.#contents.parts.removeLife(life)
    await this.#connection.attempt(() => this.#removals.deleteOne({ _id: life }))
  }
}
