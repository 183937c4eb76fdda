import type { DocumentFields, Documents, DocumentValue, Store } from '../../runtime/index.ts'
import type { Settings } from '../../sdk/index.ts'
import { jobError } from './errors.ts'
import type { JobSpec, JobState } from './job-spec.ts'

/** A job as it stands in the store: a document that a person can read. */
export interface JobRecord {
  readonly spec: JobSpec
  readonly state: JobState
  /** Why it failed: an error's code and message. */
  readonly cause?: string
  /** RFC 3339. */
  readonly createdAt: string
  readonly updatedAt: string
}

const collection = 'jobs'

/** Creates a job in state `ready`. STORE_EXISTS if its id is taken. */
export async function createJob(store: Store, spec: JobSpec, at: string): Promise<JobRecord> {
  const record: JobRecord = { spec, state: 'ready', createdAt: at, updatedAt: at }
  await store.documents.insert(collection, [{ id: spec.id, fields: fieldsOf(record) }])
  return record
}

/** Jobs of a workload, in order of creation. */
export async function jobsOf(store: Store, workload: string): Promise<JobRecord[]> {
  const records: JobRecord[] = []
  for await (const { id, fields } of store.documents.find(collection, { where: { workload } }))
    records.push(recordOf(id, fields))
  return records.toSorted((a, b) => numberOf(a.spec.id) - numberOf(b.spec.id))
}

/** An id for the next job of a workload: its name and a number. */
export function nextJobId(workload: string, jobs: readonly JobRecord[]): string {
  return `${workload}-${jobs.reduce((highest, { spec }) => Math.max(highest, numberOf(spec.id)), 0) + 1}`
}

/** Sets a job's state. JOB_UNKNOWN if there is no such job. */
export async function saveState(
  { documents }: { documents: Documents },
  id: string,
  state: JobState,
  at: string,
  cause?: string,
): Promise<void> {
  const found = await documents.get(collection, id)
  if (!found) throw jobError('JOB_UNKNOWN', { id })
  const { cause: _, ...fields } = found.fields
  await documents.replace(collection, id, found.version, {
    ...fields,
    state,
    updatedAt: at,
    ...(cause === undefined ? {} : { cause }),
  })
}

function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1))
}

function fieldsOf({ spec, state, createdAt, updatedAt }: JobRecord): DocumentFields {
  const { workload, seed, settings } = spec
  return { workload, seed, settings: { ...settings }, state, createdAt, updatedAt }
}

function recordOf(
  id: string,
  { workload, seed, settings, state, createdAt, updatedAt, cause }: DocumentFields,
): JobRecord {
  if (
    typeof workload !== 'string' ||
    typeof seed !== 'number' ||
    !isSettings(settings) ||
    !isJobState(state) ||
    typeof createdAt !== 'string' ||
    typeof updatedAt !== 'string'
  ) {
    throw jobError('JOB_RECORD_DAMAGED', { id })
  }
  const record = { spec: { id, workload, seed, settings }, state, createdAt, updatedAt }
  return typeof cause === 'string' ? { ...record, cause } : record
}

function isSettings(value: DocumentValue | undefined): value is DocumentFields & Settings {
  return (
    typeof value === 'object' &&
    value !== null &&
    'rounds' in value &&
    typeof value.rounds === 'number' &&
    'clients' in value &&
    typeof value.clients === 'number'
  )
}

const states: readonly unknown[] = [
  'ready',
  'starting',
  'deploying',
  'running',
  'stopping',
  'completed',
  'failed',
  'terminated',
] satisfies JobState[]

function isJobState(value: unknown): value is JobState {
  return states.includes(value)
}
