import type { Document } from 'mongodb'
import type { DocumentFields, DocumentValue } from '../store.ts'
import { fieldName, givenName, topFieldName } from './names.ts'

/** A document's fields, copied by `copyFields`, as they stand at the top of one of MongoDB. */
export function toBson(fields: DocumentFields): Document {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [topFieldName(name), valueToBson(value)]))
}

/** The fields of a document of MongoDB, without the store's own, which begin with an underscore. */
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
