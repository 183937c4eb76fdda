import { storeError } from '../errors.ts'
import type { DurableStore, JournalEntry, Snapshot, Store } from '../store.ts'
import { Database, settled } from './database.ts'

/** Snapshots and journals in a database of the browser. */
export type IndexedDbDurable = DurableStore & Pick<Store, 'probe' | 'close'>

/** As `indexedDbStore`, for roles alone: without documents and blobs, which make a page larger. */
export async function indexedDbDurable(name: string): Promise<IndexedDbDurable> {
  return new IndexedDbSnapshots(await Database.open(name))
}

export class IndexedDbSnapshots implements IndexedDbDurable {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async load(key: string): Promise<Snapshot | undefined> {
    this.#database.check(key)
    return this.#database.read(['snapshots'], (tables) => snapshotOf(tables('snapshots'), key))
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    this.#database.check(key)
    const snapshot: Snapshot = { version: expected + 1, bytes: Uint8Array.from(bytes) }
    return this.#database.write(['snapshots'], async (tables) => {
      const snapshots = tables('snapshots')
      const present = (await snapshotOf(snapshots, key))?.version ?? 0
      if (present !== expected) throw storeError('STORE_VERSION', { key, present, expected })
      snapshots.put(snapshot, key)
      return snapshot.version
    })
  }

  async remove(key: string): Promise<void> {
    this.#database.check(key)
    await this.#database.write(['snapshots', 'journals', 'entries'], async (tables) => {
      tables('snapshots').delete(key)
      tables('journals').delete(key)
      tables('entries').delete(entriesOf(key, 1))
    })
  }

  async append(key: string, bytes: Uint8Array, { expected }: { readonly expected?: number } = {}): Promise<number> {
    this.#database.check(key)
    const copy = Uint8Array.from(bytes)
    return this.#database.write(['journals', 'entries'], async (tables) => {
      const next: unknown = await settled(tables('journals').get(key))
      const number = typeof next === 'number' ? next : 1
      if (expected !== undefined && expected !== number)
        throw storeError('STORE_VERSION', { key, present: number, expected })
      tables('entries').put(copy, [key, number])
      tables('journals').put(number + 1, key)
      return number
    })
  }

  async *read(key: string, { from = 1 }: { readonly from?: number } = {}): AsyncGenerator<JournalEntry> {
    this.#database.check(key)
    const entries = await this.#database.read(['entries'], async (tables) => {
      const range = entriesOf(key, from)
      const [keys, values] = [settled(tables('entries').getAllKeys(range)), settled(tables('entries').getAll(range))]
      const numbers = await keys
      const found: unknown[] = await values
      return found.flatMap((bytes, index) => {
        const [, number]: readonly unknown[] = Object(numbers[index])
        return bytes instanceof Uint8Array && typeof number === 'number' ? [{ number, bytes }] : []
      })
    })
    for (const entry of entries) {
      this.#database.check()
      yield entry
    }
  }

  async truncate(key: string, upTo: number): Promise<void> {
    this.#database.check(key)
    if (upTo < 1) return
    await this.#database.write(['entries'], async (tables) => {
      tables('entries').delete(IDBKeyRange.bound([key, 1], [key, upTo]))
    })
  }

  async probe(): Promise<void> {
    // No journal has this key.
    await this.#database.write(['journals'], async (tables) => void tables('journals').put(1, ''))
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

async function snapshotOf(snapshots: IDBObjectStore, key: string): Promise<Snapshot | undefined> {
  const { version, bytes } = Object(await settled<unknown>(snapshots.get(key)))
  return typeof version === 'number' && bytes instanceof Uint8Array ? { version, bytes } : undefined
}

/** The entries of a journal from a number on: every number is smaller than an array. */
function entriesOf(key: string, from: number): IDBKeyRange {
  return IDBKeyRange.bound([key, from], [key, []])
}
