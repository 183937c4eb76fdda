import { catalogueError } from '../../errors.ts'
import { checkIdentifier } from '../model/atoms.ts'
import type { JobSpecification, JobStatus } from '../model/job.ts'
import type { TaskInfo } from '../model/task.ts'
import { afterOf, type Page, type PageRequest, pageOf } from '../page.ts'
import type { CatalogueParts } from '../parts.ts'
import type { Collections } from '../records/collections.ts'
import type { CatalogueJob, TaskRecord } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'
import { sameId, sameOwner } from '../same.ts'
import { changingTasks, taskEntries, tasksOf } from './expansions.ts'
import { editableStates } from './job-transitions.ts'
import { planJob } from './plan-job.ts'

/** Stores a job and its tasks, or nothing. JOB_INVALID with every fault. */
export async function createJob(
  collections: Collections,
  parts: CatalogueParts,
  user: string,
  given: JobSpecification,
): Promise<JobStatus> {
  checkIdentifier('a user', user)
  sameOwner(user, given)
  const { newId, now } = parts
  const id = given.id ?? newId()
  if (given.id !== undefined && (await collections.jobs.get(id))) throw catalogueError('JOB_EXISTS', { id })
  const { tasks, ...plan } = await planJob(collections, parts, user, id, given)
  const [at, expansion] = [now(), newId()]
  const value: CatalogueJob = { ...plan, userId: user, expansion, state: 'ready', createdAt: at, updatedAt: at }
  const entries = [collections.jobs.entry(id, value), ...taskEntries(collections, id, expansion, tasks, at)]
  if (!(await collections.insertAll(...entries))) throw catalogueError('JOB_EXISTS', { id })
  return statusOf({ id, value })
}

export function listJobs({ jobs }: Collections, user: string, page: PageRequest): Promise<Page<JobStatus>> {
  return pageOf(jobs.find({ where: { userId: user }, ...afterOf(page) }), page, ({ id }) => id, statusOf)
}

export async function readJob(collections: Collections, user: string, id: string): Promise<JobSpecification> {
  return (await findJob(collections, user, id)).value.spec
}

export async function readJobStatus(collections: Collections, user: string, id: string): Promise<JobStatus> {
  return statusOf(await findJob(collections, user, id))
}

/** Replaces a job and its tasks at once; it's ready then. JOB_STATE unless it's ready or has ended. */
export async function updateJob(
  collections: Collections,
  parts: CatalogueParts,
  user: string,
  id: string,
  given: JobSpecification,
): Promise<null> {
  sameOwner(user, given)
  sameId(id, given)
  const found = await findJob(collections, user, id)
  assertEditable(found, 'an update')
  const { tasks, ...plan } = await planJob(collections, parts, user, id, given)
  const [at, expansion] = [parts.now(), parts.newId()]
  const { createdAt } = found.value
  const value: CatalogueJob = { ...plan, userId: user, expansion, state: 'ready', createdAt, updatedAt: at }
  await changingTasks(collections, id, at, async () => {
    await collections.insertAll(...taskEntries(collections, id, expansion, tasks, at))
    await collections.jobs.replace(found, value)
  })
  return null
}

/** Removes a job with its tasks. JOB_STATE unless it's ready or has ended. */
export async function removeJob(
  collections: Collections,
  { now }: CatalogueParts,
  user: string,
  id: string,
): Promise<null> {
  assertEditable(await findJob(collections, user, id), 'its deletion')
  await changingTasks(collections, id, now(), async () => void (await collections.jobs.remove(id)))
  return null
}

export async function listTasks(
  collections: Collections,
  user: string,
  id: string,
  page: PageRequest,
): Promise<Page<TaskInfo>> {
  const tasks = await tasksOf(collections, await findJob(collections, user, id))
  const start = page.after === undefined ? 0 : tasks.findIndex(({ taskId }) => taskId === page.after) + 1
  return pageOf(tasks.slice(start), page, ({ taskId }) => taskId, taskInfoOf)
}

export async function readTask(collections: Collections, user: string, id: string, taskId: string): Promise<TaskInfo> {
  const { value } = await findJob(collections, user, id)
  const found = await collections.tasks.get(`${id}/${value.expansion}/${taskId}`)
  if (!found) throw catalogueError('TASK_UNKNOWN', { job: id, id: taskId })
  return taskInfoOf(found.value)
}

/** The job, or JOB_NOT_FOUND if this user has none of that id. */
export async function findJob({ jobs }: Collections, user: string, id: string): Promise<Stored<CatalogueJob>> {
  const found = await jobs.get(id)
  if (found?.value.userId !== user) throw catalogueError('JOB_NOT_FOUND', { id })
  return found
}

function assertEditable({ id, value: { state } }: Stored<CatalogueJob>, what: string): void {
  if (!editableStates.includes(state))
    throw catalogueError('JOB_STATE', { id, state, what, needed: editableStates.join(', ') })
}

export function statusOf({ id, value }: Pick<Stored<CatalogueJob>, 'id' | 'value'>): JobStatus {
  const { state, spec, createdAt, startedAt, updatedAt, endedAt } = value
  return {
    id,
    state,
    name: spec.name ?? spec.designId,
    createdAt,
    updatedAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
  }
}

function taskInfoOf(record: TaskRecord): TaskInfo {
  const { index: _i, end: _e, replica: _r, dataset: _d, key: _k, ...task } = record
  return { ...task, key: 'hidden by system' }
}
