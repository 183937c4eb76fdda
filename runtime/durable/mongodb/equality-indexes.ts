import type { Collection } from 'mongodb'
import type { MongodbAccess } from './access.ts'
import type { DocumentRecord } from './document-record.ts'
import { topFieldName } from './names.ts'

/** Each index costs at every write, and a collection may have 64. */
const mostOfCollection = 16

/** Indexes on the fields that documents are looked for by, made when they are first. */
export class EqualityIndexes {
  readonly #access: MongodbAccess
  readonly #made = new Map<string, Map<string, Promise<void>>>()

  constructor(access: MongodbAccess) {
    this.#access = access
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
      await this.#access.attempt(() => records.createIndex({ [topFieldName(field)]: 1, _id: 1 }))
    } catch {
      // Whoever may not make one, or not here, finds the same without it.
    }
  }
}
