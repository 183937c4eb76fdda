import { z } from 'zod'
import type { DocumentValue } from '../../runtime/index.ts'
import { text, time } from '../model/atoms.ts'
import { datasetInfo, deploymentStatus } from '../model/catalogue.ts'
import { jobCause, jobSpec } from '../model/job.ts'
import { jobStates } from '../model/job-states.ts'
import { numberedNotification } from '../model/notification.ts'

/** A design's numbered things: how many there were, and whether the last one stands. */
const revisions = z.strictObject({
  last: z.number().int(),
  present: z.boolean(),
  /** The request that made the last one, if it may come again. */
  once: text.exactOptional(),
})
export type Revisions = z.output<typeof revisions>

export const designRecord = z.strictObject({
  /** Names this design's revisions: another than that of an earlier design of the same id. */
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
  /** What the archive holds, unpacked. */
  files: z.array(z.strictObject({ path: text, sizeBytes: z.number() })),
})

export const datasetRecord = z.strictObject({
  ...datasetInfo.shape,
  // What was stored before there was a bound is read all the same.
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
  /** An administrator of the server registered it, who showed a token: it may run everybody's tasks. */
  vouched: z.literal(true).exactOptional(),
  /** SHA-256 of the salt and the key. */
  keyHash: text,
  salt: text,
  registeredAt: time,
  updatedAt: time,
})
export type ComputeRecord = z.output<typeof computeRecord>

/** A job's specification as it's stored: of before there were bounds, too. */
export const wholeSpecification = z.strictObject({ ...jobSpec.shape, name: text.exactOptional() })

const { designId, priority, maxRunTime, schemaRevision, codeRevision } = jobSpec.shape

/** What is needed of a specification without the whole. What else is there isn't looked at. */
const briefSpecification = z
  .object({ designId, name: text.exactOptional(), priority, maxRunTime, schemaRevision, codeRevision })
  .catchall(z.custom<DocumentValue>(() => true))
export type BriefSpecification = z.output<typeof briefSpecification>

export const jobRecord = z.strictObject({
  userId: text,
  /** All of it, but for a large one. */
  spec: briefSpecification,
  /** The whole is a document of its own. */
  isSpecApart: z.literal(true).exactOptional(),
  /** Of one that is. */
  specificationBytes: z.number().int().exactOptional(),
  /** How many tasks it has. */
  taskCount: z.number().int().exactOptional(),
  designSerial: text,
  /** The request that made it, if it may come again. */
  once: text.exactOptional(),
  /** The one whose tasks are this job's. */
  expansion: text,
  state: z.enum(jobStates),
  cause: jobCause.exactOptional(),
  createdAt: time,
  startedAt: time.exactOptional(),
  /** When its tasks had their places: its run time counts from here. */
  placedAt: time.exactOptional(),
  updatedAt: time,
  endedAt: time.exactOptional(),
  /** Names the state and the models of the run that it's in, or can go on with. */
  run: text.exactOptional(),
  /** Names the last start that was asked for. */
  start: text.exactOptional(),
  /** Its tasks still show how an earlier start ended. */
  resetTasks: z.literal(true).exactOptional(),
  /** Number of the last lease on it: what is written under an earlier one is refused. */
  fence: z.number().int().exactOptional(),
  /** It's being deleted, and can't be started any more. */
  removing: z.literal(true).exactOptional(),
})
export type CatalogueJob = z.output<typeof jobRecord>

/** A job whose specification isn't looked at: for readers that decode the whole specification next. */
export const unreadJobRecord = jobRecord.extend({ spec: z.custom<DocumentValue>(() => true) })

export const taskRecord = z.strictObject({
  jobId: text,
  taskId: text,
  /** Its place in the expansion. */
  index: z.number().int(),
  end: text,
  role: text,
  groupAssociation: z.record(text, text),
  computeId: text,
  /** The compute's administrator when the job was planned, whom the dataset's owner trusts. */
  computeAdmin: text.exactOptional(),
  replica: z.number().int(),
  dataset: text.exactOptional(),
  /** Whose it was: a dataset that another registers under the id of one that was deleted is not meant. */
  datasetOwner: text.exactOptional(),
  key: text,
  /** Of the job's last lease that was taken over when this task was there. */
  fence: z.number().int().exactOptional(),
  state: z.enum(jobStates),
  log: text.exactOptional(),
  timestamp: time,
})
export type TaskRecord = z.output<typeof taskRecord>

/** A change of a job's tasks that may be under way. */
export const expansionRecord = z.strictObject({
  at: time,
  /** The expansion whose tasks are written: they go if the job doesn't come to name it. */
  adds: text.exactOptional(),
  /** The one whose tasks go, if the change is made. */
  replaces: text.exactOptional(),
  /** The server that makes it, where there may be several. */
  server: text.exactOptional(),
  /** The run whose state goes with the tasks that are replaced. */
  run: text.exactOptional(),
})
export type ExpansionRecord = z.output<typeof expansionRecord>

/** A server that shares the store with others. It's written at each sign of life: its version counts them. */
export const serverRecord = z.strictObject({ startedAt: time })

/** The right to run a job, as long as its owner lives and nobody has a later one. */
export const leaseRecord = z.strictObject({
  job: text,
  /** From 1, one more for each lease on the job. */
  fence: z.number().int(),
  /** A server. */
  owner: text,
  /** Raised when another server has changed the job or its tasks. */
  touched: z.number().int(),
})
export type LeaseRecord = z.output<typeof leaseRecord>

/** How many runs jobs of an id had, also those that were deleted: their models are kept under their names. */
export const runsRecord = z.strictObject({ last: z.number().int() })

/** The bytes of a user's models and events of one job, or of the user's entries of the audit log. */
export const holdingRecord = z.strictObject({ userId: text, bytes: z.number().int() })

/** A job's tasks on a compute. */
export const deploymentRecord = z.strictObject({
  /** The start of the job that these are the statuses of. */
  start: text,
  statuses: deploymentStatus,
  updatedAt: time,
})

/** Who is notified, and of what. */
export const recipientRecord = z.strictObject({
  /** The number of the last notification that there was. */
  last: z.number().int(),
  /** Those that aren't acknowledged. */
  waiting: z.array(z.strictObject({ ...numberedNotification.shape, occasion: text.exactOptional() })),
})
export type RecipientRecord = z.output<typeof recipientRecord>

/** What a recipient has acknowledged of a job's latest occasion, so that it isn't told again. */
export const occasionRecord = z.strictObject({ occasion: text, types: z.array(text) })
