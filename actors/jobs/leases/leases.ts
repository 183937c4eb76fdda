import { catalogueError, isRefusal } from '../../model/errors.ts'
import type { Collections } from '../../records/collections.ts'
import type { CatalogueJob, LeaseRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'

/*
 * A job is under way as long as there is a lease on it. The server of the last lease owns the job. A lease is written
 * before the job's document names the lease's number, and removed once the job's document says that the job is at rest:
 * so the leases show each job that a crash has left under way. Each number is given once, so that removing a lease
 * can't remove a later one.
 */

/** A lease that a job's actor works under. */
export interface HeldLease {
  readonly job: string
  readonly fence: number
  /** Another server, which may still live, had the job before. */
  readonly takenOver: boolean
  /** The fault by which the job's actor has failed too often: the job fails with the same cause. */
  readonly fault?: { readonly cause: unknown }
}

type JobLease = Pick<LeaseRecord, 'job' | 'fence' | 'owner'>

function leaseKey({ job, fence }: Pick<JobLease, 'job' | 'fence'>): string {
  return `${job}/${fence}`
}

/** Leases by job. The last lease of a job comes first. */
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

/**
 * The number of a job's next lease, on a store that no other server shares. A process that was killed before its job's
 * document named its lease has left that lease: its number is passed over.
 */
export async function nextFence({ leases }: Collections, { id, value }: Stored<CatalogueJob>): Promise<number> {
  let fence = (value.fence ?? 0) + 1
  while (await leases.get(leaseKey({ job: id, fence }))) fence += 1
  return fence
}

/**
 * Writes a lease, and then the job that names the lease. WRITTEN_MEANWHILE, and no lease, if another writer was faster.
 */
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
 * Takes over a job whose owner is gone. Answers with the number of the new lease; undefined if the job is unknown, or
 * another server was faster. Later writes of the former owner are refused.
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
    // The next look tries again if the job still has no living owner.
    if (isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE') return undefined
    throw cause
  }
}

/** Tells a job's owner on another server that the job or its tasks have changed. */
export async function touchLease({ leases }: Collections, job: string, fence: number): Promise<void> {
  for (;;) {
    const lease = await leases.get(leaseKey({ job, fence }))
    // The lease is gone: the next owner reads the job and its tasks anyway.
    if (!lease) return
    try {
      await leases.replace(lease, { ...lease.value, touched: lease.value.touched + 1 })
      return
    } catch (cause) {
      if (!isRefusal(cause)) throw cause
    }
  }
}

/** Removes the lease of a job that is at rest, or a replaced lease. */
export async function endLease({ leases }: Collections, lease: Pick<JobLease, 'job' | 'fence'>): Promise<void> {
  await leases.remove(leaseKey(lease))
}
