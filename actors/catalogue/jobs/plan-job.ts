import { expand, type Schema, type Task, type Topology, validateTopology } from '../../../sdk/index.ts'
import { faultyError, type PlacedFault } from '../../errors.ts'
import { topFolders } from '../designs/archive.ts'
import { modelSpecFaults } from '../model/algorithms.ts'
import { isIdentifier } from '../model/atoms.ts'
import { backends, type JobSpecification, mostTasks } from '../model/job.ts'
import type { CatalogueParts } from '../parts.ts'
import type { Collections } from '../records/collections.ts'
import type { DatasetRecord, DesignRecord, Revisions } from '../records/record-models.ts'

/** A job found to be in order. */
export interface JobPlan {
  readonly spec: JobSpecification
  readonly designSerial: string
  readonly tasks: readonly Task[]
}

/** Checks the whole of a job against the catalogue and expands it. JOB_INVALID with every fault; nothing is written. */
export async function planJob(
  collections: Collections,
  { newKey }: CatalogueParts,
  user: string,
  jobId: string,
  given: JobSpecification,
): Promise<JobPlan> {
  const faults: PlacedFault[] = modelSpecFaults(given.modelSpec)
  const found = await collections.designs.get(`${user}/${given.designId}`)
  if (!found) {
    const message = `there is no design ${given.designId}`
    throw invalid([{ code: 'DESIGN_UNKNOWN', place: 'designId', message }, ...faults])
  }
  const design = found.value
  const [[schemaRevision, schema], [codeRevision, codeFolders], datasets] = await Promise.all([
    schemaOf(collections, design, given, faults),
    codeOf(collections, design, given, faults),
    datasetsOf(collections, user, given),
  ])
  const dataSpec = (given.dataSpec ?? []).map(({ role, datasetGroups = {} }) => ({ role, datasetGroups }))
  if (schema) {
    const facts = { datasets, backends, mostTasks, ...(codeFolders ? { codeFolders } : {}) }
    for (const fault of validateTopology({ schema, dataSpec }, facts)) faults.push(fault)
  }
  if (faults.length > 0 || !schema) throw invalid(faults)
  const topology: Topology = { schema, dataSpec }
  const computeOf = (dataset: string) => datasets.get(dataset)?.computeId ?? 'default'
  return {
    spec: { ...given, id: jobId, userId: user, name: given.name ?? given.designId, schemaRevision, codeRevision },
    designSerial: design.serial,
    tasks: expand(topology, { jobId, newKey, computeOf }),
  }
}

function invalid(faults: readonly PlacedFault[]): Error {
  return faultyError('JOB_INVALID', faults)
}

async function schemaOf(
  { schemas }: Collections,
  { serial, schema }: DesignRecord,
  given: JobSpecification,
  faults: PlacedFault[],
): Promise<[number, Schema | undefined]> {
  const revision = given.schemaRevision ?? lastOf(schema)
  const found = revision > schema.last ? undefined : await schemas.get(`${serial}/${revision}`)
  if (!found) faults.push(missing('SCHEMA_UNKNOWN', 'schemaRevision', given.schemaRevision, schema))
  return [revision, found?.value]
}

async function codeOf(
  { codes }: Collections,
  { serial, code }: DesignRecord,
  given: JobSpecification,
  faults: PlacedFault[],
): Promise<[number, string[] | undefined]> {
  const revision = given.codeRevision ?? lastOf(code)
  const found = revision > code.last ? undefined : await codes.get(`${serial}/${revision}`)
  if (!found) faults.push(missing('CODE_UNKNOWN', 'codeRevision', given.codeRevision, code))
  return [revision, found && topFolders(found.value.files)]
}

function lastOf({ last, present }: Revisions): number {
  return present ? last : 0
}

function missing(code: string, place: string, asked: number | undefined, { last }: Revisions): PlacedFault {
  const what = code === 'SCHEMA_UNKNOWN' ? 'schema' : 'code'
  if (asked === undefined) return { code, place: 'designId', message: `the design has no ${what}` }
  return { code, place, message: `the design has no revision ${asked} of its ${what}; the last is ${last}` }
}

/** Those that the job names, are there, and may be read by this user. */
async function datasetsOf(
  { datasets }: Collections,
  user: string,
  { dataSpec = [] }: JobSpecification,
): Promise<Map<string, DatasetRecord>> {
  const named = dataSpec.flatMap(({ datasetGroups = {} }) => Object.values(datasetGroups).flat())
  const ids = [...new Set(named)].filter(isIdentifier)
  const found = await Promise.all(ids.map(async (id) => [id, (await datasets.get(id))?.value] as const))
  return new Map(
    found.flatMap(([id, value]) => (value && (value.userId === user || value.isPublic) ? [[id, value]] : [])),
  )
}
