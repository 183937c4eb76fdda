import { CodedError } from '../../../runtime/index.ts'
import {
  defaultCompute,
  expansion,
  findFaults,
  type Schema,
  type Task,
  type Topology,
  taskCount,
  tasksWithData,
} from '../../../sdk/index.ts'
import { topFolders } from '../../catalogue/archive.ts'
import { isTrusted } from '../../catalogue/compute-trust.ts'
import { modelSpecFaults } from '../../model/algorithms.ts'
import { isIdentifier } from '../../model/atoms.ts'
import { catalogueError, faultyError, type PlacedFault } from '../../model/errors.ts'
import { type FoundFaults, foundFaults } from '../../model/faults.ts'
import {
  backends,
  defaultBackend,
  mostTasks as defaultMostTasks,
  type JobSpecification,
  namedDatasets,
} from '../../model/job.ts'
import type { Collections } from '../../records/collections.ts'
import type { CatalogueParts } from '../../records/parts.ts'
import type {
  BaseModelRecord,
  CatalogueJob,
  ComputeRecord,
  DatasetRecord,
  DesignRecord,
  Revisions,
  TaskRecord,
} from '../../records/record-models.ts'
import { batchSize, inBatches } from '../../records/records.ts'

/** A task, with the administrator and the dataset owner that were allowed at the time of planning. */
export type PlannedTask = Task & Pick<TaskRecord, 'computeAdmin' | 'datasetOwner'>

/** A valid job. */
export interface CheckedJob {
  readonly spec: JobSpecification
  /** The model with which the job begins, for the job's record. */
  readonly base: Pick<CatalogueJob, 'baseModel' | 'baseRun'>
  readonly designSerial: string
  /** The job's tasks, each made when it is taken. Can be iterated once. */
  readonly expanded: Iterable<PlannedTask>
  /** Number of the job's tasks. */
  readonly count: number
}

/**
 * Checks a whole job against the catalogue, and expands it into tasks. Writes nothing. JOB_INVALID with every fault.
 */
export async function planJob(
  collections: Collections,
  {
    newKey,
    mostTasks = defaultMostTasks,
    runFaults = () => [],
    registryFaults = () => [],
    baseModelOf = async () => undefined,
    computeAdmins,
  }: CatalogueParts,
  user: string,
  jobId: string,
  given: JobSpecification,
): Promise<CheckedJob> {
  const found = modelSpecFaults(given.modelSpec)
  const named = await collections.designs.get(`${user}/${given.designId}`)
  if (!named) {
    const message = `there is no design ${given.designId}`
    const all = foundFaults()
    all.note(() => ({ code: 'DESIGN_UNKNOWN', place: 'designId', message }))
    all.noteAll(found.listed, found.count)
    throw faultyError('JOB_INVALID', all)
  }
  const design = named.value
  const dataSpec = (given.dataSpec ?? []).map(({ role, datasetGroups = {} }) => ({ role, datasetGroups }))
  const asked = [...tasksWithData({ dataSpec }).values()].reduce((sum, tasks) => sum + tasks, 0)
  const [[schemaRevision, schema], [codeRevision, codeFolders], datasets] = await Promise.all([
    schemaOf(collections, design, given, found),
    codeOf(collections, design, given, found),
    // A job that asks for too many tasks is refused without reading its datasets.
    asked > mostTasks ? undefined : datasetsOf(collections, user, given),
  ])
  const admins = computeAdmins && datasets && (await adminsOf(collections, computeAdmins, datasets, found))
  const computes = new Set([defaultCompute, ...[...(datasets?.values() ?? [])].map(({ computeId }) => computeId)])
  const tasks = [...computes].map((computeId) => ({ computeId }))
  if (found.count === 0 && schema && datasets) {
    found.noteAll(runFaults(given, schema, tasks))
    found.noteAll(registryFaults(given))
  }
  const facts = { backends, mostTasks, ...(datasets ? { datasets } : {}), ...(codeFolders ? { codeFolders } : {}) }
  if (schema) {
    const { faults, count } = findFaults({ schema, dataSpec }, facts)
    found.noteAll(faults, count)
  }
  const base = found.count > 0 ? {} : await baseOf(() => baseModelOf(user, given, tasks), found)
  if (found.count > 0 || !schema) throw faultyError('JOB_INVALID', found)
  const topology: Topology = { schema, dataSpec }
  function* planned(): Generator<PlannedTask> {
    for (const task of expansion(topology, { jobId, newKey, computeOf })) {
      const computeAdmin = admins?.get(task.computeId)
      const datasetOwner = datasets?.get(task.dataset ?? '')?.userId
      yield {
        ...task,
        ...(computeAdmin === undefined ? {} : { computeAdmin }),
        ...(datasetOwner === undefined ? {} : { datasetOwner }),
      }
    }
  }
  const computeOf = (dataset: string) => datasets?.get(dataset)?.computeId ?? defaultCompute
  return {
    spec: {
      ...given,
      backend: given.backend ?? defaultBackend,
      id: jobId,
      userId: user,
      name: given.name ?? given.designId,
      schemaRevision,
      codeRevision,
    },
    base,
    designSerial: design.serial,
    expanded: planned(),
    count: taskCount(topology),
  }
}

/** Finds the base model last of all, since its registry may be slow. Notes why there is none. */
async function baseOf(
  find: () => Promise<BaseModelRecord | undefined>,
  found: FoundFaults,
): Promise<CheckedJob['base']> {
  try {
    const baseModel = await find()
    if (!baseModel) return {}
    return { baseModel, ...(baseModel.run !== undefined && { baseRun: baseModel.run }) }
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    const { code, message, hint } = cause
    found.note(() => ({ code, place: 'modelSpec.baseModel', message, hint }))
    return {}
  }
}

async function schemaOf(
  { schemas }: Collections,
  { serial, schema }: DesignRecord,
  given: JobSpecification,
  found: FoundFaults,
): Promise<[number, Schema | undefined]> {
  const revision = given.schemaRevision ?? lastOf(schema)
  // Revisions of a removed schema stay for the jobs that name them; a new job may not name them.
  const present = revision > lastOf(schema) ? undefined : await schemas.get(`${serial}/${revision}`)
  if (!present) found.note(() => missing('SCHEMA_UNKNOWN', 'schemaRevision', given.schemaRevision, schema))
  return [revision, present?.value]
}

async function codeOf(
  { codes }: Collections,
  { serial, code }: DesignRecord,
  given: JobSpecification,
  found: FoundFaults,
): Promise<[number, string[] | undefined]> {
  const revision = given.codeRevision ?? lastOf(code)
  const present = revision > lastOf(code) ? undefined : await codes.get(`${serial}/${revision}`)
  if (!present) found.note(() => missing('CODE_UNKNOWN', 'codeRevision', given.codeRevision, code))
  return [revision, present && topFolders(present.value.files)]
}

function lastOf({ last, present }: Revisions): number {
  return present ? last : 0
}

function missing(code: string, place: string, asked: number | undefined, { last }: Revisions): PlacedFault {
  const what = code === 'SCHEMA_UNKNOWN' ? 'schema' : 'code'
  if (asked === undefined) return { code, place: 'designId', message: `the design has no ${what}` }
  return { code, place, message: `the design has no revision ${asked} of its ${what}; the last is ${last}` }
}

/** The datasets that the job names and the user may read, by id. */
async function datasetsOf(
  { datasets }: Collections,
  user: string,
  spec: JobSpecification,
): Promise<Map<string, DatasetRecord>> {
  const found = new Map<string, DatasetRecord>()
  await inBatches([...namedDatasets(spec)].filter(isIdentifier), batchSize, async (ids) => {
    const read = await Promise.all(ids.map((id) => datasets.get(id)))
    for (const dataset of read)
      if (dataset && (dataset.value.userId === user || dataset.value.isPublic)) found.set(dataset.id, dataset.value)
  })
  return found
}

/**
 * Administrators of the computes that datasets are bound to, by compute. Notes a fault for each compute that an owner
 * doesn't trust.
 */
async function adminsOf(
  { computes }: Collections,
  admins: readonly string[],
  datasets: ReadonlyMap<string, DatasetRecord>,
  found: FoundFaults,
): Promise<Map<string, string>> {
  const registered = new Map<string, ComputeRecord>()
  const ids = new Set([...datasets.values()].map(({ computeId }) => computeId).filter((id) => id !== defaultCompute))
  await inBatches(ids, batchSize, async (batch) => {
    const read = await Promise.all(batch.map((id) => computes.get(id)))
    for (const compute of read) if (compute) registered.set(compute.id, compute.value)
  })
  const refused = new Set<string>()
  for (const dataset of datasets.values()) {
    const { id: name, computeId: id } = dataset
    const compute = registered.get(id)
    if (!compute || refused.has(id) || isTrusted(admins, compute, dataset)) continue
    refused.add(id)
    const { code, message, hint } = catalogueError('COMPUTE_UNTRUSTED', { id, admin: compute.adminId })
    found.note(() => ({ code, place: 'dataSpec', message: `dataset ${name}: ${message}`, hint }))
  }
  return new Map([...registered].map(([id, { adminId }]) => [id, adminId]))
}
