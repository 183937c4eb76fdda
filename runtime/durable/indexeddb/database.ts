import { storeError } from '../errors.ts'
import { checkKeys } from '../store-rules.ts'

/** Version of the tables below. */
const format = 1

/** The tables, each with the index that it has. */
const tables = {
  snapshots: undefined,
  /** The number of the next entry of each journal. */
  journals: undefined,
  /** By key and number. */
  entries: undefined,
  /** By collection and UTF-8 bytes of the id, so that the order is the contract's. `equal` has a text for each plain field. */
  documents: 'equal',
  blobs: undefined,
} as const

export type TableName = keyof typeof tables

/** The tables that one transaction uses. */
export type Tables = (name: TableName) => IDBObjectStore

/** A database of the browser, whose calls reject with the codes of stores. */
export class Database {
  readonly #database: IDBDatabase
  readonly #place: string
  readonly #pending = new Set<Promise<unknown>>()
  #isLost = false
  #closing: Promise<void> | undefined

  /** Opens or makes the database of this name. STORE_FORMAT, and STORE_DENIED, STORE_FULL, STORE_LOST for refusals of the browser. */
  static async open(name: string): Promise<Database> {
    const place = `the browser's database ${name}`
    try {
      const opening = indexedDB.open(name, format)
      opening.addEventListener('upgradeneeded', () => {
        for (const [table, index] of Object.entries(tables)) {
          const made = opening.result.createObjectStore(table)
          if (index) made.createIndex(index, index, { multiEntry: true })
        }
      })
      return new Database(await settled(opening), place)
    } catch (cause) {
      throw refusal(place, cause)
    }
  }

  private constructor(database: IDBDatabase, place: string) {
    this.#database = database
    this.#place = place
    // The person has cleared the site's data, or the browser has closed the database because of a fault.
    database.addEventListener('close', () => (this.#isLost = true))
    // A page of a newer version waits to change the tables. This page's writes would hold it up forever.
    database.addEventListener('versionchange', () => {
      this.#isLost = true
      database.close()
    })
  }

  /** Throws STORE_CLOSED, STORE_LOST, STORE_KEY. */
  check(...keys: readonly string[]): void {
    if (this.#closing) throw storeError('STORE_CLOSED')
    if (this.#isLost) throw storeError('STORE_LOST', { folder: this.#place, reason: 'the browser has closed it' })
    checkKeys(...keys)
  }

  /** Reads in one transaction, which sees the writes of transactions that were begun before. */
  read<Result>(names: readonly TableName[], work: (tables: Tables) => Promise<Result>): Promise<Result> {
    return this.#within(names, 'readonly', work)
  }

  /**
   * Writes in one transaction, all or nothing. Transactions that write the same tables follow each other in the order of the
   * calls. Resolves when the browser has flushed the transaction to the disk.
   */
  write<Result>(names: readonly TableName[], work: (tables: Tables) => Promise<Result>): Promise<Result> {
    return this.#within(names, 'readwrite', work)
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#pending).then(() => this.#database.close())
    return this.#closing
  }

  #within<Result>(
    names: readonly TableName[],
    mode: 'readonly' | 'readwrite',
    work: (tables: Tables) => Promise<Result>,
  ): Promise<Result> {
    const done = this.#run(names, mode, work)
    const ended = done.then(
      () => {},
      () => {},
    )
    this.#pending.add(ended)
    void ended.then(() => this.#pending.delete(ended))
    return done
  }

  async #run<Result>(
    names: readonly TableName[],
    mode: 'readonly' | 'readwrite',
    work: (tables: Tables) => Promise<Result>,
  ): Promise<Result> {
    this.check()
    try {
      const transaction = this.#database.transaction([...names], mode, { durability: 'strict' })
      const committed = completion(transaction)
      try {
        const result = await work((name) => transaction.objectStore(name))
        await committed
        return result
      } catch (cause) {
        abort(transaction)
        await committed.catch(() => {})
        // A request fails with its transaction, which knows why.
        throw transaction.error ?? cause
      }
    } catch (cause) {
      throw refusal(this.#place, cause)
    }
  }
}

/** The result of a request. */
export function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('a request of the database failed')))
  })
}

function completion(transaction: IDBTransaction): Promise<void> {
  const completed = new Promise<void>((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve())
    transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the transaction was aborted')))
  })
  // A failure of the work is reported instead.
  completed.catch(() => {})
  return completed
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort()
  } catch {
    // It has ended by itself.
  }
}

/** The browser's refusals, by the names of DOMException. Other errors stay as they are. */
function refusal(folder: string, cause: unknown): unknown {
  if (!(cause instanceof DOMException)) return cause
  const values = { folder, reason: `${cause.name}: ${cause.message}` }
  switch (cause.name) {
    case 'QuotaExceededError':
      return storeError('STORE_FULL', values, { cause })
    case 'VersionError':
      return storeError('STORE_FORMAT', { folder, found: `above ${format}`, known: format }, { cause })
    case 'SecurityError':
    case 'NotAllowedError':
      return storeError('STORE_DENIED', values, { cause })
    default:
      return storeError('STORE_LOST', values, { cause })
  }
}
