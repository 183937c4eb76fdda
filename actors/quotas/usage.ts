import { setImmediate } from 'node:timers/promises'
import type { Documents } from '../../runtime/index.ts'
import type { Usage } from '../model/quotas.ts'
import type { Collections } from '../records/collections.ts'
import type { Holdings } from '../records/holdings.ts'
import type { CatalogueJob } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'

/** Documents that are read before other work has a turn. */
const stride = 100

/** Counts a user's things by reading all their documents. Takes time in proportion to their number. */
export async function usageOf(
  collections: Collections,
  documents: Documents,
  user: string,
  held?: Holdings,
): Promise<Usage> {
  const usage = { designs: 0, revisions: 0, bytes: 0, datasets: 0, jobs: 0, tasks: 0, keys: 0 }
  for await (const { value } of unhurried(collections.designs.find({ where: { userId: user } }))) {
    usage.designs += 1
    await addRevisions(value.serial)
  }
  for await (const job of unhurried(collections.jobs.find({ where: { userId: user } }))) {
    usage.jobs += 1
    usage.tasks += job.value.taskCount ?? (await tasksOf(job))
    usage.bytes += job.value.specificationBytes ?? 0
  }
  for await (const _ of unhurried(collections.datasets.find({ where: { userId: user } }))) usage.datasets += 1
  usage.bytes += (await held?.bytesOf(user)) ?? 0
  usage.keys = await keysOf(documents, user)
  return usage

  async function addRevisions(serial: string): Promise<void> {
    for await (const { value } of unhurried(collections.schemas.below(`${serial}/`))) {
      usage.revisions += 1
      usage.bytes += bytesOf(value)
    }
    for await (const { value } of unhurried(collections.codes.below(`${serial}/`))) {
      usage.revisions += 1
      usage.bytes += value.sizeBytes
    }
  }

  /** Counts the tasks of a job from an earlier version, which has no `taskCount`. */
  async function tasksOf({ id, value }: Stored<CatalogueJob>): Promise<number> {
    let count = 0
    for await (const _ of unhurried(collections.tasks.below(`${id}/${value.expansion}/`))) count += 1
    return count
  }
}

/** Number of a user's stored requests with an Idempotency-Key. */
export async function keysOf(documents: Documents, user: string): Promise<number> {
  let count = 0
  for await (const _ of unhurried(documents.find('requests', { where: { user } }))) count += 1
  return count
}

export function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

async function* unhurried<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  let count = 0
  for await (const item of items) {
    yield item
    count += 1
    if (count % stride === 0) await setImmediate()
  }
}
