import { CodedError, errorFactory } from '../errors/coded-error.ts'

const storeErrors = {
  STORE_VERSION: {
    message: '{key} has version {present}, but version {expected} was expected',
    hint: 'load {key} again; another writer was faster',
  },
  STORE_EXISTS: { message: '{collection} has a document {id} already', hint: 'choose another id, or replace it' },
  STORE_KEY: {
    message: 'a key must have 1 to 500 bytes of UTF-8 and no control characters, but this key has {found}',
    hint: 'choose another key',
  },
  STORE_VALUE: {
    message: '{path} is {found}, which cannot be stored',
    hint: 'store plain objects, arrays, numbers, strings, and outside of documents bigints and typed arrays',
  },
  STORE_BYTES: {
    message: '{length} bytes of the store are not a stored value: {found}',
    hint: 'find out which version wrote the bytes, or restore the store from a copy',
  },
  STORE_CLOSED: { message: 'the store is closed', hint: 'open the store again' },
  STORE_FOREIGN: {
    message: '{folder} holds {found}, and is no store',
    hint: 'name an empty or a new folder or database',
  },
  STORE_FORMAT: {
    message: '{folder} has format {found}, but this version reads format {known}',
    hint: 'use the version that wrote the store, or a newer version',
  },
  STORE_DAMAGED: { message: '{folder} is damaged: {found}', hint: 'restore the store from a copy, or use another' },
  STORE_IN_USE: { message: '{folder} is open in {owner}', hint: 'stop this process, or name another folder' },
  STORE_LOCK: {
    message: '{folder} cannot be locked against other processes: {reason}',
    hint: 'name a folder on a local disk of Linux, macOS or Windows (x64 or arm64), or keep the state in MongoDB: --store mongodb://host:port/database',
  },
  STORE_DENIED: {
    message: '{folder} cannot be used: {reason}',
    hint: 'allow reading and writing, or name another folder',
  },
  STORE_FULL: {
    message: '{folder} has no space left: {reason}',
    hint: 'free some space, or check that the disk is sound; acknowledged writes are kept',
  },
  STORE_LOST: {
    message: '{folder} cannot be reached: {reason}',
    hint: 'check that the disk or network folder is present and sound, then start this process again; acknowledged writes are kept',
  },
  STORE_URL: {
    message: '{url} names no MongoDB database: {reason}',
    hint: 'write mongodb://host:port/database, or with a user mongodb://user:password@host:port/database?authSource=admin',
  },
  STORE_UNREACHABLE: {
    message: 'the server of {url} does not answer: {reason}',
    hint: 'check that the server runs and can be reached; acknowledged writes are kept, other writes may have been made',
  },
  STORE_UNAUTHORIZED: {
    message: 'the server of {url} refuses this user: {reason}',
    hint: 'check user, password and authSource, and that the user may read and write the database',
  },
  STORE_SERVER: {
    message: 'the server of {url} refused a request: {reason}',
    hint: 'read the log of the server, and check that the server is MongoDB 6.0 or newer',
  },
  STORE_LARGE: {
    message: '{key} has {bytes} bytes, but a document of this store has at most {most}',
    hint: 'split the document, or put its large part into a blob',
  },
  STORE_ABANDONED: {
    message: 'the writing of {key} stood still for an hour, and another writer has ended it',
    hint: 'write {key} again, from a source that does not pause for an hour',
  },
} as const

export const storeError = errorFactory(storeErrors)

/** Codes of a store that can't be written at present. The same write may succeed later. */
const troubleCodes = ['STORE_FULL', 'STORE_DENIED', 'STORE_LOST', 'STORE_UNREACHABLE', 'STORE_UNAUTHORIZED'] as const

export type StoreTroubleCode = (typeof troubleCodes)[number]

/** Whether an error means that the store can't be written at present, in contrast to a faulty write. */
export function isStoreTrouble(cause: unknown): cause is CodedError<StoreTroubleCode> {
  return cause instanceof CodedError && isStoreTroubleCode(cause.code)
}

/** Whether a code is that of a store that can't be written at present. */
export function isStoreTroubleCode(code: unknown): code is StoreTroubleCode {
  return troubleCodes.some((known) => known === code)
}
