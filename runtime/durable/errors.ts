import { CodedError, errorFactory } from '../errors/coded-error.ts'

const storeErrors = {
  STORE_VERSION: {
    message: '{key} has version {present}, and version {expected} was expected',
    hint: 'load it again; another writer was faster',
  },
  STORE_EXISTS: { message: '{collection} has a document {id} already', hint: 'choose another id, or replace it' },
  STORE_KEY: {
    message: 'a key has 1 to 500 bytes of UTF-8 and no control characters, and this one has {found}',
    hint: 'choose another key',
  },
  STORE_VALUE: {
    message: '{place} is {found}, which cannot be stored',
    hint: 'store plain objects, arrays, numbers, strings, and outside of documents bigints and typed arrays',
  },
  STORE_BYTES: {
    message: '{length} bytes of the store are no value that was kept: {found}',
    hint: 'see which version wrote them, or restore the store from a copy',
  },
  STORE_CLOSED: { message: 'the store is closed', hint: 'open it again' },
  STORE_FOREIGN: { message: '{folder} holds {found}, and is no store', hint: 'name an empty or a new one' },
  STORE_FORMAT: {
    message: '{folder} has format {found}, and this version reads format {known}',
    hint: 'use the version that wrote it, or a newer one',
  },
  STORE_DAMAGED: { message: '{folder} is damaged: {found}', hint: 'restore it from a copy, or use another' },
  STORE_IN_USE: { message: '{folder} is open in {owner}', hint: 'stop that process, or name another folder' },
  STORE_LOCK: {
    message: '{folder} cannot be locked against other processes: {reason}',
    hint: 'name a folder on a local disk of Linux, macOS or Windows (x64 or arm64), or keep the state in MongoDB: --store mongodb://host:port/database',
  },
  STORE_DENIED: {
    message: '{folder} cannot be used: {reason}',
    hint: 'allow reading and writing, or name another folder',
  },
  STORE_FULL: {
    message: 'there is no room to write in {folder}: {reason}',
    hint: 'free some space, or see whether the disk is sound; what was acknowledged is kept',
  },
  STORE_LOST: {
    message: '{folder} cannot be reached: {reason}',
    hint: 'see whether its disk or network folder is there and sound, then start this process again; what was acknowledged is kept',
  },
  STORE_URL: {
    message: '{url} names no MongoDB database: {reason}',
    hint: 'write mongodb://host:port/database, or with a user mongodb://user:password@host:port/database?authSource=admin',
  },
  STORE_UNREACHABLE: {
    message: 'the server of {url} does not answer: {reason}',
    hint: 'see that it runs and can be reached; what was acknowledged is kept, a write that was not may have been made',
  },
  STORE_UNAUTHORIZED: {
    message: 'the server of {url} refuses this user: {reason}',
    hint: 'check user, password and authSource, and that the user may read and write the database',
  },
  STORE_SERVER: {
    message: 'the server of {url} refused a request: {reason}',
    hint: 'see the log of the server, and that it is MongoDB 6.0 or newer',
  },
  STORE_LARGE: {
    message: '{key} has {bytes} bytes, and a document of this store has at most {most}',
    hint: 'split it, or put its large part into a blob',
  },
  STORE_ABANDONED: {
    message: 'the writing of {key} stood still for so long that another writer has taken it for dead',
    hint: 'write it again, from a source that does not pause for an hour',
  },
  STORE_STATE_FOREIGN: {
    message: '{key} holds a state that this actor does not know',
    hint: 'see which version wrote it, or whether two kinds of actor share the key',
  },
  STORE_EVENT_FOREIGN: {
    message: 'entry {number} of the journal {key} is nothing that this actor wrote',
    hint: 'see which version wrote it, or whether two kinds of actor share the key',
  },
} as const

export const storeError = errorFactory(storeErrors)

/** Codes by which a store says that it can't be written at present, whatever the write: the same write may succeed later. */
const troubleCodes = ['STORE_FULL', 'STORE_DENIED', 'STORE_LOST', 'STORE_UNREACHABLE', 'STORE_UNAUTHORIZED'] as const

export type StoreTroubleCode = (typeof troubleCodes)[number]

/** Whether an error says that the store can't be written at present, rather than that one write was wrong. */
export function isStoreTrouble(cause: unknown): cause is CodedError<StoreTroubleCode> {
  return cause instanceof CodedError && isStoreTroubleCode(cause.code)
}

export function isStoreTroubleCode(code: unknown): code is StoreTroubleCode {
  return troubleCodes.some((known) => known === code)
}
