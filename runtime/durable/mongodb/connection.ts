import { setTimeout } from 'node:timers/promises'
import { storeError } from '../errors.ts'
import { checkKeys } from '../store-rules.ts'
import { type Db, MongoClient } from './bundled-driver.ts'
import { isPassing, mongodbError } from './driver.ts'

/** Prefix of the store's own collections. A given name never begins with the prefix, since a given dot is escaped. */
export const ownPrefix = 'flame.'

/** Number of the arrangement of the stored data. A new arrangement gets a higher number. */
const format = 1
const marker = `${ownPrefix}store`
const mostAttempts = 5

/** Limits on a silent server, after which a call is refused. The URL may set others. */
const patienceMs = { serverSelectionTimeoutMS: 10_000, connectTimeoutMS: 10_000, socketTimeoutMS: 60_000 }

/**
 * Connects, and checks that the named database is a store of this format; turns an empty database into a store.
 * Refused by STORE_URL, STORE_UNREACHABLE, STORE_UNAUTHORIZED, STORE_FOREIGN or STORE_FORMAT, the database is unchanged.
 */
export async function connect(given: string): Promise<MongodbConnection> {
  const url = given.replace(/^([\w+]+:\/\/)[^/]*@/, '$1…@').replace(/\?.*/, '')
  let client: MongoClient | undefined
  try {
    const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([\w%-]{1,63})(?:\?|$)/.exec(given)?.[1]
    if (name === undefined)
      throw storeError('STORE_URL', { url, reason: 'a name of letters, digits, _ and - is missing after the host' })
    client = clientOf(given, url)
    await client.connect()
    await claim(client.db(), url)
    return new MongodbConnection(client, url)
  } catch (error) {
    await client?.close()
    throw mongodbError(url, error)
  }
}

/** An open database, shared by the parts of a store: it refuses calls after the end, and repeats work that a broken connection cut off. */
export class MongodbConnection {
  readonly database: Db
  readonly #client: MongoClient
  /** The URL without the password. */
  readonly #url: string
  readonly #begun = new Set<Promise<void>>()
  #closed = false

  constructor(client: MongoClient, url: string) {
    this.database = client.db()
    this.#client = client
    this.#url = url
  }

  /** Throws STORE_CLOSED after `end` was called, and STORE_KEY for a bad key. */
  check(...keys: readonly string[]): void {
    if (this.#closed) throw storeError('STORE_CLOSED')
    checkKeys(...keys)
  }

  /**
   * Does work against the server, and repeats the work when the connection breaks. `uncertain` says that an earlier attempt may
   * have had its effect: work that writes must find out before it writes again. Errors of the driver become coded errors.
   */
  attempt<Result>(work: (uncertain: boolean) => Promise<Result>): Promise<Result> {
    return this.track(this.#attempts(work))
  }

  /** Makes `end` wait for this work. */
  track<Result>(work: Promise<Result>): Promise<Result> {
    const settled = work.then(
      () => void this.#begun.delete(settled),
      () => void this.#begun.delete(settled),
    )
    this.#begun.add(settled)
    return work
  }

  /** Refuses further calls, waits for all begun work, and closes the client. */
  async end(): Promise<void> {
    this.#closed = true
    while (this.#begun.size > 0) await Promise.all(this.#begun)
    await this.#client.close()
  }

  /** The error of a write whose effect can't be determined any more. */
  unknown(key: string): Error {
    return storeError('STORE_UNREACHABLE', {
      url: this.#url,
      reason: `the connection broke while ${key} was written, and others have written it since`,
    })
  }

  damaged(found: string): Error {
    return storeError('STORE_DAMAGED', { folder: this.#url, found })
  }

  async #attempts<Result>(work: (uncertain: boolean) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(attempt > 1)
      } catch (error) {
        if (!isPassing(error) || attempt === mostAttempts) throw mongodbError(this.#url, error)
        // The driver notices a lost server only after some time.
        await setTimeout(20 * 2 ** attempt)
      }
    }
  }
}

function clientOf(given: string, url: string): MongoClient {
  try {
    return new MongoClient(given, {
      appName: 'flame-fl',
      ...Object.fromEntries(Object.entries(patienceMs).filter(([option]) => !given.includes(`${option}=`))),
      // The store makes its own attempts, which find out whether an earlier attempt had its effect.
      retryWrites: false,
      retryReads: true,
      readPreference: 'primary',
      readConcern: { level: 'majority' },
      writeConcern: { w: 'majority', journal: true },
    })
  } catch (cause) {
    throw storeError('STORE_URL', { url, reason: cause instanceof Error ? cause.message : cause }, { cause })
  }
}

async function claim(database: Db, url: string): Promise<void> {
  // The names are listed before the marker is read: of two processes that claim an empty database at once, neither takes the
  // other's collections for foreign ones.
  const names = (await database.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name)
  const found = await database.collection<Marker>(marker).findOne({ _id: 'format' })
  if (found) {
    if (typeof found.format !== 'number')
      throw storeError('STORE_DAMAGED', { folder: url, found: `${marker} names no format` })
    if (found.format !== format) throw storeError('STORE_FORMAT', { folder: url, found: found.format, known: format })
    return
  }
  const foreign = names.find((name) => name !== marker && !name.startsWith('system.'))
  if (foreign !== undefined) throw storeError('STORE_FOREIGN', { folder: url, found: `the collection ${foreign}` })
  await database
    .collection<Marker>(marker)
    .updateOne({ _id: 'format' }, { $setOnInsert: { format, written: 'by flame-fl' } }, { upsert: true })
}

interface Marker {
  readonly _id: string
  readonly format?: unknown
  readonly written?: string
}
