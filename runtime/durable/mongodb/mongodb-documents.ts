import { storeError } from '../errors.ts'
import type { DocumentFields, Documents, FindOptions, NewDocument, StoredDocument } from '../store.ts'
import { type KeyRange, rangeOf } from '../store-rules.ts'
import { type Collection, type Filter, type FindCursor, ObjectId } from './bundled-driver.ts'
import type { MongodbConnection } from './connection.ts'
import { type Batches, insertOne, insertTogether } from './document-insertion.ts'
import { collectionName, type DocumentRecord, documentRecord, storedDocument, topFieldName } from './document-record.ts'

/** Documents in one answer of the server. */
const pageSize = 250
/** Most ids in one request. */
const mostIds = 1000

/** Documents. Each collection is a collection of the database, each document a document of MongoDB with the fields at the top. */
export class MongodbDocuments implements Documents {
  readonly #connection: MongodbConnection
  readonly #batches: Batches
  readonly #indexes: EqualityIndexes

  constructor(connection: MongodbConnection, batches: Batches) {
    this.#connection = connection
    this.#batches = batches
    this.#indexes = new EqualityIndexes(connection)
  }

  async insert(collection: string, documents: readonly Omit<NewDocument, 'collection'>[]): Promise<void> {
    this.#connection.check(collection)
    await this.insertAll(documents.map((document) => ({ ...document, collection })))
  }

  async insertAll(documents: readonly NewDocument[]): Promise<void> {
    for (const { collection, id } of documents) this.#connection.check(collection, id)
    const seen = new Set<string>()
    for (const { collection, id } of documents) {
      const name = JSON.stringify([collection, id])
      if (seen.has(name)) throw storeError('STORE_EXISTS', { collection, id })
      seen.add(name)
    }
    const place = {
      connection: this.#connection,
      batches: this.#batches,
      records: (collection: string) => this.#records(collection),
    }
    const [first, ...others] = documents
    if (!first) return
    await this.#connection.track(others.length === 0 ? insertOne(place, first) : insertTogether(place, documents))
  }

  async get(collection: string, id: string): Promise<StoredDocument | undefined> {
    this.#connection.check(collection, id)
    const found = await this.#connection.attempt(() => this.#visible(this.#records(collection), id))
    return found ? storedDocument(found) : undefined
  }

  async replace(collection: string, id: string, expected: number, fields: DocumentFields): Promise<number> {
    this.#connection.check(collection, id)
    const records = this.#records(collection)
    const _write = new ObjectId()
    const record = documentRecord(collection, id, expected + 1, fields, { _write })
    await this.#connection.attempt(async (uncertain) => {
      for (;;) {
        const where = { _id: id, _version: expected, _batch: { $exists: false } }
        if ((await records.replaceOne(where, record)).matchedCount > 0) return
        const present = await this.#visible(records, id)
        if (present?._write.equals(_write)) return
        const version = present?._version ?? 0
        if (uncertain && version > expected + 1) throw this.#connection.unknown(`${collection}/${id}`)
        if (!present || version !== expected)
          throw storeError('STORE_VERSION', { key: `${collection}/${id}`, present: version, expected })
        await this.#release(records, present)
      }
    })
    return expected + 1
  }

  async remove(collection: string, id: string): Promise<boolean> {
    this.#connection.check(collection, id)
    const records = this.#records(collection)
    let wasThere = false
    return this.#connection.attempt(async (uncertain) => {
      for (;;) {
        const present = await this.#visible(records, id)
        if (!present) return uncertain && wasThere
        wasThere = true
        // The condition spares a later document of the same id, however late the request arrives.
        const { deletedCount } = await records.deleteOne({
          _id: id,
          _write: present._write,
          _version: present._version,
        })
        if (deletedCount > 0) return true
      }
    })
  }

  async removeAll(collection: string, ids: readonly string[]): Promise<void> {
    this.#connection.check(collection, ...ids)
    const records = this.#records(collection)
    for (let from = 0; from < ids.length; from += mostIds) {
      const some = { _id: { $in: ids.slice(from, from + mostIds) } }
      const present = await this.#connection.attempt(() =>
        records.find(some, { projection: { _id: 1, _write: 1, _batch: 1 } }).toArray(),
      )
      const whole = present.filter(({ _batch }) => _batch === undefined)
      // The condition spares later documents of the same ids, however late the request arrives.
      const these = {
        _id: { $in: whole.map(({ _id }) => _id) },
        _write: { $in: whole.map(({ _write }) => _write) },
        _batch: { $exists: false },
      }
      if (whole.length > 0) await this.#connection.attempt(() => records.deleteMany(these))
      // Documents that were inserted or replaced meanwhile are removed one by one.
      const left = await this.#connection.attempt(() => records.find(some, { projection: { _id: 1 } }).toArray())
      for (const { _id } of left) await this.remove(collection, _id)
    }
  }

  async *find(
    collection: string,
    { where = {}, limit = Number.POSITIVE_INFINITY, ...range }: FindOptions = {},
  ): AsyncGenerator<StoredDocument> {
    this.#connection.check(collection)
    const records = this.#records(collection)
    const conditions = Object.entries(where)
    await this.#indexes.ensure(records, Object.keys(where))
    const { after, until } = rangeOf(range)
    let seen = after
    let cursor: FindCursor<DocumentRecord> | undefined
    // After an interruption the reading goes on behind the last document that was seen.
    const next = async () => {
      cursor ??= records.find(filterOf(where, { after: seen, until }), {
        sort: { _id: 1 },
        batchSize: Math.min(pageSize, limit),
      })
      try {
        return await cursor.next()
      } catch (error) {
        cursor = undefined
        throw error
      }
    }
    try {
      for (let given = 0; given < limit; ) {
        this.#connection.check()
        const found = await this.#connection.attempt(next)
        if (!found) return
        seen = found._id
        const record = found._batch
          ? await this.#connection.attempt(() => this.#visible(records, found._id, found))
          : found
        const document = record && storedDocument(record)
        // MongoDB also finds documents whose list holds the value.
        if (!document || !conditions.every(([name, value]) => document.fields[name] === value)) continue
        given += 1
        this.#connection.check()
        yield document
      }
    } finally {
      await cursor?.close()
    }
  }

  #records(collection: string): Collection<DocumentRecord> {
    return this.#connection.database.collection<DocumentRecord>(collectionName(collection))
  }

  #visible(records: Collection<DocumentRecord>, id: string, found?: DocumentRecord): Promise<DocumentRecord | null> {
    return this.#batches.visible(() => records.findOne({ _id: id }), found)
  }

  /** Removes the number of a committed batch from a document. */
  async #release(records: Collection<DocumentRecord>, { _id, _batch }: DocumentRecord): Promise<void> {
    if (_batch) await records.updateOne({ _id, _batch }, { $unset: { _batch: '' } })
  }
}

function filterOf(where: NonNullable<FindOptions['where']>, { after, until }: KeyRange): Filter<DocumentRecord> {
  const conditions = Object.entries(where).map(([name, value]) => [
    topFieldName(name),
    value === null ? { $type: 'null' } : { $eq: value },
  ])
  const ids = { ...(after === undefined ? {} : { $gt: after }), ...(until === undefined ? {} : { $lt: until }) }
  return { ...Object.fromEntries(conditions), ...(Object.keys(ids).length === 0 ? {} : { _id: ids }) }
}

/** Most indexes of a collection. Each index costs at every write, and MongoDB allows 64. */
const mostOfCollection = 16

/** Indexes on fields. The first search by a field makes the field's index. */
class EqualityIndexes {
  readonly #connection: MongodbConnection
  readonly #made = new Map<string, Map<string, Promise<void>>>()

  constructor(connection: MongodbConnection) {
    this.#connection = connection
  }

  async ensure(records: Collection<DocumentRecord>, fields: readonly string[]): Promise<void> {
    const made = this.#made.get(records.collectionName) ?? new Map<string, Promise<void>>()
    this.#made.set(records.collectionName, made)
    for (const field of fields) {
      if (!made.has(field) && made.size < mostOfCollection) made.set(field, this.#make(records, field))
      await made.get(field)
    }
  }

  async #make(records: Collection<DocumentRecord>, field: string): Promise<void> {
    try {
      await this.#connection.attempt(() => records.createIndex({ [topFieldName(field)]: 1, _id: 1 }))
    } catch {
      // Without the right to create an index, queries scan the collection.
    }
  }
}
