import { storeError } from '../errors.ts'
import type { DocumentFields, Documents, FindOptions, NewDocument, StoredDocument } from '../store.ts'
import { compareKeys, copyFields, rangeOf } from '../store-rules.ts'
import { type Database, settled } from './database.ts'

/** A document as its record has it, with a text for each field that can be searched by. */
interface StoredRecord extends StoredDocument {
  readonly equal: readonly string[]
}

/** Documents that a search reads in one transaction. */
const pageSize = 100
const utf8 = new TextEncoder()

export class IndexedDbDocuments implements Documents {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async insert(collection: string, documents: readonly Omit<NewDocument, 'collection'>[]): Promise<void> {
    this.#database.check(collection)
    await this.insertAll(documents.map((document) => ({ ...document, collection })))
  }

  async insertAll(documents: readonly NewDocument[]): Promise<void> {
    for (const { collection, id } of documents) this.#database.check(collection, id)
    const added = documents.map(({ collection, id, fields }) => ({
      collection,
      id,
      record: recordOf(collection, id, 1, copyFields(fields)),
    }))
    await this.#database.write(['documents'], async (tables) => {
      for (const { collection, id, record } of added) {
        const key = keyOf(collection, id)
        if ((await settled(tables('documents').count(key))) > 0) throw storeError('STORE_EXISTS', { collection, id })
        tables('documents').put(record, key)
      }
    })
  }

  async get(collection: string, id: string): Promise<StoredDocument | undefined> {
    this.#database.check(collection, id)
    return this.#database.read(['documents'], (tables) => documentAt(tables('documents'), keyOf(collection, id)))
  }

  async replace(collection: string, id: string, expected: number, fields: DocumentFields): Promise<number> {
    this.#database.check(collection, id)
    const record = recordOf(collection, id, expected + 1, copyFields(fields))
    return this.#database.write(['documents'], async (tables) => {
      const key = keyOf(collection, id)
      const present = (await documentAt(tables('documents'), key))?.version ?? 0
      if (present === 0 || present !== expected)
        throw storeError('STORE_VERSION', { key: `${collection}/${id}`, present, expected })
      tables('documents').put(record, key)
      return record.version
    })
  }

  async remove(collection: string, id: string): Promise<boolean> {
    this.#database.check(collection, id)
    return this.#database.write(['documents'], async (tables) => {
      const key = keyOf(collection, id)
      const isThere = (await settled(tables('documents').count(key))) > 0
      tables('documents').delete(key)
      return isThere
    })
  }

  async removeAll(collection: string, ids: readonly string[]): Promise<void> {
    this.#database.check(collection, ...ids)
    await this.#database.write(['documents'], async (tables) => {
      for (const id of ids) tables('documents').delete(keyOf(collection, id))
    })
  }

  async *find(
    collection: string,
    { where = {}, limit = Number.POSITIVE_INFINITY, ...range }: FindOptions = {},
  ): AsyncGenerator<StoredDocument> {
    this.#database.check(collection)
    const { after, until } = rangeOf(range)
    // The browser refuses a range that has no place for a key.
    if (after !== undefined && until !== undefined && compareKeys(after, until) >= 0) return
    const conditions = Object.entries(where)
    const [first] = conditions
    const within = IDBKeyRange.bound(
      after === undefined ? [collection] : keyOf(collection, after),
      until === undefined ? [collection, []] : keyOf(collection, until),
      after !== undefined,
      true,
    )
    // The keys of those that fit the first condition. A search for all of a collection reads keys by pages, too.
    const keys = first ? await this.#keysByEquality(textOf(collection, ...first), within) : undefined
    let lower: IDBKeyRange | undefined = within
    let given = 0
    while (lower && given < limit) {
      const range: IDBKeyRange = lower
      const page: IDBValidKey[] = keys?.splice(0, pageSize) ?? (await this.#keysIn(range))
      const last = page.at(-1)
      lower = page.length < pageSize || !last ? undefined : IDBKeyRange.bound(last, within.upper, true, true)
      for (const document of await this.#documentsAt(page)) {
        if (!conditions.every(([name, value]) => ownValue(document.fields, name) === value)) continue
        if (given >= limit) return
        given += 1
        this.#database.check()
        yield document
      }
    }
  }

  #keysIn(range: IDBKeyRange): Promise<IDBValidKey[]> {
    return this.#database.read(['documents'], (tables) => settled(tables('documents').getAllKeys(range, pageSize)))
  }

  async #keysByEquality(text: string, within: IDBKeyRange): Promise<IDBValidKey[]> {
    const keys = await this.#database.read(['documents'], (tables) =>
      settled(tables('documents').index('equal').getAllKeys(text)),
    )
    return keys.filter((key) => within.includes(key))
  }

  #documentsAt(keys: readonly IDBValidKey[]): Promise<StoredDocument[]> {
    return this.#database.read(['documents'], async (tables) => {
      const found = await Promise.all(keys.map((key) => documentAt(tables('documents'), key)))
      return found.flatMap((document) => (document ? [document] : []))
    })
  }
}

function keyOf(collection: string, id: string): [string, Uint8Array<ArrayBuffer>] {
  return [collection, utf8.encode(id)]
}

function recordOf(collection: string, id: string, version: number, fields: DocumentFields): StoredRecord {
  const equal = Object.entries(fields).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? [] : [textOf(collection, name, value)],
  )
  return { id, version, fields, equal }
}

function textOf(collection: string, name: string, value: unknown): string {
  return JSON.stringify([collection, name, value])
}

async function documentAt(documents: IDBObjectStore, key: IDBValidKey): Promise<StoredDocument | undefined> {
  const record: StoredRecord | undefined = await settled(documents.get(key))
  return record && { id: record.id, version: record.version, fields: record.fields }
}

function ownValue(fields: DocumentFields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}
