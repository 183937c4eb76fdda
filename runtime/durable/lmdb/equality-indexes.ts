import { createHash } from 'node:crypto'
import type { DocumentFields, DocumentValue, FindOptions } from '../store.ts'
import { below, type LmdbAccess, type LmdbKey, seal } from './database.ts'

/** Most indexes of a collection; each index costs at every write. */
const mostOfCollection = 16
/** Documents that one transaction adds to a new index; other work runs between the transactions. */
const stepSize = 500
/** Most bytes of the tree that one entry writes anew. */
export const entryBytes = 4096

type Conditions = readonly (readonly [field: string, value: NonNullable<FindOptions['where']>[string]])[]

/** A collection's indexed fields. An index that isn't whole lacks documents: it is kept up to date, and not used. */
type IndexedFields = Readonly<Record<string, { readonly isWhole: boolean }>>

/** Reads at most `limit` documents of a collection, in order of id, after an id. */
export type ReadStep = (
  collection: string,
  after: string | undefined,
  limit: number,
) => readonly { readonly id: string; readonly fields: DocumentFields }[]

/**
 * Indexes on fields. The first search by a field makes the field's index: an entry for each document with a plain value in the
 * field, written and removed in the document's own transaction. A surplus entry is harmless, since a search compares the
 * document itself; so the next search finishes an index that a crash cut off.
 */
export class EqualityIndexes {
  readonly #access: LmdbAccess
  readonly #readStep: ReadStep
  readonly #making = new Map<string, Promise<void>>()

  constructor(access: LmdbAccess, readStep: ReadStep) {
    this.#access = access
    this.#readStep = readStep
  }

  /** Says whether the collection has indexes, which `change` keeps. */
  has(collection: string): boolean {
    return this.#access.root.doesExist(fieldsAt(collection))
  }

  /** Within a transaction: moves a document's entries from its earlier to its later fields. */
  change(collection: string, id: string, before: DocumentFields | undefined, after: DocumentFields | undefined): void {
    const { root } = this.#access
    for (const field of Object.keys(this.#fieldsOf(collection))) {
      const [old, young] = [before, after].map((fields) => tokenOf(collection, field, own(fields, field)))
      if (old === young) continue
      if (old !== undefined) root.removeSync(['equal', old, id])
      if (young !== undefined) root.putSync(['equal', young, id], new Uint8Array())
    }
  }

  /** Makes missing indexes, and returns the conditions that an index answers. */
  async answerable(collection: string, conditions: Conditions): Promise<Conditions> {
    // Without an index, for want of room or because of a damaged document, a search reads all documents.
    for (const [field] of conditions) await this.#ensure(collection, field).catch(() => {})
    const fields = this.#fieldsOf(collection)
    return conditions.filter(([field]) => own(fields, field)?.isWhole)
  }

  /** Lists at most `limit` ids, after an id, of documents that may fulfil the conditions. At least one condition is given. */
  candidates(collection: string, conditions: Conditions, after: string | undefined, limit: number): string[] {
    const { root } = this.#access
    const [first = '', ...others] = conditions.map(([field, value]) => tokenOf(collection, field, value) ?? '')
    const { start, end } = below('equal', first)
    const found: string[] = []
    for (const key of root.getKeys({ start: after === undefined ? start : ['equal', first, after], end })) {
      const id = key[2]
      if (typeof id !== 'string' || id === after) continue
      if (!others.every((token) => root.doesExist(['equal', token, id]))) continue
      found.push(id)
      if (found.length === limit) break
    }
    return found
  }

  #ensure(collection: string, field: string): Promise<void> {
    const fields = this.#fieldsOf(collection)
    if (own(fields, field)?.isWhole) return Promise.resolve()
    const name = JSON.stringify([collection, field])
    let making = this.#making.get(name)
    if (!making && (Object.hasOwn(fields, field) || Object.keys(fields).length < mostOfCollection)) {
      making = this.#make(collection, field)
      this.#making.set(name, making)
    }
    return making ?? Promise.resolve()
  }

  async #make(collection: string, field: string): Promise<void> {
    const { root, check, write } = this.#access
    // From here on each change of a document also changes the index.
    await write(entryBytes, () => this.#declare(collection, field, false))
    let after: string | undefined
    do {
      check()
      after = await write(stepSize * entryBytes, () => {
        const documents = this.#readStep(collection, after, stepSize)
        for (const { id, fields } of documents) {
          const token = tokenOf(collection, field, own(fields, field))
          if (token !== undefined) root.putSync(['equal', token, id], new Uint8Array())
        }
        return documents.length < stepSize ? undefined : documents.at(-1)?.id
      })
    } while (after !== undefined)
    check()
    await write(entryBytes, () => this.#declare(collection, field, true))
  }

  #declare(collection: string, field: string, isWhole: boolean): void {
    const fields = { ...this.#fieldsOf(collection), [field]: { isWhole } }
    this.#access.root.putSync(fieldsAt(collection), seal(1, new TextEncoder().encode(JSON.stringify(fields))))
  }

  #fieldsOf(collection: string): IndexedFields {
    const sealed = this.#access.root.getBinary(fieldsAt(collection))
    if (!sealed) return {}
    const fields: IndexedFields = JSON.parse(new TextDecoder().decode(this.#access.unseal(sealed).bytes))
    return fields
  }
}

function fieldsAt(collection: string): LmdbKey {
  return ['indexed', collection]
}

/** Hashes collection, field and value, each of which may be longer than a key; undefined for a list or an object, which no condition equals. */
function tokenOf(collection: string, field: string, value: DocumentValue | undefined): string | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null)) return undefined
  const named = JSON.stringify([collection, field, typeof value, String(value)])
  return createHash('sha256').update(named).digest('base64url')
}

/** Gives an object's own field, and no inherited one. */
function own<Value>(fields: Readonly<Record<string, Value>> | undefined, field: string): Value | undefined {
  return fields && Object.hasOwn(fields, field) ? fields[field] : undefined
}
