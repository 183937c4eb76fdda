import { setTimeout } from 'node:timers/promises'
import { storeError } from '../errors.ts'
import type { NewDocument } from '../store.ts'
import { compareKeys } from '../store-rules.ts'
import { type Collection, ObjectId } from './bundled-driver.ts'
import type { MongodbConnection } from './connection.ts'
import { ownPrefix } from './connection.ts'
import { type DocumentRecord, documentRecord } from './document-record.ts'
import { insertMany, isCreated, requests } from './driver.ts'

/** Most ids in one request. */
const mostIds = 1000

export interface InsertionPlace {
  readonly connection: MongodbConnection
  readonly batches: Batches
  /** Gives the collection of the database for a collection of the store. */
  records(collection: string): Collection<DocumentRecord>
}

/** Documents of one collection within a batch. */
interface Members {
  /** Name of the collection in the store. */
  readonly name: string
  readonly records: Collection<DocumentRecord>
  readonly documents: readonly DocumentRecord[]
}

/** Inserts one document, which needs no batch. */
export async function insertOne(place: InsertionPlace, { collection: name, id, fields }: NewDocument): Promise<void> {
  const { connection } = place
  const records = place.records(name)
  const _write = new ObjectId()
  const record = documentRecord(name, id, 1, fields, { _write })
  await connection.attempt(async (uncertain) => {
    while (!(await isCreated(records.insertOne(record)))) {
      const present = await records.findOne({ _id: id })
      if (present?._write.equals(_write)) return
      if (uncertain && present && present._version > 1) throw connection.unknown(`${name}/${id}`)
      if (await isTaken(place, records, id)) throw storeError('STORE_EXISTS', { collection: name, id })
    }
  })
}

/** Inserts documents, all or none. */
export async function insertTogether(place: InsertionPlace, documents: readonly NewDocument[]): Promise<void> {
  const { connection, batches } = place
  const groups = groupsOf(place, documents, new ObjectId())
  for (;;) {
    const batch = new ObjectId()
    await batches.open(
      batch,
      groups.map(({ records }) => records.collectionName),
    )
    const taken = await insertGroups(place, batch, groups)
    const isCommitted = taken === undefined && (await batches.commit(batch))
    // The state of the batch decides whether the documents are there. `sweep` repeats a failed end.
    const finished = finish(place, batch, groups, isCommitted).catch(() => {})
    if (isCommitted) return batches.finishLater(connection.track(finished))
    await finished
    if (taken) throw storeError('STORE_EXISTS', { collection: taken.name, id: taken.id })
  }
}

/** Sorts documents by collection and id: of two calls that insert the same ids one waits for the other, and never each for each. */
function groupsOf(place: InsertionPlace, documents: readonly NewDocument[], _write: ObjectId): Members[] {
  const names = [...new Set(documents.map(({ collection }) => collection))].toSorted(compareKeys)
  return names.map((name) => ({
    name,
    records: place.records(name),
    documents: documents
      .filter(({ collection }) => collection === name)
      .map(({ id, fields }) => documentRecord(name, id, 1, fields, { _write, _batch: _write }))
      .toSorted((a, b) => compareKeys(a._id, b._id)),
  }))
}

/** Writes the members of a batch. Returns the first taken id, if there is one. */
async function insertGroups(
  place: InsertionPlace,
  _batch: ObjectId,
  groups: readonly Members[],
): Promise<{ readonly name: string; readonly id: string } | undefined> {
  for (const { name, records, documents } of groups) {
    const members = documents.map((document) => ({ ...document, _batch }))
    const id = await insertMembers(place, records, _batch, members)
    if (id !== undefined) return { name, id }
  }
  return undefined
}

async function insertMembers(
  place: InsertionPlace,
  records: Collection<DocumentRecord>,
  batch: ObjectId,
  members: readonly DocumentRecord[],
): Promise<string | undefined> {
  const { connection } = place
  for (const request of requests(members)) {
    let left = request
    const taken = await connection.attempt(async () => {
      while (left.length > 0) {
        const [duplicate] = await insertMany(connection.database, records.collectionName, left, { ordered: true })
        if (duplicate === undefined) break
        left = left.slice(duplicate)
        const id = left[0]?._id ?? ''
        const present = await records.findOne({ _id: id })
        if (present?._batch?.equals(batch)) left = left.slice(1)
        else if (await isTaken(place, records, id)) return id
      }
      return undefined
    })
    if (taken !== undefined) return taken
  }
  return undefined
}

/** Says whether a visible document has the id. Waits for an open batch that holds the id, and removes a document of an aborted batch. */
async function isTaken({ batches }: InsertionPlace, records: Collection<DocumentRecord>, id: string): Promise<boolean> {
  const present = await records.findOne({ _id: id })
  if (!present?._batch) return present !== null
  await batches.settle(present._batch)
  const visible = await batches.visible(() => records.findOne({ _id: id }))
  if (!visible) await records.deleteOne({ _id: id, _batch: present._batch })
  return visible !== null
}

async function finish(
  { connection, batches }: InsertionPlace,
  _batch: ObjectId,
  groups: readonly Members[],
  isCommitted: boolean,
): Promise<void> {
  const finishing = groups.flatMap(({ records, documents }) =>
    idLists(documents).map((ids) => {
      const own = { _id: { $in: ids }, _batch }
      return connection.attempt<unknown>(() =>
        isCommitted ? records.updateMany(own, { $unset: { _batch: '' } }) : records.deleteMany(own),
      )
    }),
  )
  await Promise.all(finishing)
  await batches.forget(_batch)
}

/** Lists the ids of documents, each list short enough for a request: an id has 500 bytes at most. */
function idLists(documents: readonly DocumentRecord[]): string[][] {
  const lists: string[][] = []
  for (let from = 0; from < documents.length; from += mostIds)
    lists.push(documents.slice(from, from + mostIds).map(({ _id }) => _id))
  return lists
}

interface Batch {
  readonly _id: ObjectId
  /** Names of the batch's collections in the database. */
  readonly collections?: readonly string[]
  /** Name of the only collection, as an earlier version wrote it. */
  readonly collection?: string
  readonly state: 'open' | 'committed' | 'aborted'
  readonly since: Date
}

/** Limit on the time that an open batch holds up another insertion of one of its ids. */
const patienceMs = 3000
const lookAgainMs = 20
/** Most committed batches whose members still carry the number of the batch. */
const mostFinishing = 32
/** Age after which an open batch counts as cut off. */
const cutOffAfterMs = 10 * 60 * 1000

/**
 * Inserts several documents, all or none, without transactions. Members carry the number of their batch, and become visible in
 * the instant in which the one document of the batch becomes committed.
 */
export class Batches {
  readonly #connection: MongodbConnection
  readonly #batches: Collection<Batch>
  readonly #finishing = new Set<Promise<void>>()

  constructor(connection: MongodbConnection) {
    this.#connection = connection
    this.#batches = connection.database.collection<Batch>(`${ownPrefix}batches`)
  }

  async open(_id: ObjectId, collections: readonly string[]): Promise<void> {
    const batch: Batch = { _id, collections, state: 'open', since: new Date() }
    await this.#connection.attempt(() => this.#batches.updateOne({ _id }, { $setOnInsert: batch }, { upsert: true }))
  }

  /** Commits a batch; false if another writer has given the batch up. */
  commit(_id: ObjectId): Promise<boolean> {
    return this.#connection.attempt(async (uncertain) => {
      const { matchedCount } = await this.#batches.updateOne({ _id, state: 'open' }, { $set: { state: 'committed' } })
      return matchedCount > 0 || (uncertain && (await this.#batches.findOne({ _id }))?.state === 'committed')
    })
  }

  /** Lets the end of a committed batch run on; waits only when many ends are running. */
  async finishLater(finishing: Promise<void>): Promise<void> {
    const finished = finishing.then(() => void this.#finishing.delete(finished))
    this.#finishing.add(finished)
    if (this.#finishing.size > mostFinishing) await Promise.race(this.#finishing)
  }

  async forget(_id: ObjectId): Promise<void> {
    await this.#connection.attempt(() => this.#batches.deleteOne({ _id }))
  }

  /** Returns the document that `find` gives, or null if its batch isn't committed. `found` is a document that `find` gave just now. */
  async visible(find: () => Promise<DocumentRecord | null>, found?: DocumentRecord): Promise<DocumentRecord | null> {
    const member = found ?? (await find())
    if (!member?._batch) return member
    const batch = await this.#batches.findOne({ _id: member._batch })
    if (batch) return batch.state === 'committed' ? member : null
    // The batch is forgotten, so the document has lost its number by now, or is left over from an aborted batch.
    const again = await find()
    if (again?._batch && !again._batch.equals(member._batch)) return this.visible(find)
    return again?._batch ? null : again
  }

  /** Waits while a batch is open, and aborts a batch that stays open too long: its writer may have been killed. */
  async settle(_id: ObjectId): Promise<void> {
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookAgainMs) {
      if ((await this.#batches.findOne({ _id }))?.state !== 'open') return
      await setTimeout(lookAgainMs)
    }
    await this.#batches.updateOne({ _id, state: 'open' }, { $set: { state: 'aborted' } })
  }

  /** Finishes batches that were cut off. */
  async sweep(): Promise<void> {
    const before = new Date(Date.now() - cutOffAfterMs)
    for (const batch of await this.#batches.find({ since: { $lt: before } }).toArray()) {
      const { _id, collection, collections = [collection ?? ''] } = batch
      await this.#batches.updateOne({ _id, state: 'open' }, { $set: { state: 'aborted' } })
      const isCommitted = (await this.#batches.findOne({ _id }))?.state === 'committed'
      for (const name of collections) {
        const members = this.#connection.database.collection<DocumentRecord>(name)
        if (isCommitted) await members.updateMany({ _batch: _id }, { $unset: { _batch: '' } })
        else await members.deleteMany({ _batch: _id })
      }
      await this.#batches.deleteOne({ _id })
    }
  }
}
