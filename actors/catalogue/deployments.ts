import type { DeploymentConfig, DeploymentStatus } from '../model/catalogue.ts'
import { catalogueError } from '../model/errors.ts'
import type { JobStatus } from '../model/job.ts'
import { isUnderWay } from '../model/job-states.ts'
import type { Collections } from '../records/collections.ts'
import { presentJob, statusOf, tasksOf } from '../records/job-records.ts'
import type { CatalogueParts, TrustedAdmins } from '../records/parts.ts'
import type { CatalogueJob, ComputeRecord, TaskRecord } from '../records/record-models.ts'
import { attempted, type Stored } from '../records/records.ts'
import { assertMatch } from '../requests/conditions.ts'
import { type Page, type PageRequest, pageOf } from '../requests/page.ts'
import type { RequestContext } from '../requests/requests.ts'
import { mayRun } from './compute-trust.ts'
import { findCompute } from './computes.ts'

/** The fields of every request of a compute: its id and its key. */
export interface ComputeAccess {
  readonly compute: string
  readonly key: string | undefined
}

/** Lists the jobs under way that have tasks on the compute. */
export async function listComputeJobs(
  collections: Collections,
  { computeAdmins }: CatalogueParts,
  access: ComputeAccess,
  page: PageRequest,
): Promise<Page<JobStatus>> {
  const compute = await findCompute(collections, access.compute, access.key)
  return pageOf(jobsOn(collections, computeAdmins, compute, page), page, ({ id }) => id, statusOf)
}

/** Finds the jobs by their leases: each job under way has one lease, or for an instant two. */
async function* jobsOn(
  collections: Collections,
  admins: TrustedAdmins,
  compute: Stored<ComputeRecord>,
  { after }: PageRequest,
) {
  let last: string | undefined
  // The keys of a job's leases begin with the job's id and a slash.
  for await (const { value } of collections.leases.find(after === undefined ? {} : { after: `${after}/\u{10ffff}` })) {
    if (value.job === last) continue
    last = value.job
    const job = await collections.jobs.get(value.job)
    if (job && isUnderWay(job.value.state) && (await hasTaskOn(collections, admins, job, compute))) yield job
  }
}

async function hasTaskOn(
  { tasks }: Collections,
  admins: TrustedAdmins,
  { id, value }: Stored<CatalogueJob>,
  compute: Stored<ComputeRecord>,
) {
  for await (const { value: task } of tasks.below(`${id}/${value.expansion}/`))
    if (task.computeId === compute.id && mayRun(admins, compute.value, task, value.userId)) return true
  return false
}

/** Lists the status of each job's deployment on the compute. */
export async function listDeployments(
  collections: Collections,
  { compute, key }: ComputeAccess,
  page: PageRequest,
): Promise<Page<DeploymentStatus>> {
  await findCompute(collections, compute, key)
  const found = collections.deployments.below(`${compute}/`, page.after)
  return pageOf(
    found,
    page,
    ({ id }) => id.slice(compute.length + 1),
    ({ value }) => value.statuses,
  )
}

/** The job's tasks that the compute is to run, and may run, with their keys. DEPLOYMENT_UNKNOWN if there are none. */
export async function readDeploymentConfig(
  collections: Collections,
  { computeAdmins, workers: { image } = {} }: CatalogueParts,
  { compute, key }: ComputeAccess,
  job: string,
): Promise<DeploymentConfig> {
  const tasks = await tasksOn(collections, computeAdmins, await findCompute(collections, compute, key), job)
  const agentKVs = Object.fromEntries(tasks.map((task) => [task.taskId, task.key]))
  return { jobId: job, agentKVs, ...(image === undefined ? {} : { imageLoc: image }) }
}

/** The status of one job's deployment. DEPLOYMENT_UNKNOWN unless the job was started with tasks on the compute. */
export async function readDeploymentStatus(
  collections: Collections,
  { compute, key }: ComputeAccess,
  job: string,
): Promise<DeploymentStatus> {
  await findCompute(collections, compute, key)
  const found = await collections.deployments.get(`${compute}/${job}`)
  if (!found) throw catalogueError('DEPLOYMENT_UNKNOWN', { compute, job })
  return found.value.statuses
}

/** Saves the reported statuses of tasks; the other tasks keep theirs. DEPLOYMENT_UNKNOWN, TASK_UNKNOWN. */
export async function reportDeployment(
  collections: Collections,
  { now, computeAdmins }: CatalogueParts,
  { compute, key }: ComputeAccess,
  job: string,
  status: DeploymentStatus,
  context?: RequestContext,
): Promise<null> {
  const present = await findCompute(collections, compute, key)
  return attempted(async () => {
    const found = await collections.deployments.get(`${compute}/${job}`)
    if (!found) throw catalogueError('DEPLOYMENT_UNKNOWN', { compute, job })
    assertMatch(context, `the deployment of job ${job}`, found.value.statuses)
    const tasks = new Set((await tasksOn(collections, computeAdmins, present, job)).map(({ taskId }) => taskId))
    for (const id of Object.keys(status)) if (!tasks.has(id)) throw catalogueError('TASK_UNKNOWN', { job, id })
    const statuses = { ...found.value.statuses, ...status }
    await collections.deployments.replace(found, { ...found.value, statuses, updatedAt: now() })
    return null
  })
}

/** Makes the record for a compute's reports of one start of a job. Reports of an earlier start are deleted. */
export function openDeployment(
  { deployments }: Collections,
  now: () => string,
  { compute, job, start }: { readonly compute: string; readonly job: string; readonly start: string },
): Promise<void> {
  const id = `${compute}/${job}`
  return attempted(async () => {
    const found = await deployments.get(id)
    if (found?.value.start === start) return
    const value = { start, statuses: {}, updatedAt: now() }
    if (found) await deployments.replace(found, value)
    else if (!(await deployments.insert({ id, value })))
      throw catalogueError('WRITTEN_MEANWHILE', { what: `deployment ${id}` })
  })
}

async function tasksOn(
  collections: Collections,
  admins: TrustedAdmins,
  { id, value }: Stored<ComputeRecord>,
  job: string,
): Promise<TaskRecord[]> {
  const found = await presentJob(collections, job)
  const tasks = found ? await tasksOf(collections, found) : []
  const here = tasks.filter((task) => task.computeId === id && mayRun(admins, value, task, found?.value.userId ?? ''))
  if (here.length === 0) throw catalogueError('DEPLOYMENT_UNKNOWN', { compute: id, job })
  return here
}
