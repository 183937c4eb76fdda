import type { DurableStore } from '../../../runtime/index.ts'
import { placesIn } from '../../deployers/sites/placements.ts'
import { ownSite } from '../../deployers/sites/spread-parts.ts'
import { catalogueError } from '../../model/errors.ts'
import type { TaskInfo } from '../../model/task.ts'
import type { Collections } from '../../records/collections.ts'
import { findJob, taskKey, tasksOf } from '../../records/job-records.ts'
import type { CatalogueJob, TaskRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'
import { type Page, type PageRequest, pageOf } from '../../requests/page.ts'

/** Answers with the keys of a job's task records, in the order of the expansion. */
export type TaskOrders = (job: Pick<Stored<CatalogueJob>, 'id' | 'value'>) => Promise<readonly string[]>

/** The place of tasks that the server's own processes run. */
const server = 'server'

/** Most keys that are kept in memory, of all jobs together: a few megabytes. */
const keptKeys = 200_000

/**
 * Remembers the order of tasks: records are stored by id, and listed by index. The tasks of an expansion never change,
 * so their order is read once, and kept for the jobs that were listed last.
 */
export function taskOrders(collections: Collections, most = keptKeys): TaskOrders {
  const kept = new Map<string, readonly string[]>()
  return async (job) => {
    const name = taskKey(job.id, job.value.expansion, '')
    const keys = kept.get(name) ?? (await tasksOf(collections, job)).map(({ taskId }) => name + taskId)
    // Moves the job to the end of the order.
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

export async function listTasks(
  store: DurableStore,
  collections: Collections,
  orderOf: TaskOrders,
  user: string,
  id: string,
  page: PageRequest,
): Promise<Page<TaskInfo>> {
  const job = await findJob(collections, user, id)
  const places = await placesOf(store, job.value)
  const keys = await orderOf(job)
  const after = page.after === undefined ? -1 : keys.indexOf(taskKey(id, job.value.expansion, page.after))
  async function* tasks() {
    for (let index = after + 1; index < keys.length; index++) {
      const task = await collections.tasks.get(keys[index] ?? '')
      if (task) yield task.value
    }
  }
  return pageOf(
    tasks(),
    page,
    ({ taskId }) => taskId,
    (task) => taskInfoOf(task, places),
  )
}

export async function readTask(
  store: DurableStore,
  collections: Collections,
  user: string,
  id: string,
  taskId: string,
): Promise<TaskInfo> {
  const { value } = await findJob(collections, user, id)
  const found = await collections.tasks.get(taskKey(id, value.expansion, taskId))
  if (!found) throw catalogueError('TASK_UNKNOWN', { job: id, id: taskId })
  return taskInfoOf(found.value, await placesOf(store, value))
}

/** By end: the names of the sites of a job's tasks, in its present or last run. */
async function placesOf(store: DurableStore, { run }: CatalogueJob): Promise<ReadonlyMap<string, string>> {
  return run === undefined ? new Map() : placesIn(store, run)
}

function taskInfoOf(record: TaskRecord, places: ReadonlyMap<string, string>): TaskInfo {
  const { jobId, taskId, role, groupAssociation, state, computeId, log, timestamp, end } = record
  // The tasks of an update have had no place yet.
  const place = state === 'ready' ? undefined : places.get(end)
  const task = { jobId, taskId, role, groupAssociation, state, computeId, timestamp, key: 'hidden by system' }
  const flamelet = place === undefined ? {} : { flamelet: place === ownSite ? server : place }
  return { ...task, ...flamelet, ...(log === undefined ? {} : { log }) }
}
