import { createHash } from 'node:crypto'
import { storeError } from '../errors.ts'
import type { DocumentFields, DocumentValue, StoredDocument } from '../store.ts'
import { copyFields } from '../store-rules.ts'
import { BSON, type Document, type ObjectId } from './bundled-driver.ts'

/** A document of the store as a document of MongoDB: the given fields, and the store's own fields, which begin with an underscore. */
export interface DocumentRecord {
  readonly _id: string
  readonly _version: number
  /** Token of the call that wrote the document. */
  readonly _write: ObjectId
  /** Number of the batch that inserts the document, until the batch is committed. */
  readonly _batch?: ObjectId
  readonly [field: string]: unknown
}

/** MongoDB's limit on a document. */
const mostBytes = 16 * 1024 * 1024

/** Makes the record of a document. Throws STORE_VALUE for a field that is no plain JSON, and STORE_LARGE. */
export function documentRecord(
  collection: string,
  id: string,
  version: number,
  fields: DocumentFields,
  own: { readonly _write: ObjectId; readonly _batch?: ObjectId },
): DocumentRecord {
  const record = { _id: id, _version: version, ...toBson(copyFields(fields)), ...own }
  const bytes = BSON.calculateObjectSize(record)
  if (bytes > mostBytes) throw storeError('STORE_LARGE', { key: `${collection}/${id}`, bytes, most: mostBytes })
  return record
}

export function storedDocument(record: DocumentRecord): StoredDocument {
  return { id: record._id, version: record._version, fields: fromBson(record) }
}

/** Makes the top-level fields of a document of MongoDB from fields that `copyFields` gave. */
export function toBson(fields: DocumentFields): Document {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [topFieldName(name), valueToBson(value)]))
}

/** Gives back the fields that `toBson` was given; leaves out the store's own. */
export function fromBson(document: Document): DocumentFields {
  return Object.fromEntries(
    Object.entries(document)
      .filter(([name]) => !name.startsWith('_'))
      .map(([name, value]: [string, DocumentValue]) => [givenName(name), valueFromBson(value)]),
  )
}

function valueToBson(value: DocumentValue): DocumentValue {
  return mapped(value, fieldName, valueToBson)
}

function valueFromBson(value: DocumentValue): DocumentValue {
  return mapped(value, givenName, valueFromBson)
}

function mapped(
  value: DocumentValue,
  name: (given: string) => string,
  part: (given: DocumentValue) => DocumentValue,
): DocumentValue {
  if (typeof value !== 'object' || value === null) return value
  if (isList(value)) return value.map(part)
  return Object.fromEntries(Object.entries(value).map(([field, found]) => [name(field), part(found)]))
}

function isList(value: object): value is readonly DocumentValue[] {
  return Array.isArray(value)
}

/** MongoDB's limit on `database.collection` is 255 bytes, and the name of the database has at most 63. */
const longestCollection = 180

/** Names the collection of the database for a collection of the store: a plain name stays, other names get escapes. */
export function collectionName(name: string): string {
  const escaped = Array.from(name, (character) =>
    /[\w-]/.test(character) ? character : encodeURIComponent(character).replace(/^[^%].*/, hex),
  ).join('')
  if (escaped.length <= longestCollection) return escaped
  // No escape begins with an h.
  return `%hash-${createHash('sha256').update(name).digest('hex')}`
}

/** Escapes the name of a top-level field; the result never begins with an underscore. */
export function topFieldName(name: string): string {
  return name.startsWith('_') ? `%5F${escapeField(name.slice(1))}` : fieldName(name)
}

/** Escapes the name of a field below the top. */
export function fieldName(name: string): string {
  return name === '' ? '%' : escapeField(name)
}

/** Gives back the name that `topFieldName` or `fieldName` was given. */
export function givenName(field: string): string {
  if (field === '%') return ''
  return field.replaceAll(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

/**
 * Dots and dollars have a meaning in queries, and a name in BSON ends at its first zero. Names that every object inherits, as
 * toString, make the driver leave lists undecoded. The driver takes an object with a field _bsontype for one of its own values.
 */
function escapeField(name: string): string {
  const escaped = name.replaceAll(/[%.$\0]/g, hex)
  const hasMeaning = escaped in Object.prototype || escaped === '_bsontype'
  return hasMeaning ? `${hex(escaped.charAt(0))}${escaped.slice(1)}` : escaped
}

function hex(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
