import { catalogueError, isRefusal } from '../../model/errors.ts'
import type { Collections } from '../../records/collections.ts'
import type { CatalogueJob, LeaseRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'

/*
 * A job is under way as long as there is a lease on it, and its owner is the server of the last one. A lease is written
 * before the job's document names its number, and removed once the job is at rest and told so: what a crash leaves is found
 * among the leases. Each number is given once, so that removing a lease can't remove a later one.
 */

/** A lease that a job's actor works under. */
export interface HeldLease {
  readonly job: string
  readonly fence: number
  /** Another server, which may still live, had the job before. */
  readonly takenOver: boolean
  /** The job's actor failed with this again and again: the job is to fail with it. */
  readonly fault?: { readonly cause: unknown }
}

type JobLease = Pick<LeaseRecord, 'job' | 'fence' | 'owner'>

function leaseKey({ job, fence }: Pick<JobLease, 'job' | 'fence'>): string {
  return `${job}/${fence}`
}

/** By job, the last one first. */
export type JobLeases = ReadonlyMap<string, readonly [LeaseRecord, ...LeaseRecord[]]>

export async function leasesByJob({ leases }: Collections): Promise<JobLeases> {
  const byJob = new Map<string, [LeaseRecord, ...LeaseRecord[]]>()
  for await (const { value } of leases.find()) {
    const known = byJob.get(value.job)
    if (!known) byJob.set(value.job, [value])
    else if (value.fence > known[0].fence) known.unshift(value)
    else known.push(value)
  }
  return byJob
}

/** Writes a lease and then the job that names it. WRITTEN_MEANWHILE, and no lease, if another was faster. */
export async function leaseJob(
  collections: Collections,
  found: Stored<CatalogueJob>,
  lease: JobLease,
  value: CatalogueJob,
): Promise<void> {
  const { leases, jobs } = collections
  const what = `job ${found.id}`
  const { job, fence, owner } = lease
  if (!(await leases.insert({ id: leaseKey(lease), value: { job, fence, owner, touched: 0 } })))
    throw catalogueError('WRITTEN_MEANWHILE', { what })
  try {
    await jobs.replace(found, { ...value, fence: lease.fence })
  } catch (cause) {
    if (isRefusal(cause)) await leases.remove(leaseKey(lease))
    throw cause
  }
}

/**
 * Takes a job over whose owner is gone: the lease's number, or undefined if there is no such job, or another server was
 * faster. Whatever the former owner still writes of the job is refused from then on.
 */
export async function takeOver(
  collections: Collections,
  job: string,
  last: number,
  owner: string,
): Promise<number | undefined> {
  const found = await collections.jobs.get(job)
  if (!found) return undefined
  const fence = Math.max(last, found.value.fence ?? 0) + 1
  try {
    await leaseJob(collections, found, { job, fence, owner }, found.value)
    return fence
  } catch (cause) {
    // Looked at again the next time, if it needs be.
    if (isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE') return undefined
    throw cause
  }
}

/** Says to the owner of a job, on another server, that the job or its tasks have changed. */
export async function touchLease({ leases }: Collections, job: string, fence: number): Promise<void> {
  for (;;) {
    const lease = await leases.get(leaseKey({ job, fence }))
    // Whoever takes it over looks at everything.
    if (!lease) return
    try {
      await leases.replace(lease, { ...lease.value, touched: lease.value.touched + 1 })
      return
    } catch (cause) {
      if (!isRefusal(cause)) throw cause
    }
  }
}

/** Gives a lease back: the job is at rest. */
export async function endLease({ leases }: Collections, lease: Pick<JobLease, 'job' | 'fence'>): Promise<void> {
  await leases.remove(leaseKey(lease))
}
