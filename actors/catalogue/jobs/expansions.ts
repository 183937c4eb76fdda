import type { Task } from '../../../sdk/index.ts'
import { catalogueError } from '../../errors.ts'
import { forgetRecipient } from '../../notifier/recipients.ts'
import type { Collections } from '../records/collections.ts'
import type { CatalogueJob, TaskRecord } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'

/*
 * A job and its tasks come to be at once, on stores that write one collection at a time: tasks are written first, under an
 * expansion that no job names yet; the job's own write makes them its tasks. That a change is under way is noted before, so
 * that what a crash leaves is found and cleared.
 */

/** Makes a change of a job's tasks, and clears what it leaves over, now or at the next start. */
export async function changingTasks(
  collections: Collections,
  job: string,
  at: string,
  change: () => Promise<void>,
): Promise<void> {
  await collections.expansions.put(job, { at })
  try {
    await change()
  } finally {
    await settle(collections, job)
  }
}

/** Writes the tasks of an expansion, all or none. */
export async function writeTasks(
  { tasks }: Collections,
  job: string,
  expansion: string,
  expanded: readonly Task[],
  at: string,
): Promise<void> {
  const records = expanded.map(({ taskId, end, role, groupAssociation, computeId, replica, dataset, key }, index) => ({
    id: `${job}/${expansion}/${taskId}`,
    value: {
      jobId: job,
      taskId,
      index,
      end,
      role,
      groupAssociation: { ...groupAssociation },
      computeId,
      replica,
      key,
      state: 'ready' as const,
      timestamp: at,
      ...(dataset === undefined ? {} : { dataset }),
    },
  }))
  if (!(await tasks.insert(...records))) throw catalogueError('JOB_EXISTS', { id: job })
}

/** Removes tasks that are not the job's (all of them if there is no job) with what is theirs, and the note of the change. */
async function settle(collections: Collections, job: string): Promise<void> {
  const { jobs, tasks, expansions, deployments } = collections
  const computes = new Set<string>()
  const present = await jobs.get(job)
  const own = present && `${job}/${present.value.expansion}/`
  for await (const { id, value } of tasks.below(`${job}/`)) {
    if (own && id.startsWith(own)) continue
    await forgetRecipient(collections, { type: 'task', job, task: value.taskId })
    computes.add(value.computeId)
    await tasks.remove(id)
  }
  for (const compute of computes) await deployments.remove(`${compute}/${job}`)
  await expansions.remove(job)
}

/** Clears what a crash cut off. */
export async function settleExpansions(collections: Collections): Promise<void> {
  for await (const { id } of collections.expansions.find()) await settle(collections, id)
}

/** The tasks of a job, in the order of its expansion. */
export async function tasksOf({ tasks }: Collections, { id, value }: Stored<CatalogueJob>): Promise<TaskRecord[]> {
  const records: TaskRecord[] = []
  for await (const { value: task } of tasks.below(`${id}/${value.expansion}/`)) records.push(task)
  return records.toSorted((a, b) => a.index - b.index)
}
