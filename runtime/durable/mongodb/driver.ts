import { CodedError } from '../../errors/coded-error.ts'
import { storeError } from '../errors.ts'
import {
  BSON,
  type Db,
  type Document,
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from './bundled-driver.ts'

/** Codes of a server that forgot a cursor, gives up its role or shuts down: another attempt may reach the server or its successor. */
const passing = new Set<unknown>([6, 7, 43, 89, 91, 189, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436])
const unauthorized = new Set<unknown>([13, 18])
const full = new Set<unknown>([14_031])
/** Atlas's code for a refused user, during the handshake, and for a database over its quota, later. */
const atlasError = 8000

/** Node's codes for a socket that the server has just ended; the driver passes these errors on. */
const broken = new Set<unknown>([
  'EPIPE',
  'ECONNRESET',
  'ETIMEDOUT',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
])

/** Says whether a failed attempt may be repeated. The failed attempt may have had its effect. */
export function isPassing(error: unknown): boolean {
  if (error instanceof MongoNetworkError) return true
  if (error instanceof MongoError) return error instanceof MongoServerError && passing.has(error.code)
  return error instanceof Error && 'code' in error && broken.has(error.code)
}

/** Says whether a document was refused because its id is taken. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 11_000
}

/** Says whether an insertion was made: false if the id was taken. */
export async function isCreated(insertion: Promise<unknown>): Promise<boolean> {
  try {
    await insertion
    return true
  } catch (error) {
    if (isDuplicate(error)) return false
    throw error
  }
}

/** Turns an error of the driver into a coded error of the store; leaves other errors as they are. */
export function mongodbError(url: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CodedError) return error
  const reason = error.message
  const options = { cause: error }
  if (error instanceof MongoServerSelectionError || error instanceof MongoWriteConcernError || isPassing(error))
    return storeError('STORE_UNREACHABLE', { url, reason }, options)
  if (!(error instanceof MongoError)) return error
  const isRefusedUser = unauthorized.has(error.code) || (error.code === atlasError && isOfHandshake(error))
  if (isRefusedUser) return storeError('STORE_UNAUTHORIZED', { url, reason }, options)
  if (full.has(error.code) || error.code === atlasError)
    return storeError('STORE_FULL', { folder: url, reason }, options)
  return storeError('STORE_SERVER', { url, reason }, options)
}

function isOfHandshake(error: MongoError): boolean {
  return error.hasErrorLabel(MongoErrorLabel.HandshakeError)
}

/** Most bytes of one insertion request; MongoDB takes 48 MB. */
const mostBytes = 32 * 1024 * 1024
const mostDocuments = 1000

/**
 * Inserts documents with one request, and returns the indexes of documents whose id is taken. An ordered insertion ends at the
 * first of these. The driver's own insertMany reports a broken connection by an error that looks like any other.
 */
export async function insertMany(
  database: Db,
  collection: string,
  documents: readonly Document[],
  { ordered }: { readonly ordered: boolean },
): Promise<readonly number[]> {
  const command = { insert: collection, documents, ordered, writeConcern: { w: 'majority', j: true } }
  const { writeErrors = [] }: InsertAnswer = await database.command(command)
  const other = writeErrors.find(({ code }) => code !== 11_000)
  if (other) throw new MongoServerError({ message: other.errmsg ?? '', code: other.code })
  return writeErrors.map(({ index }) => index)
}

interface InsertAnswer {
  readonly writeErrors?: readonly { readonly index: number; readonly code: number; readonly errmsg?: string }[]
}

/** Divides documents into lists, each of which fits into one request. */
export function* requests<Kind extends Document>(documents: readonly Kind[]): Generator<readonly Kind[]> {
  let from = 0
  let bytes = 0
  for (const [index, document] of documents.entries()) {
    const more = BSON.calculateObjectSize(document)
    if (index - from === mostDocuments || (bytes + more > mostBytes && index > from)) {
      yield documents.slice(from, index)
      from = index
      bytes = 0
    }
    bytes += more
  }
  if (from < documents.length) yield documents.slice(from)
}
