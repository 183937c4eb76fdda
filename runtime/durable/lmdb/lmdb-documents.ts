import { decode, encode } from '../codec.ts'
import { storeError } from '../errors.ts'
import type { DocumentFields, Documents, FindOptions, Snapshot, StoredDocument } from '../store.ts'
import type { LmdbRoot } from './lmdb-store.ts'
import { seal } from './sealed.ts'

/** What the documents need of the store that they are part of. */
interface Access {
  readonly root: LmdbRoot
  check(...keys: readonly string[]): void
  write<Result>(work: () => Result): Promise<Result>
  unseal(sealed: Uint8Array): Snapshot
}

export class LmdbDocuments implements Documents {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async insert(
    collection: string,
    documents: readonly { readonly id: string; readonly fields: DocumentFields }[],
  ): Promise<void> {
    const { root, check, write } = this.#access
    check(collection, ...documents.map(({ id }) => id))
    const sealed = documents.map(({ id, fields }) => ({ id, bytes: seal(1, encode(fields)) }))
    await write(() => {
      const seen = new Set<string>()
      for (const { id } of sealed) {
        if (seen.has(id) || root.doesExist(['document', collection, id]))
          throw storeError('STORE_EXISTS', { collection, id })
        seen.add(id)
      }
      for (const { id, bytes } of sealed) root.putSync(['document', collection, id], bytes)
    })
  }

  async get(collection: string, id: string): Promise<StoredDocument | undefined> {
    this.#access.check(collection, id)
    return this.#get(collection, id)
  }

  async replace(collection: string, id: string, expected: number, fields: DocumentFields): Promise<number> {
    const { root, check, write } = this.#access
    check(collection, id)
    const sealed = seal(expected + 1, encode(fields))
    await write(() => {
      const present = this.#get(collection, id)?.version ?? 0
      if (present === 0 || present !== expected)
        throw storeError('STORE_VERSION', { key: `${collection}/${id}`, present, expected })
      root.putSync(['document', collection, id], sealed)
    })
    return expected + 1
  }

  async remove(collection: string, id: string): Promise<boolean> {
    const { root, check, write } = this.#access
    check(collection, id)
    return write(() => root.removeSync(['document', collection, id]))
  }

  async *find(
    collection: string,
    { where = {}, after, limit = Number.POSITIVE_INFINITY }: FindOptions = {},
  ): AsyncGenerator<StoredDocument> {
    const { root, check } = this.#access
    check(collection)
    const conditions = Object.entries(where)
    const start = after === undefined ? ['document', collection] : ['document', collection, after]
    let given = 0
    for (const { key, value } of root.getRange({
      start,
      end: ['document', collection, '\u{10ffff}'],
      snapshot: false,
    })) {
      if (given >= limit) return
      const id = key[2]
      if (typeof id !== 'string' || id === after) continue
      const document = this.#open(id, value)
      if (!conditions.every(([name, wanted]) => document.fields[name] === wanted)) continue
      given += 1
      yield document
    }
  }

  #get(collection: string, id: string): StoredDocument | undefined {
    const sealed = this.#access.root.getBinary(['document', collection, id])
    return sealed && this.#open(id, sealed)
  }

  #open(id: string, sealed: Uint8Array): StoredDocument {
    const { version, bytes } = this.#access.unseal(sealed)
    const fields = decode(bytes)
    if (!isFields(fields))
      throw storeError('STORE_DAMAGED', { folder: 'the store', found: `document ${id} is no document` })
    return { id, version, fields }
  }
}

/** `insert` and `replace` take nothing else, and the checksum says that it is what they wrote. */
function isFields(value: unknown): value is DocumentFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
