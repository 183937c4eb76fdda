import { type Collection, type Filter, type FindCursor, ObjectId } from 'mongodb'
import { storeError } from '../errors.ts'
import { type KeyRange, rangeOf } from '../keys.ts'
import type { DocumentFields, Documents, FindOptions, NewDocument, StoredDocument } from '../store.ts'
import type { MongodbAccess } from './access.ts'
import type { Batches } from './batches.ts'
import { insertOne, insertTogether } from './document-insertion.ts'
import { type DocumentRecord, documentRecord, storedDocument } from './document-record.ts'
import { EqualityIndexes } from './equality-indexes.ts'
import { collectionName, topFieldName } from './names.ts'

/** Documents that the server gives at once. */
const pageSize = 250
/** Ids that one request names. */
const mostIds = 1000

/** Each collection is one of the database, each document one of MongoDB, with the fields at its top. */
export class MongodbDocuments implements Documents {
  readonly #access: MongodbAccess
  readonly #batches: Batches
  readonly #indexes: EqualityIndexes

  constructor(access: MongodbAccess, batches: Batches) {
    this.#access = access
    this.#batches = batches
    this.#indexes = new EqualityIndexes(access)
  }

  async insert(collection: string, documents: readonly Omit<NewDocument, 'collection'>[]): Promise<void> {
    this.#access.check(collection)
    await this.insertAll(documents.map((document) => ({ ...document, collection })))
  }

  async insertAll(documents: readonly NewDocument[]): Promise<void> {
    for (const { collection, id } of documents) this.#access.check(collection, id)
    const seen = new Set<string>()
    for (const { collection, id } of documents) {
      const name = JSON.stringify([collection, id])
      if (seen.has(name)) throw storeError('STORE_EXISTS', { collection, id })
      seen.add(name)
    }
    const place = {
      access: this.#access,
      batches: this.#batches,
      records: (collection: string) => this.#records(collection),
    }
    const [first, ...others] = documents
    if (!first) return
    await this.#access.track(others.length === 0 ? insertOne(place, first) : insertTogether(place, documents))
  }

  async get(collection: string, id: string): Promise<StoredDocument | undefined> {
    this.#access.check(collection, id)
    const found = await this.#access.attempt(() => this.#visible(this.#records(collection), id))
    return found ? storedDocument(found) : undefined
  }

  async replace(collection: string, id: string, expected: number, fields: DocumentFields): Promise<number> {
    this.#access.check(collection, id)
    const records = this.#records(collection)
    const _write = new ObjectId()
    const record = documentRecord(collection, id, expected + 1, fields, { _write })
    await this.#access.attempt(async (uncertain) => {
      for (;;) {
        const where = { _id: id, _version: expected, _batch: { $exists: false } }
        if ((await records.replaceOne(where, record)).matchedCount > 0) return
        const present = await this.#visible(records, id)
        if (present?._write.equals(_write)) return
        const version = present?._version ?? 0
        if (uncertain && version > expected + 1) throw this.#access.unknown(`${collection}/${id}`)
        if (!present || version !== expected)
          throw storeError('STORE_VERSION', { key: `${collection}/${id}`, present: version, expected })
        await this.#release(records, present)
      }
    })
    return expected + 1
  }

  async remove(collection: string, id: string): Promise<boolean> {
    this.#access.check(collection, id)
    const records = this.#records(collection)
    let wasThere = false
    return this.#access.attempt(async (uncertain) => {
      for (;;) {
        const present = await this.#visible(records, id)
        if (!present) return uncertain && wasThere
        wasThere = true
        // This document and no later one of the same id, however late the request arrives.
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
    this.#access.check(collection, ...ids)
    const records = this.#records(collection)
    for (let from = 0; from < ids.length; from += mostIds) {
      const some = { _id: { $in: ids.slice(from, from + mostIds) } }
      const present = await this.#access.attempt(() =>
        records.find(some, { projection: { _id: 1, _write: 1, _batch: 1 } }).toArray(),
      )
      const whole = present.filter(({ _batch }) => _batch === undefined)
      // These documents and no later ones of the same ids, however late the request arrives.
      const these = {
        _id: { $in: whole.map(({ _id }) => _id) },
        _write: { $in: whole.map(({ _write }) => _write) },
        _batch: { $exists: false },
      }
      if (whole.length > 0) await this.#access.attempt(() => records.deleteMany(these))
      // What was inserted or replaced just now is looked at by itself.
      const left = await this.#access.attempt(() => records.find(some, { projection: { _id: 1 } }).toArray())
      for (const { _id } of left) await this.remove(collection, _id)
    }
  }

  async *find(
    collection: string,
    { where = {}, limit = Number.POSITIVE_INFINITY, ...range }: FindOptions = {},
  ): AsyncGenerator<StoredDocument> {
    this.#access.check(collection)
    const records = this.#records(collection)
    const conditions = Object.entries(where)
    await this.#indexes.ensure(records, Object.keys(where))
    const { after, until } = rangeOf(range)
    let seen = after
    let cursor: FindCursor<DocumentRecord> | undefined
    // After an interruption it goes on behind the last document that was seen.
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
        this.#access.check()
        const found = await this.#access.attempt(next)
        if (!found) return
        seen = found._id
        const record = found._batch ? await this.#access.attempt(() => this.#visible(records, found._id, found)) : found
        const document = record && storedDocument(record)
        // MongoDB also finds the value within a list.
        if (!document || !conditions.every(([name, value]) => document.fields[name] === value)) continue
        given += 1
        this.#access.check()
        yield document
      }
    } finally {
      await cursor?.close()
    }
  }

  #records(collection: string): Collection<DocumentRecord> {
    return this.#access.database.collection<DocumentRecord>(collectionName(collection))
  }

  #visible(records: Collection<DocumentRecord>, id: string, found?: DocumentRecord): Promise<DocumentRecord | null> {
    return this.#batches.visible<DocumentRecord>(() => records.findOne({ _id: id }), found)
  }

  /** Takes the batch from a document that was inserted by one and committed. */
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
