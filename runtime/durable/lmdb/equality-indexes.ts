import { createHash } from 'node:crypto'
import type { DocumentFields, DocumentValue, FindOptions } from '../store.ts'
import type { LmdbAccess } from './lmdb-access.ts'
import { below, type LmdbKey } from './lmdb-root.ts'
import { seal } from './sealed.ts'

/** Each index costs at every write. */
const mostOfCollection = 16
/** Documents that one transaction adds to a new index; the thread is given back between. */
const stepSize = 500
/** What an entry may write anew of the tree. */
export const entryBytes = 4096

type Conditions = readonly (readonly [field: string, value: NonNullable<FindOptions['where']>[string]])[]

/** A collection's indexed fields, and whether the index of each has all documents: those not whole are kept, and not used. */
type IndexedFields = Readonly<Record<string, { readonly isWhole: boolean }>>

/** Documents of a collection in order of id, after an id. */
export type ReadStep = (
  collection: string,
  after: string | undefined,
  limit: number,
) => readonly { readonly id: string; readonly fields: DocumentFields }[]

/**
 * Indexes on the fields that documents are looked for by, made when they are first: an entry for each document that has a
 * plain value there, written and removed in the document's own transaction. An entry too many is harmless, since whoever
 * finds a document by it looks at the document; so what a crash leaves of an unfinished index is finished by the next find.
 */
export class EqualityIndexes {
  readonly #access: LmdbAccess
  readonly #readStep: ReadStep
  readonly #making = new Map<string, Promise<void>>()

  constructor(access: LmdbAccess, readStep: ReadStep) {
    this.#access = access
    this.#readStep = readStep
  }

  /** Whether a change of a document has to be told to `change`. */
  has(collection: string): boolean {
    return this.#access.root.doesExist(fieldsAt(collection))
  }

  /** Within a transaction: what a document held, and holds from now on. */
  change(collection: string, id: string, before: DocumentFields | undefined, after: DocumentFields | undefined): void {
    const { root } = this.#access
    for (const field of Object.keys(this.#fieldsOf(collection))) {
      const [old, young] = [before, after].map((fields) => tokenOf(collection, field, own(fields, field)))
      if (old === young) continue
      if (old !== undefined) root.removeSync(['equal', old, id])
      if (young !== undefined) root.putSync(['equal', young, id], new Uint8Array())
    }
  }

  /** The conditions that an index answers, having made those that are missing. */
  async answerable(collection: string, conditions: Conditions): Promise<Conditions> {
    // Where one can't be made, for want of room or because a document is damaged, all documents are read.
    for (const [field] of conditions) await this.#ensure(collection, field).catch(() => {})
    const fields = this.#fieldsOf(collection)
    return conditions.filter(([field]) => own(fields, field)?.isWhole)
  }

  /** At most so many ids of documents that may fulfil these conditions, of which there is at least one, after an id. */
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
    // From here on each change of a document keeps the index.
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

/** Stands for a value of a field of a collection, which may each be longer than a key; undefined for what equals nothing. */
function tokenOf(collection: string, field: string, value: DocumentValue | undefined): string | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null)) return undefined
  const named = JSON.stringify([collection, field, typeof value, String(value)])
  return createHash('sha256').update(named).digest('base64url')
}

/** A field that is the object's own, and not one that every object inherits. */
function own<Value>(fields: Readonly<Record<string, Value>> | undefined, field: string): Value | undefined {
  return fields && Object.hasOwn(fields, field) ? fields[field] : undefined
}
