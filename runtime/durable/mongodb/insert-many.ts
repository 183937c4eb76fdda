import { BSON, type Db, type Document, MongoServerError } from 'mongodb'

/** Of one request; MongoDB takes 48 MB. */
const mostBytes = 32 * 1024 * 1024
const mostDocuments = 1000

/**
 * Inserts documents with one request, and answers with the places of those whose id was there; an ordered insertion ends at the
 * first of them. The driver's own insertMany hides a broken connection behind an error that doesn't tell it from others.
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

/** The same documents, in lists that fit into a request each. */
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
