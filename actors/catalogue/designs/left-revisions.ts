import type { Store } from '../../../runtime/index.ts'
import type { Collections } from '../records/collections.ts'

/** Removes the revisions of a design that is gone, if no job keeps them. What a crash leaves of them is in nobody's way. */
export async function removeLeftRevisions(
  { designs, jobs, schemas, codes }: Collections,
  store: Store,
  serial: string,
): Promise<void> {
  const design = await idsOf(designs.find({ where: { serial }, limit: 1 }))
  const users = await idsOf(jobs.find({ where: { designSerial: serial }, limit: 1 }))
  if (design.length > 0 || users.length > 0) return
  for (const id of await idsOf(schemas.below(`${serial}/`))) await schemas.remove(id)
  for (const id of await idsOf(codes.below(`${serial}/`))) {
    await store.removeBlob(`code/${id}`)
    await codes.remove(id)
  }
}

async function idsOf(records: AsyncIterable<{ readonly id: string }>): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of records) ids.push(id)
  return ids
}
