import type { NewDocument } from '../../runtime/index.ts'
import { catalogueError } from '../model/errors.ts'
import type { JobSpecification, JobStatus } from '../model/job.ts'
import type { Collections } from './collections.ts'
import { type BriefSpecification, type CatalogueJob, type TaskRecord, wholeSpecification } from './record-models.ts'
import type { Records, Stored } from './records.ts'

/*
 * Most requests about a job, and all changes of its state, need few fields of its specification, which may have
 * megabytes. So a large specification is a document of its own beside the job's tasks, and the job's document has the
 * needed fields alone. A small specification, and one that an earlier version wrote, is in the job's document as a
 * whole. The whole is decoded only for requests that need it.
 */

/** Most bytes, as JSON, of a specification that stays in its job's document. */
const mostInline = 8 * 1024

/** Splits a specification into fields of its job's document, and documents beside it. */
export function storedSpecification(
  { specifications }: Collections,
  { job, expansion }: { readonly job: string; readonly expansion: string },
  spec: JobSpecification,
): {
  readonly inJob: Pick<CatalogueJob, 'spec' | 'isSpecApart' | 'specificationBytes'>
  readonly beside: readonly NewDocument[]
} {
  const specificationBytes = Buffer.byteLength(JSON.stringify(spec))
  if (specificationBytes <= mostInline) return { inJob: { spec }, beside: [] }
  const beside = [specifications.entry(specificationKey(job, expansion), spec)]
  return { inJob: { spec: briefOf(spec), isSpecApart: true, specificationBytes }, beside }
}

/** The key of a large specification, which is written and removed with the tasks of its expansion. */
export function specificationKey(job: string, expansion: string): string {
  return `${job}/${expansion}`
}

/** Reads a job's whole specification. WRITTEN_MEANWHILE if the job was changed since it was read; RECORD_DAMAGED. */
export async function specificationOf(
  { specifications }: Pick<Collections, 'specifications'>,
  {
    id,
    value: { spec, expansion, isSpecApart },
  }: Pick<Stored<Pick<CatalogueJob, 'expansion' | 'isSpecApart'> & { readonly spec: unknown }>, 'id' | 'value'>,
): Promise<JobSpecification> {
  if (isSpecApart) {
    const found = await specifications.get(specificationKey(id, expansion))
    if (!found) throw catalogueError('WRITTEN_MEANWHILE', { what: `job ${id}` })
    return found.value
  }
  const decoded = wholeSpecification.safeParse(spec)
  if (decoded.success) return decoded.data
  throw catalogueError('RECORD_DAMAGED', { id, collection: 'jobs' }, { cause: decoded.error })
}

function briefOf(spec: JobSpecification): BriefSpecification {
  const { designId, name, priority, maxRunTime, schemaRevision, codeRevision, registry } = spec
  const fields = { designId, name, priority, maxRunTime, schemaRevision, codeRevision, registry }
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return { designId, ...Object.fromEntries(present) }
}

type AnyJob = Pick<CatalogueJob, 'userId' | 'removing'>
interface JobsOf<Job> {
  readonly jobs: Pick<Records<Job>, 'get'>
}

/** The job; undefined if there is none, or the job is being removed. */
export async function presentJob<Job extends AnyJob = CatalogueJob>(
  { jobs }: JobsOf<Job>,
  id: string,
): Promise<Stored<Job> | undefined> {
  const found = await jobs.get(id)
  return found?.value.removing ? undefined : found
}

/** The tasks of a job, in the order of its expansion. */
export async function tasksOf(
  { tasks }: Collections,
  { id, value }: Pick<Stored<CatalogueJob>, 'id' | 'value'>,
): Promise<TaskRecord[]> {
  const records: TaskRecord[] = []
  for await (const { value: task } of tasks.below(`${id}/${value.expansion}/`)) records.push(task)
  return records.toSorted((a, b) => a.index - b.index)
}

/** The user's job of an id. JOB_NOT_FOUND. */
export async function findJob<Job extends AnyJob = CatalogueJob>(
  collections: JobsOf<Job>,
  user: string,
  id: string,
): Promise<Stored<Job>> {
  const found = await presentJob(collections, id)
  if (found?.value.userId !== user) throw catalogueError('JOB_NOT_FOUND', { id })
  return found
}

export function statusOf({ id, value }: Pick<Stored<CatalogueJob>, 'id' | 'value'>): JobStatus {
  const { state, spec, createdAt, startedAt, updatedAt, endedAt, cause } = value
  return {
    id,
    state,
    name: spec.name ?? spec.designId,
    createdAt,
    updatedAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(cause === undefined ? {} : { cause }),
  }
}

/** The key of a task's record. */
export function taskKey(job: string, expansion: string, task: string): string {
  return `${job}/${expansion}/${task}`
}
