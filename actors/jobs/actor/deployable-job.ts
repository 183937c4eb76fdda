import type { DeployableJob } from '../../deployers/deployer.ts'
import { catalogueError } from '../../model/errors.ts'
import type { Collections } from '../../records/collections.ts'
import { specificationOf } from '../../records/job-records.ts'
import type { CatalogueJob, TaskRecord } from '../../records/record-models.ts'
import type { HeldLease } from './protocol.ts'

/** What a deployer is to know of a job. SCHEMA_UNKNOWN if its design is gone. */
export async function deployableJob(
  collections: Collections,
  { job: id, takenOver }: HeldLease,
  value: CatalogueJob,
  tasks: readonly TaskRecord[],
): Promise<DeployableJob> {
  const { designSerial, userId: user, run = id, start = '' } = value
  const spec = await specificationOf(collections, { id, value })
  const found = await collections.schemas.get(`${designSerial}/${spec.schemaRevision}`)
  if (!found) throw catalogueError('SCHEMA_UNKNOWN', { id: spec.designId })
  return { id, run, start, takenOver, user, spec, designSerial, schema: found.value, tasks }
}
