import { channelsOf, defaultCompute, type Schema } from '../../../sdk/index.ts'
import { catalogueError } from '../../model/errors.ts'
import { type Algorithm, defaultBackend, type JobSpecification } from '../../model/job.ts'
import { type TaskConfig, taskConfig } from '../../model/task.ts'
import type { Collections } from '../../records/collections.ts'
import { presentJob, specificationOf } from '../../records/job-records.ts'
import { keyedTask } from '../../records/keys.ts'
import type { WorkerSettings } from '../../records/parts.ts'
import type { CatalogueJob, DatasetRecord, TaskRecord } from '../../records/record-models.ts'
import { attempted, type Stored } from '../../records/records.ts'
import type { RoleCodes } from './role-codes.ts'

/** Configuration and code of a task, for its flamelet. */
export interface TaskPackage {
  readonly config: TaskConfig
  /** A zip of the folder of the task's role. */
  readonly code: Uint8Array
}

/**
 * The package of a task, for a flamelet with the task's key. Errors of `findTask`; SCHEMA_UNKNOWN, CODE_UNKNOWN,
 * CODE_ARCHIVE, DATASET_UNKNOWN.
 */
export async function fetchTask(
  collections: Collections,
  codes: RoleCodes,
  settings: WorkerSettings,
  job: string,
  taskId: string,
  key: string | undefined,
): Promise<TaskPackage> {
  const { found, spec } = await attempted(async () => {
    const found = await findTask(collections, job, taskId, key)
    return { found, spec: await specificationOf(collections, found.job) }
  })
  const { designSerial } = found.job.value
  const { value: task } = found.task
  const schema = await collections.schemas.get(`${designSerial}/${spec.schemaRevision}`)
  if (!schema) throw catalogueError('SCHEMA_UNKNOWN', { id: spec.designId })
  const dataset = task.dataset === undefined ? undefined : await collections.datasets.get(task.dataset)
  const isForeign = task.datasetOwner !== undefined && dataset?.value.userId !== task.datasetOwner
  if (task.dataset !== undefined && (!dataset || isForeign))
    throw catalogueError('DATASET_UNKNOWN', { id: task.dataset })
  return {
    config: taskConfigOf({
      spec,
      schema: schema.value,
      task,
      settings,
      ...(dataset ? { dataset: dataset.value } : {}),
    }),
    code: await codes(designSerial, spec.codeRevision ?? 0, task.role),
  }
}

export interface FoundTask {
  readonly job: Stored<CatalogueJob>
  readonly task: Stored<TaskRecord>
}

/**
 * Finds a task, for a flamelet with the task's key. A task without a key takes the first key that is shown.
 * JOB_NOT_FOUND, TASK_UNKNOWN, TASK_KEY_MISSING, TASK_KEY_WRONG.
 */
export function findTask(
  collections: Collections,
  jobId: string,
  taskId: string,
  key: string | undefined,
): Promise<FoundTask> {
  return attempted(async () => {
    const job = await presentJob(collections, jobId)
    if (!job) throw catalogueError('JOB_NOT_FOUND', { id: jobId })
    const task = await collections.tasks.get(`${jobId}/${job.value.expansion}/${taskId}`)
    if (!task) throw catalogueError('TASK_UNKNOWN', { job: jobId, id: taskId })
    const keyed = keyedTask(task.value, key)
    if (keyed !== task.value) await collections.tasks.replace(task, keyed)
    return { job, task }
  })
}

export interface TaskConfigInput {
  readonly spec: JobSpecification
  /** The revision of the schema that the job names. */
  readonly schema: Schema
  readonly task: TaskRecord
  /** The task's dataset; data consumers have one. */
  readonly dataset?: Pick<DatasetRecord, 'url' | 'realm'>
  readonly settings?: WorkerSettings
}

const hyperparameterDefaults = { rounds: 1, epochs: 1, batchSize: 16 }

/** The configuration of a task: fields of its job, its role and its dataset, without keys and without other roles. */
export function taskConfigOf({ spec, schema, task, dataset, settings = {} }: TaskConfigInput): TaskConfig {
  const { backend = defaultBackend, designId, maxRunTime, modelSpec = {} } = spec
  const { optimizer = { sort: 'fedavg' }, selector = { sort: 'default' }, datasampler, privacy } = modelSpec
  const fields = {
    backend,
    brokers: settings.brokers ?? [],
    registry: registryOf(spec) ?? settings.registry ?? { sort: 'dummy', uri: '' },
    job: { id: task.jobId, name: designId },
    role: task.role,
    realm: dataset?.realm ?? defaultCompute,
    channels: channelsOf(schema, task.role),
    groupAssociation: task.groupAssociation,
    maxRunTime,
    baseModel: modelSpec.baseModel,
    hyperparameters: { ...hyperparameterDefaults, ...modelSpec.hyperparameters },
    dependencies: modelSpec.dependencies ?? [],
    dataset: dataset?.url,
    optimizer: whole(optimizer),
    selector: whole(selector),
    datasampler: datasampler && whole(datasampler),
    privacy: privacy && whole(privacy),
  }
  return taskConfig.parse(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)))
}

/** The job's own registry, as workers of the original read it. */
function registryOf({ registry }: JobSpecification) {
  return registry && { sort: registry.sort, uri: registry.uri ?? '' }
}

function whole({ sort, kwargs = {} }: Algorithm): Required<Algorithm> {
  return { sort, kwargs }
}
