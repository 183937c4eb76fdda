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
  log: text.exactOptional(),
  timestamp: time.exactOptional(),
})
models.add(taskInfo, { id: 'TaskInfo' })
export type TaskInfo = z.output<typeof taskInfo>

/** What a flamelet may report. */
export const reportedStates = ['running', 'failed', 'terminated', 'completed'] as const

export const taskStatus = z.strictObject({
  state: z.enum(reportedStates),
  /** The tail of its output. */
  log: z
    .string()
    .meta({ maxLength: 1024 * 1024 })
    .exactOptional(),
  timestamp: time.exactOptional(),
})
models.add(taskStatus, { id: 'TaskStatus' })
export type TaskStatus = z.output<typeof taskStatus>

const algorithm = z.strictObject({ sort: text, kwargs: jsonMap })

/** Where messages between roles go, for one sort of backend. */
const broker = z.strictObject({ sort: text, host: text })
export type Broker = z.output<typeof broker>

/** Where roles put their models. */
const modelRegistry = z.strictObject({ sort: text, uri: text })
export type ModelRegistrySetting = z.output<typeof modelRegistry>

/** What a flamelet's worker is to know of its task. The flamelet adds `taskid`. */
export const taskConfig = z.strictObject({
  backend: text,
  brokers: z.array(broker),
  registry: modelRegistry,
  /** `name` is the design's id. */
  job: z.strictObject({ id: text, name: text }),
  role: text,
  realm: text,
  /** Those that the role joins, their groups filled in. */
  channels: schemaModel.shape.channels,
  groupAssociation: z.record(text, text),
  /** Seconds. */
  maxRunTime: z.number().int().exactOptional(),
  baseModel: z.strictObject({ name: text.exactOptional(), version: z.number().int().exactOptional() }).exactOptional(),
  hyperparameters: jsonMap,
  dependencies: z.array(text),
  /** Data consumers: the dataset's URL. */
  dataset: text.exactOptional(),
  optimizer: algorithm,
  selector: algorithm,
  datasampler: algorithm.exactOptional(),
  privacy: algorithm.exactOptional(),
})
models.add(taskConfig, { id: 'TaskConfig' })
export type TaskConfig = z.output<typeof taskConfig>
