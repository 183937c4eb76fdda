import { setImmediate } from 'node:timers/promises'
import { isObject } from '../../decoding/guards.ts'
import { decode, encodeChecked } from '../codec.ts'
import { storeError } from '../errors.ts'
import type { DocumentFields, Documents, FindOptions, NewDocument, StoredDocument } from '../store.ts'
import { compareKeys, copyFields, type KeyRange, rangeOf } from '../store-rules.ts'
import { below, type LmdbAccess, seal } from './database.ts'
import { EqualityIndexes, entryBytes } from './equality-indexes.ts'

/** Documents of one reading; other work runs between the readings. */
const pageSize = 128

/** Sealed documents in order of id. */
interface Page {
  readonly entries: readonly { readonly id: string; readonly sealed: Uint8Array }[]
  /** Id after which the next page begins; undefined after the last page. */
  readonly next: string | undefined
}

/** Documents, each a sealed value under its collection and id. */
export class LmdbDocuments implements Documents {
  readonly #access: LmdbAccess
  readonly #indexes: EqualityIndexes

  constructor(access: LmdbAccess) {
    this.#access = access
    this.#indexes = new EqualityIndexes(access, (collection, after, limit) =>
      this.#scan(collection, { after, until: undefined }, limit).entries.map(({ id, sealed }) =>
        this.#open(id, sealed),
      ),
    )
  }

  async insert(collection: string, documents: readonly Omit<NewDocument, 'collection'>[]): Promise<void> {
    this.#access.check(collection)
    await this.insertAll(documents.map((document) => ({ ...document, collection })))
  }

  async insertAll(documents: readonly NewDocument[]): Promise<void> {
    const { root, check, write } = this.#access
    for (const { collection, id } of documents) check(collection, id)
    const prepared = documents.map(({ collection, id, fields: given }) => {
      const fields = copyFields(given)
      return { collection, id, fields, key: ['document', collection, id], bytes: seal(1, encodeChecked(fields)) }
    })
    const size = prepared.reduce((sum, { bytes }) => sum + bytes.length + entryBytes, 0)
    await write(size, () => {
      const seen = new Set<string>()
      for (const { collection, id, key } of prepared) {
        const name = JSON.stringify(key)
        if (seen.has(name) || root.doesExist(key)) throw storeError('STORE_EXISTS', { collection, id })
        seen.add(name)
      }
      for (const { collection, id, fields, key, bytes } of prepared) {
        root.putSync(key, bytes)
        this.#indexes.change(collection, id, undefined, fields)
      }
    })
  }

  async get(collection: string, id: string): Promise<StoredDocument | undefined> {
    this.#access.check(collection, id)
    return this.#get(collection, id)
  }

  async replace(collection: string, id: string, expected: number, given: DocumentFields): Promise<number> {
    const { root, check, write, unseal } = this.#access
    check(collection, id)
    const fields = copyFields(given)
    const sealed = seal(expected + 1, encodeChecked(fields))
    await write(sealed.length + entryBytes, () => {
      const found = root.getBinary(['document', collection, id])
      const { version: present, bytes } = found ? unseal(found) : { version: 0, bytes: new Uint8Array() }
      if (present === 0 || present !== expected)
        throw storeError('STORE_VERSION', { key: `${collection}/${id}`, present, expected })
      root.putSync(['document', collection, id], sealed)
      if (this.#indexes.has(collection)) this.#indexes.change(collection, id, this.#fieldsIn(id, bytes), fields)
    })
    return expected + 1
  }

  async remove(collection: string, id: string): Promise<boolean> {
    const { check, write } = this.#access
    check(collection, id)
    return write(entryBytes, () => this.#remove(collection, id))
  }

  async removeAll(collection: string, ids: readonly string[]): Promise<void> {
    const { check, write } = this.#access
    check(collection, ...ids)
    await write(ids.length * entryBytes, () => {
      for (const id of ids) this.#remove(collection, id)
    })
  }

  /** Within a transaction. */
  #remove(collection: string, id: string): boolean {
    if (this.#indexes.has(collection))
      this.#indexes.change(collection, id, this.#fieldsIfWhole(collection, id), undefined)
    return this.#access.root.removeSync(['document', collection, id])
  }

  async *find(
    collection: string,
    { where = {}, limit = Number.POSITIVE_INFINITY, ...range }: FindOptions = {},
  ): AsyncGenerator<StoredDocument> {
    const { check } = this.#access
    check(collection)
    const conditions = Object.entries(where)
    const indexed = await this.#indexes.answerable(collection, conditions)
    const { after, until } = rangeOf(range)
    let given = 0
    let seen = after
    do {
      check()
      const { entries, next }: Page =
        indexed.length > 0
          ? this.#among(this.#indexes.candidates(collection, indexed, seen, pageSize), collection)
          : this.#scan(collection, { after: seen, until }, pageSize)
      for (const { id, sealed } of entries) {
        if (given >= limit || (until !== undefined && compareKeys(id, until) >= 0)) return
        const document = this.#open(id, sealed)
        if (!conditions.every(([name, wanted]) => document.fields[name] === wanted)) continue
        given += 1
        check()
        yield document
      }
      seen = next
      if (seen !== undefined) await setImmediate()
    } while (seen !== undefined)
  }

  /** Reads the first documents of a collection in a range. */
  #scan(collection: string, { after, until }: KeyRange, limit: number): Page {
    const { start, end } = below('document', collection)
    const from = after === undefined ? start : ['document', collection, after]
    const entries: { readonly id: string; readonly sealed: Uint8Array }[] = []
    const to = until === undefined ? end : ['document', collection, until]
    for (const { key, value: sealed } of this.#access.root.getRange({ start: from, end: to, limit: limit + 1 })) {
      const id = key[2]
      if (typeof id === 'string' && id !== after && entries.length < limit) entries.push({ id, sealed })
    }
    return { entries, next: entries.length < limit ? undefined : entries.at(-1)?.id }
  }

  /** Reads the existing documents among the given ids. */
  #among(ids: readonly string[], collection: string): Page {
    const entries = ids.flatMap((id) => {
      const sealed = this.#access.root.getBinary(['document', collection, id])
      return sealed ? [{ id, sealed }] : []
    })
    return { entries, next: ids.length < pageSize ? undefined : ids.at(-1) }
  }

  #get(collection: string, id: string): StoredDocument | undefined {
    const sealed = this.#access.root.getBinary(['document', collection, id])
    return sealed && this.#open(id, sealed)
  }

  /** Reads a document's fields; undefined if the document is damaged, so that it can still be removed. */
  #fieldsIfWhole(collection: string, id: string): DocumentFields | undefined {
    try {
      return this.#get(collection, id)?.fields
    } catch {
      return undefined
    }
  }

  #open(id: string, sealed: Uint8Array): StoredDocument {
    const { version, bytes } = this.#access.unseal(sealed)
    return { id, version, fields: this.#fieldsIn(id, bytes) }
  }

  #fieldsIn(id: string, bytes: Uint8Array): DocumentFields {
    const fields = decode(bytes)
    if (!isFields(fields)) throw this.#access.damaged(`document ${id} is no document`)
    return fields
  }
}

/** `insert` and `replace` write only fields, and the checksum shows that the value is unchanged. */
function isFields(value: unknown): value is DocumentFields {
  return isObject(value) && !Array.isArray(value)
}
