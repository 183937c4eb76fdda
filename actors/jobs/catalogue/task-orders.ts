import type { Collections } from '../../records/collections.ts'
import type { CatalogueJob } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'
import { taskKey, tasksOf } from './expansions.ts'

/** Where a job's tasks are kept, in the order of its expansion. */
export type TaskOrders = (job: Pick<Stored<CatalogueJob>, 'id' | 'value'>) => Promise<readonly string[]>

/** Keys kept of all jobs together: a few megabytes. */
const keptKeys = 200_000

/**
 * Tasks are kept by their ids, and listed by their places. An expansion's tasks are those that they are for good, so their order
 * is looked for once, and kept for the jobs that were listed last.
 */
export function taskOrders(collections: Collections, most = keptKeys): TaskOrders {
  const kept = new Map<string, readonly string[]>()
  return async (job) => {
    const name = taskKey(job.id, job.value.expansion, '')
    const keys = kept.get(name) ?? (await tasksOf(collections, job)).map(({ taskId }) => name + taskId)
    // At the end of the order, as the one asked for last.
    kept.delete(name)
    kept.set(name, keys)
    let total = [...kept.values()].reduce((sum, { length }) => sum + length, 0)
    for (const [other, { length }] of kept) {
      if (total <= most || other === name) break
      total -= length
      kept.delete(other)
    }
    return keys
  }
}
