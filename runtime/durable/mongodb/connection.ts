import { type Db, MongoClient } from 'mongodb'
import { storeError } from '../errors.ts'
import { mongodbError } from './mongodb-errors.ts'
import { ownPrefix } from './names.ts'

/** Raised when the arrangement of what is stored changes. */
const format = 1
const marker = `${ownPrefix}store`

/** How long a server may be away, or silent, before a call is refused; the URL may say otherwise. */
const patienceMs = { serverSelectionTimeoutMS: 10_000, connectTimeoutMS: 10_000, socketTimeoutMS: 60_000 }

export interface Connection {
  readonly client: MongoClient
  readonly database: Db
  /** The URL as it may be shown: without the password. */
  readonly url: string
}

/**
 * Connects, and makes sure that the database which the URL names is a store of this format, or makes it one if it's empty.
 * STORE_URL, STORE_UNREACHABLE, STORE_UNAUTHORIZED, STORE_FOREIGN, STORE_FORMAT; then nothing in it was changed.
 */
export async function connect(given: string): Promise<Connection> {
  const url = given.replace(/^([\w+]+:\/\/)[^/]*@/, '$1…@').replace(/\?.*/, '')
  let client: MongoClient | undefined
  try {
    const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([\w%-]{1,63})(?:\?|$)/.exec(given)?.[1]
    if (name === undefined)
      throw storeError('STORE_URL', { url, reason: 'a name of letters, digits, _ and - is missing after the host' })
    client = clientOf(given, url)
    await client.connect()
    const database = client.db()
    await claim(database, url)
    return { client, database, url }
  } catch (error) {
    await client?.close()
    throw mongodbError(url, error)
  }
}

function clientOf(given: string, url: string): MongoClient {
  try {
    return new MongoClient(given, {
      appName: 'flame-fl',
      ...Object.fromEntries(Object.entries(patienceMs).filter(([option]) => !given.includes(`${option}=`))),
      // The store makes its own attempts, which know whether an earlier one had its effect.
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
  // In this order: of two that make it a store at once, neither takes the other's collections for foreign ones.
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
