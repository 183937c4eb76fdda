import type { Store } from '../../../runtime/index.ts'
import { forgetRole, type Task } from '../../../sdk/index.ts'
import { catalogueError } from '../../errors.ts'
import { removeEvents } from '../../events/event-journal.ts'
import type { CatalogueParts } from '../parts.ts'
import type { Collections } from '../records/collections.ts'
import type { CatalogueJob, TaskRecord } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'

/*
 * A job and its tasks come to be at once, on stores that write one collection at a time: tasks are written first, under an
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

/** Gives a job its tasks and its document, both or neither. */
export async function settingTasks(
  collections: Collections,
  parts: CatalogueParts,
  change: TasksChange,
  { expansion, tasks }: { readonly expansion: string; readonly tasks: readonly Task[] },
  setJob: () => Promise<void>,
): Promise<void> {
  const records = taskRecords(change.job, expansion, tasks, change.at)
  await changingTasks(collections, parts, change, async () => {
    if (!(await collections.tasks.insert(...records))) throw catalogueError('JOB_EXISTS', { id: change.job })
    await setJob()
    // A server that took this one for dead may have cleared them before the job named them.
    if (!(await collections.expansions.get(change.job))) await collections.tasks.insert(...records)
  })
}

function taskRecords(job: string, expansion: string, expanded: readonly Task[], at: string) {
  return expanded.map(({ taskId, end, role, groupAssociation, computeId, replica, dataset, key }, index) => ({
    id: taskKey(job, expansion, taskId),
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
}

/** Where a task is kept. */
export function taskKey(job: string, expansion: string, task: string): string {
  return `${job}/${expansion}/${task}`
}

/** Removes tasks that are not the job's (all of them if there is no job) with the state of their roles, and the note of the change. */
async function settle(collections: Collections, store: Store, job: string): Promise<void> {
  const { jobs, tasks, expansions } = collections
  const run = (await expansions.get(job))?.value.run
  let present = await jobs.get(job)
  if (present?.value.removing) {
    await jobs.remove(job)
    present = undefined
  }
  const own = present && `${job}/${present.value.expansion}/`
  for await (const { id, value } of tasks.below(`${job}/`)) {
    if (own && id.startsWith(own)) continue
    if (run !== undefined) await forgetRole(store, run, value.end)
    await tasks.remove(id)
  }
  if (!present) await removeEvents(store, job)
  await expansions.remove(job)
}

/** Clears what was cut off of changes by servers that are gone. */
export async function settleExpansions(
  collections: Collections,
  store: Store,
  isGone: (server: string | undefined) => boolean,
): Promise<void> {
  for await (const { id, value } of collections.expansions.find())
    if (isGone(value.server)) await settle(collections, store, id)
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
