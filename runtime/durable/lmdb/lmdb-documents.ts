import { decode, encode } from '../codec.ts'
import { storeError } from '../errors.ts'
import { copyFields } from '../fields.ts'
import type { DocumentFields, Documents, FindOptions, StoredDocument } from '../store.ts'
import type { LmdbAccess } from './lmdb-access.ts'
import { below } from './lmdb-root.ts'
import { seal } from './sealed.ts'

/** Documents read in one go; the thread is given back between. */
const pageSize = 128

export class LmdbDocuments implements Documents {
  readonly #access: LmdbAccess

  constructor(access: LmdbAccess) {
    this.#access = access
  }

  async insert(
    collection: string,
    documents: readonly { readonly id: string; readonly fields: DocumentFields }[],
  ): Promise<void> {
    const { root, check, write } = this.#access
    check(collection, ...documents.map(({ id }) => id))
    const sealed = documents.map(({ id, fields }) => ({ id, bytes: seal(1, encode(copyFields(fields))) }))
    const size = sealed.reduce((sum, { bytes }) => sum + bytes.length, 0)
    await write(size, () => {
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
    const sealed = seal(expected + 1, encode(copyFields(fields)))
    await write(sealed.length, () => {
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
    return write(0, () => root.removeSync(['document', collection, id]))
  }

  async *find(
    collection: string,
    { where = {}, after, limit = Number.POSITIVE_INFINITY }: FindOptions = {},
  ): AsyncGenerator<StoredDocument> {
    const { root, check } = this.#access
    check(collection)
    const conditions = Object.entries(where)
    const { end } = below('document', collection)
    let start = after === undefined ? ['document', collection] : ['document', collection, after]
    let seen = after
    let given = 0
    for (;;) {
      check()
      const page = [...root.getRange({ start, end, limit: pageSize })]
      for (const { key, value } of page) {
        if (given >= limit) return
        const id = key[2]
        if (typeof id !== 'string' || id === seen) continue
        seen = id
        const document = this.#open(id, value)
        if (!conditions.every(([name, wanted]) => document.fields[name] === wanted)) continue
        given += 1
        check()
        yield document
      }
      if (page.length < pageSize || seen === undefined) return
      start = ['document', collection, seen]
    }
  }

  #get(collection: string, id: string): StoredDocument | undefined {
    const sealed = this.#access.root.getBinary(['document', collection, id])
    return sealed && this.#open(id, sealed)
  }

  #open(id: string, sealed: Uint8Array): StoredDocument {
    const { version, bytes } = this.#access.unseal(sealed)
    const fields = decode(bytes)
    if (!isFields(fields)) throw this.#access.damaged(`document ${id} is no document`)
    return { id, version, fields }
  }
}

/** `insert` and `replace` take nothing else, and the checksum says that it is what they wrote. */
function isFields(value: unknown): value is DocumentFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
