import { z } from 'zod'
import type { DocumentValue } from '../../runtime/index.ts'
import { text, time } from '../model/atoms.ts'
import { datasetInfo, deploymentStatus } from '../model/catalogue.ts'
import { flameletFacts } from '../model/flamelet.ts'
import { jobCause, jobSpec } from '../model/job.ts'
import { jobStates } from '../model/job-states.ts'
import { numberedNotification } from '../model/notification.ts'

/** Revisions of a design's schema or code: the last number, and whether that revision is present. */
const revisions = z.strictObject({
  last: z.number().int(),
  present: z.boolean(),
  /** The request that made the last revision, if the request may be repeated. */
  once: text.exactOptional(),
})
export type Revisions = z.output<typeof revisions>

export const designRecord = z.strictObject({
  /** Names this design's revisions. Differs from the serial of an earlier design of the same id. */
  serial: text,
  userId: text,
  name: text.exactOptional(),
  description: text.exactOptional(),
  createdAt: time,
  schema: revisions,
  code: revisions,
})
export type DesignRecord = z.output<typeof designRecord>

export const codeRecord = z.strictObject({
  fileName: text,
  sizeBytes: z.number(),
  /** Paths and unpacked sizes of the archive's files. */
  files: z.array(z.strictObject({ path: text, sizeBytes: z.number() })),
})

export const datasetRecord = z.strictObject({
  ...datasetInfo.shape,
  // No bounds here, so that datasets from before the bounds can be read.
  url: text,
  dataFormat: text,
  realm: text,
  name: text.exactOptional(),
  description: text.exactOptional(),
  userId: text,
  computeId: text,
  createdAt: time,
  once: text.exactOptional(),
})
export type DatasetRecord = z.output<typeof datasetRecord>

export const computeRecord = z.strictObject({
  adminId: text,
  region: text,
  state: z.enum(['up', 'down', 'maintenance']),
  /** Registered by an administrator of the server with a token: the compute may run every user's tasks. */
  vouched: z.literal(true).exactOptional(),
  /** Its tasks are run by flamelets that have joined by links. Such a compute has no key that anybody knows. */
  joined: z.literal(true).exactOptional(),
  /** SHA-256 of the salt and the key. */
  keyHash: text,
  salt: text,
  registeredAt: time,
  updatedAt: time,
})
export type ComputeRecord = z.output<typeof computeRecord>

/** A stored specification. The name has no bound, so that specifications from before the bounds can be read. */
export const wholeSpecification = z.strictObject({ ...jobSpec.shape, name: text.exactOptional() })

const { designId, priority, maxRunTime, schemaRevision, codeRevision, registry } = jobSpec.shape

/** The fields of a specification that most requests need. Other fields aren't checked. */
const briefSpecification = z
  .object({ designId, name: text.exactOptional(), priority, maxRunTime, schemaRevision, codeRevision, registry })
  .catchall(z.custom<DocumentValue>(() => true))
export type BriefSpecification = z.output<typeof briefSpecification>

/** A job's base model as it was found when the job was made. */
const baseModelRecord = z.strictObject({
  /** Exact address of a model elsewhere. Absent: the model is a round of a job of this server. */
  address: text.exactOptional(),
  /** The run, round and part that have committed the model. Absent: no job has. */
  run: text.exactOptional(),
  round: z.number().int().exactOptional(),
  part: text.exactOptional(),
  /** SHA-256 of the weights. */
  hash: text,
})
export type BaseModelRecord = z.output<typeof baseModelRecord>

export const jobRecord = z.strictObject({
  userId: text,
  /** The whole specification; of a large one, its brief. */
  spec: briefSpecification,
  /** The whole specification is a document of its own. */
  isSpecApart: z.literal(true).exactOptional(),
  /** Bytes of a specification that is a document of its own. */
  specificationBytes: z.number().int().exactOptional(),
  /** Number of the job's tasks. */
  taskCount: z.number().int().exactOptional(),
  designSerial: text,
  /** The model with which the job begins. Absent: it begins with its learner's own weights. */
  baseModel: baseModelRecord.exactOptional(),
  /** The run of the base model, by which jobs are found that need a model. */
  baseRun: text.exactOptional(),
  /** The request that made the job, if the request may be repeated. */
  once: text.exactOptional(),
  /** The expansion whose tasks are this job's. */
  expansion: text,
  state: z.enum(jobStates),
  cause: jobCause.exactOptional(),
  createdAt: time,
  startedAt: time.exactOptional(),
  /** Time when the first tasks were told to start: the job's run time counts from here. */
  placedAt: time.exactOptional(),
  updatedAt: time,
  endedAt: time.exactOptional(),
  /** Name of the present run, or of the run that the job can go on with: the key of its state and models. */
  run: text.exactOptional(),
  /** Number of the job's first run among those of its id. */
  firstRun: z.number().int().exactOptional(),
  /** Name of the last requested start. */
  start: text.exactOptional(),
  /** The tasks still have their states from an earlier start. */
  resetTasks: z.literal(true).exactOptional(),
  /** Number of the last lease on the job: writes under an earlier lease are refused. */
  fence: z.number().int().exactOptional(),
  /** The job is being removed, and can't be started any more. */
  removing: z.literal(true).exactOptional(),
})
export type CatalogueJob = z.output<typeof jobRecord>

/** A job whose specification isn't checked: for readers that decode the whole specification next. */
export const unreadJobRecord = jobRecord.extend({ spec: z.custom<DocumentValue>(() => true) })

export const taskRecord = z.strictObject({
  jobId: text,
  taskId: text,
  /** Index in the expansion, from 0. */
  index: z.number().int(),
  end: text,
  role: text,
  groupAssociation: z.record(text, text),
  computeId: text,
  /** The compute's administrator at the time of planning, whom the dataset's owner trusts. */
  computeAdmin: text.exactOptional(),
  replica: z.number().int(),
  dataset: text.exactOptional(),
  /** The dataset's owner at the time of planning: a later dataset of the same id and another owner isn't used. */
  datasetOwner: text.exactOptional(),
  key: text,
  /** Number of the lease under which a server has taken over the job with this task. */
  fence: z.number().int().exactOptional(),
  state: z.enum(jobStates),
  log: text.exactOptional(),
  timestamp: time,
})
export type TaskRecord = z.output<typeof taskRecord>

/** A change of a job's tasks that may be under way. */
export const expansionRecord = z.strictObject({
  at: time,
  /** The expansion whose tasks are written; they are removed if the job doesn't come to name the expansion. */
  adds: text.exactOptional(),
  /** The expansion whose tasks are removed if the change is made. */
  replaces: text.exactOptional(),
  /** The server that makes the change, where several may share the store. */
  server: text.exactOptional(),
  /** The run whose state is removed with the replaced tasks. */
  run: text.exactOptional(),
})
export type ExpansionRecord = z.output<typeof expansionRecord>

/** A server on a shared store. Each sign of life rewrites the record, and so raises its version. */
export const serverRecord = z.strictObject({ startedAt: time })

/** The right to run a job, as long as the owner lives and there is no later lease. */
export const leaseRecord = z.strictObject({
  job: text,
  /** From 1, one more for each lease on the job. */
  fence: z.number().int(),
  /** Id of the server that has the lease. */
  owner: text,
  /** Counts changes of the job or its tasks by other servers. */
  touched: z.number().int(),
})
export type LeaseRecord = z.output<typeof leaseRecord>

/** A flamelet that has joined by a link. Its name belongs to the user whose token it came with. */
export const flameletRecord = z.strictObject({
  userId: text,
  firstAt: time,
  registeredAt: time,
  /** Time when the flamelet's node ended. */
  goneAt: time.exactOptional(),
  /** The server that the flamelet has joined. */
  server: text.exactOptional(),
  /** A process of a server. */
  isLocal: z.literal(true).exactOptional(),
  ...flameletFacts.shape,
})
export type FlameletRecord = z.output<typeof flameletRecord>

/** Number of runs of all jobs of one id, removed ones included, since the models of each run stay under its name. */
export const runsRecord = z.strictObject({ last: z.number().int() })

/** Bytes of the models and events of one of a user's jobs, or of the user's entries in the audit log. */
export const holdingRecord = z.strictObject({ userId: text, bytes: z.number().int() })

/** The models that a removed job has left. */
export const keptModelsRecord = z.strictObject({
  userId: text,
  /** Numbers of the job's runs among those of its id. */
  firstRun: z.number().int(),
  lastRun: z.number().int(),
  registry: registry.exactOptional(),
  /** Bytes of the models among files on the server's machine. */
  bytes: z.number().int(),
})
export type KeptModelsRecord = z.output<typeof keptModelsRecord>

/** The deployment of a job's tasks on a compute. */
export const deploymentRecord = z.strictObject({
  /** The start of the job that the statuses belong to. */
  start: text,
  statuses: deploymentStatus,
  updatedAt: time,
})

/** The notifications of a recipient. */
export const recipientRecord = z.strictObject({
  /** Number of the last notification, acknowledged or not. */
  last: z.number().int(),
  /** Notifications that aren't acknowledged. */
  waiting: z.array(z.strictObject({ ...numberedNotification.shape, occasion: text.exactOptional() })),
})
export type RecipientRecord = z.output<typeof recipientRecord>

/**
 * The types of notification that a recipient has acknowledged on a job's latest occasion, so that they aren't repeated.
 */
export const occasionRecord = z.strictObject({ occasion: text, types: z.array(text) })
