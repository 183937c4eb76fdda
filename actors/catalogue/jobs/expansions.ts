import type { NewDocument, Store } from '../../../runtime/index.ts'
import { forgetRole, type Task } from '../../../sdk/index.ts'
import { isRefusal } from '../../errors.ts'
import { removeEvents } from '../../events/event-journal.ts'
import { forgetRecipient } from '../../notifier/recipients.ts'
import type { CatalogueParts } from '../parts.ts'
import type { Collections } from '../records/collections.ts'
import type { CatalogueJob, TaskRecord } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'

/*
 * A new job and its tasks are inserted together. Where a job's tasks are replaced, the new ones are written first, under an
 * expansion that no job names yet; the job's own write makes them its tasks. That a change is under way is noted before, so
 * that what a crash leaves is found and cleared.
 */

interface TasksChange {
  readonly job: string
  readonly at: string
  /** The run whose state goes with the tasks that are replaced. */
  readonly run?: string | undefined
}

/** Makes a change of a job's tasks, and clears what it leaves over, now or at the next start. */
export async function changingTasks(
  collections: Collections,
  { store, server }: CatalogueParts,
  { job, at, run }: TasksChange,
  change: () => Promise<void>,
): Promise<void> {
  const note = { at, ...(server === undefined ? {} : { server }), ...(run === undefined ? {} : { run }) }
  await collections.expansions.put(job, note)
  try {
    await change()
  } finally {
    await settle(collections, store, job)
  }
}

/** The records of an expansion's tasks. */
export function taskEntries(
  { tasks }: Collections,
  job: string,
  expansion: string,
  expanded: readonly Task[],
  at: string,
): NewDocument[] {
  return expanded.map(({ taskId, end, role, groupAssociation, computeId, replica, dataset, key }, index) =>
    tasks.entry(taskKey(job, expansion, taskId), {
      jobId: job,
      taskId,
      index,
      end,
      role,
      groupAssociation: { ...groupAssociation },
      computeId,
      replica,
      key,
      state: 'ready',
      timestamp: at,
      ...(dataset === undefined ? {} : { dataset }),
    }),
  )
}

/** Where a task is kept. */
export function taskKey(job: string, expansion: string, task: string): string {
  return `${job}/${expansion}/${task}`
}

/** Removes tasks that are not the job's (all of them if there is no job) with what is theirs, and the note of the change. */
async function settle(collections: Collections, store: Store, job: string): Promise<void> {
  const { jobs, tasks, expansions, deployments } = collections
  const computes = new Set<string>()
  const run = (await expansions.get(job))?.value.run
  let present = await jobs.get(job)
  if (present?.value.removing) {
    await jobs.remove(job)
    present = undefined
  }
  const own = present && taskKey(job, present.value.expansion, '')
  for await (const { id, value } of tasks.below(`${job}/`)) {
    if (own && id.startsWith(own)) continue
    await forgetRecipient(collections, { type: 'task', job, task: value.taskId })
    if (run !== undefined) await forgetRole(store, run, value.end)
    computes.add(value.computeId)
    await tasks.remove(id)
  }
  for (const compute of computes) await deployments.remove(`${compute}/${job}`)
  if (!present) await removeEvents(store, job)
  await expansions.remove(job)
}

/** Clears what was cut off of changes by servers that are gone. One that wakes up again is refused the rest of its change. */
export async function settleExpansions(
  collections: Collections,
  store: Store,
  isGone: (server: string | undefined) => boolean,
): Promise<void> {
  for await (const { id, value } of collections.expansions.find())
    if (isGone(value.server) && (await fenced(collections, id))) await settle(collections, store, id)
}

/** Makes whoever has read a job fail to write it. False if that was faster: it lives, and clears up itself. */
async function fenced({ jobs }: Collections, id: string): Promise<boolean> {
  const present = await jobs.get(id)
  try {
    if (present) await jobs.replace(present, present.value)
    return true
  } catch (cause) {
    if (isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE') return false
    throw cause
  }
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
