import { z } from 'zod'
import { schemaModel } from '../../sdk/tag/index.ts'
import { jsonMap, models, text, time } from './atoms.ts'
import { jobStates } from './job-states.ts'

export const taskInfo = z.strictObject({
  jobId: text,
  taskId: text,
  role: text,
  groupAssociation: z.record(text, text),
  state: z.enum(jobStates),
  key: text.exactOptional(),
  computeId: text.exactOptional(),
  /**
   * The joined flamelet that has the task, or had it last; `server` for a process of the server. Absent: the task has
   * no place yet, or its job runs without joined flamelets.
   */
  flamelet: text.exactOptional(),
  log: text.exactOptional(),
  timestamp: time.exactOptional(),
})
models.add(taskInfo, { id: 'TaskInfo' })
export type TaskInfo = z.output<typeof taskInfo>

/** States that a flamelet may report. */
export const reportedStates = ['running', 'failed', 'terminated', 'completed'] as const

export const taskStatus = z.strictObject({
  state: z.enum(reportedStates),
  /** The end of the task's output. */
  log: z
    .string()
    .meta({ maxLength: 1024 * 1024 })
    .exactOptional(),
  timestamp: time.exactOptional(),
})
models.add(taskStatus, { id: 'TaskStatus' })
export type TaskStatus = z.output<typeof taskStatus>

const algorithm = z.strictObject({ sort: text, kwargs: jsonMap })

/** The broker of messages between roles, for one sort of backend. */
const broker = z.strictObject({ sort: text, host: text })
export type Broker = z.output<typeof broker>

/** The registry where roles store their models. */
const modelRegistry = z.strictObject({ sort: text, uri: text })
export type ModelRegistrySetting = z.output<typeof modelRegistry>

/** The configuration of a task's worker. The flamelet adds `taskid`. */
export const taskConfig = z.strictObject({
  backend: text,
  brokers: z.array(broker),
  registry: modelRegistry,
  /** `name` is the design's id. */
  job: z.strictObject({ id: text, name: text }),
  role: text,
  realm: text,
  /** The channels that the role joins, with their groups filled in. */
  channels: schemaModel.shape.channels,
  groupAssociation: z.record(text, text),
  /** Longest run time in seconds. */
  maxRunTime: z.number().int().exactOptional(),
  baseModel: z.strictObject({ name: text.exactOptional(), version: z.number().int().exactOptional() }).exactOptional(),
  hyperparameters: jsonMap,
  dependencies: z.array(text),
  /** URL of the dataset; data consumers have one. */
  dataset: text.exactOptional(),
  optimizer: algorithm,
  selector: algorithm,
  datasampler: algorithm.exactOptional(),
  privacy: algorithm.exactOptional(),
})
models.add(taskConfig, { id: 'TaskConfig' })
export type TaskConfig = z.output<typeof taskConfig>
