import { type Collection, ObjectId } from 'mongodb'
import { storeError } from '../errors.ts'
import { compareKeys } from '../keys.ts'
import type { NewDocument } from '../store.ts'
import type { MongodbAccess } from './access.ts'
import type { Batches } from './batches.ts'
import { type DocumentRecord, documentRecord } from './document-record.ts'
import { insertMany, requests } from './insert-many.ts'
import { isCreated } from './mongodb-errors.ts'

/** Ids that one request names. */
const mostIds = 1000

export interface InsertionPlace {
  readonly access: MongodbAccess
  readonly batches: Batches
  /** The collection of the database for one of the store. */
  records(collection: string): Collection<DocumentRecord>
}

/** Documents of one collection that are inserted together with others. */
interface Members {
  /** Name of the collection in the store. */
  readonly name: string
  readonly records: Collection<DocumentRecord>
  readonly documents: readonly DocumentRecord[]
}

/** Inserts one document, which needs no batch. */
export async function insertOne(place: InsertionPlace, { collection: name, id, fields }: NewDocument): Promise<void> {
  const { access } = place
  const records = place.records(name)
  const _write = new ObjectId()
  const record = documentRecord(name, id, 1, fields, { _write })
  await access.attempt(async (uncertain) => {
    while (!(await isCreated(records.insertOne(record)))) {
      const present = await records.findOne({ _id: id })
      if (present?._write.equals(_write)) return
      if (uncertain && present && present._version > 1) throw access.unknown(`${name}/${id}`)
      if (await isTaken(place, records, id)) throw storeError('STORE_EXISTS', { collection: name, id })
    }
  })
}

/** Inserts documents, all or none. */
export async function insertTogether(place: InsertionPlace, documents: readonly NewDocument[]): Promise<void> {
  const { access, batches } = place
  const groups = groupsOf(place, documents, new ObjectId())
  for (;;) {
    const batch = new ObjectId()
    await batches.open(
      batch,
      groups.map(({ records }) => records.collectionName),
    )
    const taken = await insertGroups(place, batch, groups)
    const isCommitted = taken === undefined && (await batches.commit(batch))
    // The batch says whether they are there. What can't be done now is by `sweep`.
    const finished = finish(place, batch, groups, isCommitted).catch(() => {})
    if (isCommitted) return batches.finishLater(access.track(finished))
    await finished
    if (taken) throw storeError('STORE_EXISTS', { collection: taken.name, id: taken.id })
  }
}

/** In one order for everyone, so that of two that insert the same ids one waits for the other, and not each for each. */
function groupsOf(place: InsertionPlace, documents: readonly NewDocument[], _write: ObjectId): Members[] {
  const names = [...new Set(documents.map(({ collection }) => collection))].toSorted(compareKeys)
  return names.map((name) => ({
    name,
    records: place.records(name),
    documents: documents
      .filter(({ collection }) => collection === name)
      .map(({ id, fields }) => documentRecord(name, id, 1, fields, { _write, _batch: _write }))
      .toSorted((a, b) => compareKeys(a._id, b._id)),
  }))
}

/** Writes the members of a batch. Answers with what is taken, if something is. */
async function insertGroups(
  place: InsertionPlace,
  _batch: ObjectId,
  groups: readonly Members[],
): Promise<{ readonly name: string; readonly id: string } | undefined> {
  for (const { name, records, documents } of groups) {
    const members = documents.map((document) => ({ ...document, _batch }))
    const id = await insertMembers(place, records, _batch, members)
    if (id !== undefined) return { name, id }
  }
  return undefined
}

async function insertMembers(
  place: InsertionPlace,
  records: Collection<DocumentRecord>,
  batch: ObjectId,
  members: readonly DocumentRecord[],
): Promise<string | undefined> {
  const { access } = place
  for (const request of requests(members)) {
    let left = request
    const taken = await access.attempt(async () => {
      while (left.length > 0) {
        const [duplicate] = await insertMany(access.database, records.collectionName, left, { ordered: true })
        if (duplicate === undefined) break
        left = left.slice(duplicate)
        const id = left[0]?._id ?? ''
        const present = await records.findOne({ _id: id })
        if (present?._batch?.equals(batch)) left = left.slice(1)
        else if (await isTaken(place, records, id)) return id
      }
      return undefined
    })
    if (taken !== undefined) return taken
  }
  return undefined
}

/** Whether an id is taken by a document that is there; what else has it is taken away, or waited for. */
async function isTaken({ batches }: InsertionPlace, records: Collection<DocumentRecord>, id: string): Promise<boolean> {
  const present = await records.findOne({ _id: id })
  if (!present?._batch) return present !== null
  await batches.settle(present._batch)
  const visible = await batches.visible(() => records.findOne({ _id: id }))
  if (!visible) await records.deleteOne({ _id: id, _batch: present._batch })
  return visible !== null
}

async function finish(
  { access, batches }: InsertionPlace,
  _batch: ObjectId,
  groups: readonly Members[],
  isCommitted: boolean,
): Promise<void> {
  const finishing = groups.flatMap(({ records, documents }) =>
    idLists(documents).map((ids) => {
      const own = { _id: { $in: ids }, _batch }
      return access.attempt<unknown>(() =>
        isCommitted ? records.updateMany(own, { $unset: { _batch: '' } }) : records.deleteMany(own),
      )
    }),
  )
  await Promise.all(finishing)
  await batches.forget(_batch)
}

/** The ids of documents, in lists short enough for a request: each id has 500 bytes at most. */
function idLists(documents: readonly DocumentRecord[]): string[][] {
  const lists: string[][] = []
  for (let from = 0; from < documents.length; from += mostIds)
    lists.push(documents.slice(from, from + mostIds).map(({ _id }) => _id))
  return lists
}
