import { type Collection, ObjectId } from 'mongodb'
import { storeError } from '../errors.ts'
import { compareKeys } from '../keys.ts'
import type { DocumentFields } from '../store.ts'
import type { MongodbAccess } from './access.ts'
import type { Batches } from './batches.ts'
import { type DocumentRecord, documentRecord } from './document-record.ts'
import { insertMany, requests } from './insert-many.ts'
import { isCreated } from './mongodb-errors.ts'

export interface InsertionPlace {
  readonly access: MongodbAccess
  readonly batches: Batches
  /** Name of the collection in the store. */
  readonly name: string
  readonly records: Collection<DocumentRecord>
}

/** Inserts one document, which needs no batch. */
export async function insertOne(place: InsertionPlace, id: string, fields: DocumentFields): Promise<void> {
  const { access, name, records } = place
  const _write = new ObjectId()
  const record = documentRecord(name, id, 1, fields, { _write })
  await access.attempt(async (uncertain) => {
    while (!(await isCreated(records.insertOne(record)))) {
      const present = await records.findOne({ _id: id })
      if (present?._write.equals(_write)) return
      if (uncertain && present && present._version > 1) throw access.unknown(`${name}/${id}`)
      if (await isTaken(place, id)) throw storeError('STORE_EXISTS', { collection: name, id })
    }
  })
}

/** Inserts documents, all or none. */
export async function insertTogether(
  place: InsertionPlace,
  documents: readonly { readonly id: string; readonly fields: DocumentFields }[],
): Promise<void> {
  const { batches, name, records } = place
  const _write = new ObjectId()
  // In one order for everyone, so that of two that insert the same ids one waits for the other, and not each for each.
  const members = documents
    .map(({ id, fields }) => documentRecord(name, id, 1, fields, { _write, _batch: _write }))
    .toSorted((a, b) => compareKeys(a._id, b._id))
  for (;;) {
    const _batch = new ObjectId()
    await batches.open(_batch, records.collectionName)
    const taken = await insertMembers(
      place,
      _batch,
      members.map((member) => ({ ...member, _batch })),
    )
    const isCommitted = taken === undefined && (await batches.commit(_batch))
    // What can't be done now is by `sweep`; until then the batch says whether they are there.
    await finish(place, _batch, members, isCommitted).catch(() => {})
    if (taken !== undefined) throw storeError('STORE_EXISTS', { collection: name, id: taken })
    if (isCommitted) return
  }
}

/** Writes the members of a batch. Answers with the id that is taken, if one is. */
async function insertMembers(
  place: InsertionPlace,
  batch: ObjectId,
  members: readonly DocumentRecord[],
): Promise<string | undefined> {
  const { access, records } = place
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
        else if (await isTaken(place, id)) return id
      }
      return undefined
    })
    if (taken !== undefined) return taken
  }
  return undefined
}

/** Whether an id is taken by a document that is there; what else has it is taken away, or waited for. */
async function isTaken({ batches, records }: InsertionPlace, id: string): Promise<boolean> {
  const present = await records.findOne({ _id: id })
  if (!present?._batch) return present !== null
  await batches.settle(present._batch)
  const visible = await batches.visible(() => records.findOne({ _id: id }))
  if (!visible) await records.deleteOne({ _id: id, _batch: present._batch })
  return visible !== null
}

async function finish(
  { access, batches, records }: InsertionPlace,
  batch: ObjectId,
  members: readonly DocumentRecord[],
  isCommitted: boolean,
): Promise<void> {
  // By their range, since a list of ids may be too long for a request, and the number of the batch has no index.
  const range = { $gte: members[0]?._id ?? '', $lte: members.at(-1)?._id ?? '' }
  const own = { _id: range, _batch: batch }
  await access.attempt<unknown>(() =>
    isCommitted ? records.updateMany(own, { $unset: { _batch: '' } }) : records.deleteMany(own),
  )
  await batches.forget(batch)
}
