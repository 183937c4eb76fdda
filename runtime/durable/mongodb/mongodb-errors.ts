import {
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from 'mongodb'
import { CodedError } from '../../errors/coded-error.ts'
import { storeError } from '../errors.ts'

/** The server has forgotten a cursor, gives up its role or shuts down: another attempt may find it, or its successor. */
const passing = new Set<unknown>([6, 7, 43, 89, 91, 189, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436])
const unauthorized = new Set<unknown>([13, 18])
const full = new Set<unknown>([14_031])
/** Atlas says so of a user whom it refuses when the connection is made, and later of a database that is over its quota. */
const atlasError = 8000

/** What Node says of a socket that the server has just ended; the driver passes it on as it is. */
const broken = new Set<unknown>([
  'EPIPE',
  'ECONNRESET',
  'ETIMEDOUT',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
])

/** Whether an attempt that failed so may be made again. It may have had its effect all the same. */
export function isPassing(error: unknown): boolean {
  if (error instanceof MongoNetworkError) return true
  if (error instanceof MongoError) return error instanceof MongoServerError && passing.has(error.code)
  return error instanceof Error && 'code' in error && broken.has(error.code)
}

/** Whether a document was refused because one of its id is there. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 11_000
}

/** Whether an insertion was made: false if a document of that id was there. */
export async function isCreated(insertion: Promise<unknown>): Promise<boolean> {
  try {
    await insertion
    return true
  } catch (error) {
    if (isDuplicate(error)) return false
    throw error
  }
}

/** What an error of the driver means for the store. */
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
