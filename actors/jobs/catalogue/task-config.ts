import { channelsOf, type Schema } from '../../../sdk/index.ts'
import { type Algorithm, defaultBackend, type JobSpecification } from '../../model/job.ts'
import { type Broker, type ModelRegistrySetting, type TaskConfig, taskConfig } from '../../model/task-config.ts'
import type { DatasetRecord, TaskRecord } from '../../records/record-models.ts'

/** What the server's owner says of where agents' workers find each other and put their models. */
export interface WorkerSettings {
  /** Default: none. */
  readonly brokers?: readonly Broker[]
  /** Default: none is kept. */
  readonly registry?: ModelRegistrySetting
  /** Of the container that a compute's deployer is to start for each agent. Default: the deployer knows. */
  readonly image?: string
}

export interface TaskConfigInput {
  readonly spec: JobSpecification
  /** Of the revision that the job names. */
  readonly schema: Schema
  readonly task: TaskRecord
  /** Data consumers: the task's dataset. */
  readonly dataset?: Pick<DatasetRecord, 'url' | 'realm'>
  readonly settings?: WorkerSettings
}

const hyperparameterDefaults = { rounds: 1, epochs: 1, batchSize: 16 }

/** What a task's worker is to know: of the job, of its role, of its data; nothing of other roles, nor of keys. */
export function taskConfigOf({ spec, schema, task, dataset, settings = {} }: TaskConfigInput): TaskConfig {
  const { backend = defaultBackend, designId, maxRunTime, modelSpec = {} } = spec
  const { optimizer = { sort: 'fedavg' }, selector = { sort: 'default' }, datasampler, privacy } = modelSpec
  const fields = {
    backend,
    brokers: settings.brokers ?? [],
    registry: settings.registry ?? { sort: 'dummy', uri: '' },
    job: { id: task.jobId, name: designId },
    role: task.role,
    realm: dataset?.realm ?? 'default',
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

function whole({ sort, kwargs = {} }: Algorithm): Required<Algorithm> {
  return { sort, kwargs }
}
