import { errorFactory } from '../errors.ts'

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
  STORE_CLOSED: { message: 'the store is closed', hint: 'open it again' },
  STORE_FOREIGN: { message: '{folder} holds {found}, and is no store', hint: 'name an empty or a new folder' },
  STORE_FORMAT: {
    message: '{folder} has format {found}, and this version reads format {known}',
    hint: 'use the version that wrote it, or a newer one',
  },
  STORE_DAMAGED: { message: '{folder} is damaged: {found}', hint: 'restore the folder from a copy, or use another' },
  STORE_IN_USE: { message: '{folder} is open in process {pid}', hint: 'stop that process, or name another folder' },
  STORE_DENIED: {
    message: '{folder} cannot be used: {reason}',
    hint: 'allow reading and writing, or name another folder',
  },
  STORE_FULL: {
    message: 'there is no room to write in {folder}: {reason}',
    hint: 'free some space, or see whether the disk is sound; what was acknowledged is kept',
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
