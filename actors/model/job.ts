import { z } from 'zod'
import { identifier, jsonMap, models, nameText, text, time } from './atoms.ts'
import { askedStates, jobStates } from './job-states.ts'

/** Default for the most tasks of a job: each task is a document. */
export const mostTasks = 100_000

/** Backends, which carry messages between roles. */
export const backends = ['mqtt', 'p2p', 'ws'] as const

/** Backend of a job that names none. */
export const defaultBackend = 'mqtt'

/** An algorithm by name, with its settings. The name is checked when a job is created. */
const algorithm = z.strictObject({ sort: text.min(1), kwargs: jsonMap.exactOptional() })
export type Algorithm = z.output<typeof algorithm>

/** Most values in a model's specification, free-form settings included. */
const mostSettings = 10_000

const modelSpec = z
  .strictObject({
    baseModel: z
      .strictObject({ name: text.exactOptional(), version: z.number().int().exactOptional() })
      .exactOptional(),
    optimizer: algorithm.exactOptional(),
    selector: algorithm.exactOptional(),
    datasampler: algorithm.exactOptional(),
    stages: algorithm.exactOptional(),
    privacy: algorithm.exactOptional(),
    attack: algorithm.exactOptional(),
    hyperparameters: jsonMap.exactOptional(),
    dependencies: z.array(text).exactOptional(),
  })
  .meta({ 'x-maxValues': mostSettings })
export type ModelSpec = z.output<typeof modelSpec>

const count = z.number().int().min(1).max(1_000_000_000)

/** Where a job's models belong, and which rounds stay there. */
const jobRegistry = z.strictObject({
  /** mlflow, s3; local, dummy or another for the server's own. */
  sort: text.min(1).max(100),
  /** http://… of mlflow, s3://… of s3. */
  uri: text.exactOptional(),
  keep: z
    .strictObject({
      last: count,
      best: z.number().int().min(0).max(1_000_000_000).exactOptional(),
      every: count.exactOptional(),
    })
    .exactOptional(),
})

/** A dataset's id; or a dataset with the count of its tasks, which is short for as many repetitions of the id. */
const datasetEntry = z.union([text, z.strictObject({ dataset: text, count: z.number().int().positive() })], {
  error: 'expected the id of a dataset, or an object with a dataset and a whole number above 0, its count',
})

export const jobSpec = z.strictObject({
  id: identifier.exactOptional(),
  userId: text.exactOptional(),
  /** Absent: the design's id. */
  name: nameText.exactOptional(),
  designId: identifier,
  schemaRevision: z.number().int().positive().exactOptional(),
  codeRevision: z.number().int().positive().exactOptional(),
  /** Absent: `defaultBackend`. */
  backend: z.enum(backends).exactOptional(),
  priority: z.enum(['low', 'medium', 'high']).exactOptional(),
  /** Longest run time in seconds. */
  maxRunTime: z.number().int().positive().exactOptional(),
  dataSpec: z
    .array(
      z.strictObject({ role: nameText.min(1), datasetGroups: z.record(text, z.array(datasetEntry)).exactOptional() }),
    )
    .meta({ maxItems: 1000 })
    .exactOptional(),
  modelSpec: modelSpec.exactOptional(),
  /** Absent: the server's registry, with all rounds. */
  registry: jobRegistry.exactOptional(),
})
models.add(jobSpec, { id: 'JobSpec' })
export type JobSpecification = z.output<typeof jobSpec>

/** The ids of the datasets that a job names. */
export function namedDatasets({ dataSpec = [] }: Pick<JobSpecification, 'dataSpec'>): Set<string> {
  const ids = new Set<string>()
  for (const { datasetGroups = {} } of dataSpec)
    for (const entries of Object.values(datasetGroups))
      for (const entry of entries) ids.add(typeof entry === 'string' ? entry : entry.dataset)
  return ids
}

/** The cause of a job's end, and a hint on how to mend it. */
export const jobCause = z.strictObject({ code: text, message: text, hint: text.exactOptional() })
models.add(jobCause, { id: 'JobCause' })

export const jobStatus = z.strictObject({
  id: identifier,
  state: z.enum(jobStates),
  name: text.exactOptional(),
  createdAt: time.exactOptional(),
  startedAt: time.exactOptional(),
  updatedAt: time.exactOptional(),
  endedAt: time.exactOptional(),
  /** Present if the job has failed, or run out of time. */
  cause: jobCause.exactOptional(),
  /** Models that the job's registry doesn't have yet, and why the last upload failed. Absent: it has all. */
  modelsBehind: z.strictObject({ rounds: z.number().int(), error: jobCause.exactOptional() }).exactOptional(),
})
models.add(jobStatus, { id: 'JobStatus' })
export type JobStatus = z.output<typeof jobStatus>

/** A request for a state. Fields other than state and id are ignored. */
export const askedStatus = z.strictObject({
  ...jobStatus.shape,
  id: identifier.exactOptional(),
  state: z.enum(askedStates),
})
models.add(askedStatus, { id: 'AskedJobStatus' })
