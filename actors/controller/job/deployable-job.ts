import type { Collections } from '../../catalogue/records/collections.ts'
import type { CatalogueJob, TaskRecord } from '../../catalogue/records/record-models.ts'
import { catalogueError } from '../../errors.ts'
import type { DeployableJob } from '../deployer.ts'
import type { HeldLease } from './protocol.ts'

/** What a deployer is to know of a job. SCHEMA_UNKNOWN if its design is gone. */
export async function deployableJob(
  { schemas }: Collections,
  { job: id, takenOver }: HeldLease,
  { spec, designSerial, userId: user, run = id, start = '' }: CatalogueJob,
  tasks: readonly TaskRecord[],
): Promise<DeployableJob> {
  const found = await schemas.get(`${designSerial}/${spec.schemaRevision}`)
  if (!found) throw catalogueError('SCHEMA_UNKNOWN', { id: spec.designId })
  return { id, run, start, takenOver, user, spec, designSerial, schema: found.value, tasks }
}
