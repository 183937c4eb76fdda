import type { Store } from '../../../runtime/index.ts'
import type { Collections } from '../records/collections.ts'

/** Removes the revisions of a design that is gone, if no job keeps them. What a crash leaves of them is in nobody's way. */
export async function removeLeftRevisions(
  { designs, jobs, schemas, codes }: Collections,
  store: Store,
  serial: string,
): Promise<void> {
  for await (const _design of designs.find({ where: { serial }, limit: 1 })) return
  for await (const _job of jobs.find({ where: { designSerial: serial }, limit: 1 })) return
  for await (const { id } of schemas.below(`${serial}/`)) await schemas.remove(id)
  for await (const { id } of codes.below(`${serial}/`)) {
    await store.removeBlob(`code/${id}`)
    await codes.remove(id)
  }
}
