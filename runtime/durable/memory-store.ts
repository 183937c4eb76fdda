import { storeError } from './errors.ts'
import type {
  DocumentFields,
  Documents,
  FindOptions,
  JournalEntry,
  NewDocument,
  Snapshot,
  Store,
  StoredDocument,
} from './store.ts'
import { checkKeys, compareKeys, copyFields, rangeOf, rechunked } from './store-rules.ts'

/** A store in memory, for tests and simulations: durable as long as the process. */
export function memoryStore(): Store {
  return new MemoryStore()
}

class MemoryStore implements Store {
  readonly #snapshots = new Map<string, Snapshot>()
  readonly #journals = new Map<string, { next: number; entries: JournalEntry[] }>()
  readonly #blobs = new Map<string, readonly Uint8Array[]>()
  readonly #documents = new MemoryDocuments(() => this.#check())
  #closed = false

  get documents(): Documents {
    return this.#documents
  }

  async load(key: string): Promise<Snapshot | undefined> {
    this.#check(key)
    const found = this.#snapshots.get(key)
    return found && { version: found.version, bytes: found.bytes.slice() }
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    this.#check(key)
    const present = this.#snapshots.get(key)?.version ?? 0
    if (present !== expected) throw storeError('STORE_VERSION', { key, present, expected })
    this.#snapshots.set(key, { version: expected + 1, bytes: Uint8Array.from(bytes) })
    return expected + 1
  }

  async remove(key: string): Promise<void> {
    this.#check(key)
    this.#snapshots.delete(key)
    this.#journals.delete(key)
  }

  async append(key: string, bytes: Uint8Array, { expected }: { readonly expected?: number } = {}): Promise<number> {
    this.#check(key)
    const journal = this.#journals.get(key) ?? { next: 1, entries: [] }
    if (expected !== undefined && expected !== journal.next)
      throw storeError('STORE_VERSION', { key, present: journal.next, expected })
    this.#journals.set(key, journal)
    const number = journal.next++
    journal.entries.push({ number, bytes: Uint8Array.from(bytes) })
    return number
  }

  async *read(key: string, { from = 1 }: { readonly from?: number } = {}): AsyncGenerator<JournalEntry> {
    this.#check(key)
    for (const { number, bytes } of [...(this.#journals.get(key)?.entries ?? [])])
      if (number >= from) {
        this.#check()
        yield { number, bytes: bytes.slice() }
      }
  }

  async truncate(key: string, upTo: number): Promise<void> {
    this.#check(key)
    const journal = this.#journals.get(key)
    if (journal) journal.entries = journal.entries.filter(({ number }) => number > upTo)
  }

  async putBlob(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    this.#check(key)
    const chunks: Uint8Array[] = []
    for await (const chunk of rechunked(source)) chunks.push(chunk)
    this.#check()
    this.#blobs.set(key, chunks)
  }

  async getBlob(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#check(key)
    const chunks = this.#blobs.get(key)
    return chunks && copies(chunks)
  }

  async removeBlob(key: string): Promise<void> {
    this.#check(key)
    this.#blobs.delete(key)
  }

  async probe(): Promise<void> {
    this.#check()
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #check(...keys: readonly string[]): void {
    if (this.#closed) throw storeError('STORE_CLOSED')
    checkKeys(...keys)
  }
}

class MemoryDocuments implements Documents {
  readonly #collections = new Map<string, Map<string, StoredDocument>>()
  readonly #checkOpen: () => void

  constructor(checkOpen: () => void) {
    this.#checkOpen = checkOpen
  }

  async insert(collection: string, documents: readonly Omit<NewDocument, 'collection'>[]): Promise<void> {
    this.#check(collection)
    await this.insertAll(documents.map((document) => ({ ...document, collection })))
  }

  async insertAll(documents: readonly NewDocument[]): Promise<void> {
    for (const { collection, id } of documents) this.#check(collection, id)
    const added = documents.map(({ collection, id, fields }) => ({ collection, id, fields: copyFields(fields) }))
    const seen = new Set<string>()
    for (const { collection, id } of added) {
      const name = JSON.stringify([collection, id])
      if (seen.has(name) || this.#collections.get(collection)?.has(id))
        throw storeError('STORE_EXISTS', { collection, id })
      seen.add(name)
    }
    for (const { collection, id, fields } of added) {
      const present = this.#collections.get(collection) ?? new Map<string, StoredDocument>()
      this.#collections.set(collection, present)
      present.set(id, { id, version: 1, fields })
    }
  }

  async get(collection: string, id: string): Promise<StoredDocument | undefined> {
    this.#check(collection, id)
    return structuredClone(this.#collections.get(collection)?.get(id))
  }

  async replace(collection: string, id: string, expected: number, fields: DocumentFields): Promise<number> {
    this.#check(collection, id)
    const kept = copyFields(fields)
    const documents = this.#collections.get(collection)
    const present = documents?.get(id)?.version ?? 0
    if (!documents || present === 0 || present !== expected)
      throw storeError('STORE_VERSION', { key: `${collection}/${id}`, present, expected })
    documents.set(id, { id, version: present + 1, fields: kept })
    return present + 1
  }

  async remove(collection: string, id: string): Promise<boolean> {
    this.#check(collection, id)
    return this.#collections.get(collection)?.delete(id) ?? false
  }

  async removeAll(collection: string, ids: readonly string[]): Promise<void> {
    this.#check(collection, ...ids)
    for (const id of ids) this.#collections.get(collection)?.delete(id)
  }

  async *find(
    collection: string,
    { where = {}, limit = Number.POSITIVE_INFINITY, ...range }: FindOptions = {},
  ): AsyncGenerator<StoredDocument> {
    this.#check(collection)
    const conditions = Object.entries(where)
    const { after, until } = rangeOf(range)
    const documents = [...(this.#collections.get(collection)?.values() ?? [])].toSorted((a, b) =>
      compareKeys(a.id, b.id),
    )
    let given = 0
    for (const document of documents) {
      if (given >= limit) return
      if (after !== undefined && compareKeys(document.id, after) <= 0) continue
      if (until !== undefined && compareKeys(document.id, until) >= 0) return
      if (!conditions.every(([name, value]) => document.fields[name] === value)) continue
      given += 1
      this.#checkOpen()
      yield structuredClone(document)
    }
  }

  #check(...keys: readonly string[]): void {
    this.#checkOpen()
    checkKeys(...keys)
  }
}

async function* copies(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield chunk.slice()
}
