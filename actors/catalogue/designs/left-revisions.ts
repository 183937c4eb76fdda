import type { Store } from '../../../runtime/index.ts'
import type { Collections } from '../../records/collections.ts'
import type { Revisions } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'

/**
 * Removes the revisions that no job names of a design that is gone, or of what was taken away of it. What a crash leaves of
 * them goes the next time. While the design has its schema, or code, all revisions of that stay, since jobs may name them.
 */
export async function removeLeftRevisions(
  { designs, jobs, schemas, codes }: Collections,
  store: Store,
  serial: string,
): Promise<void> {
  const design = await firstOf(designs.find({ where: { serial }, limit: 1 }))
  const left = {
    schemas: await takenAway(schemas.below(`${serial}/`), design?.value.schema),
    codes: await takenAway(codes.below(`${serial}/`), design?.value.code),
  }
  if (left.schemas.size + left.codes.size === 0) return
  for await (const { value } of jobs.find({ where: { designSerial: serial } })) {
    if (value.removing) continue
    left.schemas.delete(`${serial}/${value.spec.schemaRevision}`)
    left.codes.delete(`${serial}/${value.spec.codeRevision}`)
    if (left.schemas.size + left.codes.size === 0) return
  }
  for (const id of left.schemas) await schemas.remove(id)
  for (const id of left.codes) {
    await store.removeBlob(`code/${id}`)
    await codes.remove(id)
  }
}

/** The revisions that there are, if what they are of was taken away; those made meanwhile are none of them. */
async function takenAway(
  records: AsyncIterable<Pick<Stored<unknown>, 'id'>>,
  { last, present }: Pick<Revisions, 'last' | 'present'> = { last: Number.POSITIVE_INFINITY, present: false },
): Promise<Set<string>> {
  const ids = new Set<string>()
  if (present) return ids
  for await (const { id } of records) if (Number(id.slice(id.lastIndexOf('/') + 1)) <= last) ids.add(id)
  return ids
}

async function firstOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item
  return undefined
}
