import { BSON, type ObjectId } from 'mongodb'
import { storeError } from '../errors.ts'
import { copyFields } from '../fields.ts'
import type { DocumentFields, StoredDocument } from '../store.ts'
import type { BatchMember } from './batches.ts'
import { fromBson, toBson } from './document-fields.ts'

/** A document as it stands in its collection: the fields, and the store's own, which begin with an underscore. */
export interface DocumentRecord extends BatchMember {
  readonly [field: string]: unknown
}

/** MongoDB's limit. */
const mostBytes = 16 * 1024 * 1024

/** STORE_VALUE, STORE_LARGE. */
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
