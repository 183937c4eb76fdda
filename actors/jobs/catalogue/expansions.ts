import type { NewDocument, Store } from '../../../runtime/index.ts'
import { forgetRole } from '../../../sdk/index.ts'
import { removeEvents } from '../../events/stored-events.ts'
import { catalogueError, isRefusal } from '../../model/errors.ts'
import { forgetTasks } from '../../notifier/recipients.ts'
import type { Collections } from '../../records/collections.ts'
import { jobHolding } from '../../records/holdings.ts'
import { specificationKey, taskKey } from '../../records/job-records.ts'
import type { CatalogueParts } from '../../records/parts.ts'
import type { ExpansionRecord } from '../../records/record-models.ts'
import { batchSize, inBatches, type Records, removeBelow, type Stored } from '../../records/records.ts'
import type { PlannedTask } from './plan-job.ts'

/*
 * A new job of few tasks is inserted together with them. Else a job's tasks are written first, in batches, under an expansion
 * that no job names yet; the job's own write makes them its tasks. A job that is removed is marked first, and nobody sees it
 * any more; its tasks go in batches, and itself last. That a change is under way is noted before, so that what a crash leaves
 * is found and cleared.
 */

type ChangeParts = Pick<CatalogueParts, 'store' | 'now' | 'newId' | 'server' | 'batch'>

interface TasksChange {
  readonly job: string
  /** The expansion whose tasks are written. */
  readonly adds?: string
  /** The one whose tasks go. */
  readonly replaces?: string
  /** The run whose state goes with these. */
  readonly run?: string | undefined
}

/**
 * Makes a change of a job's tasks, and clears what it leaves over, now or at the next start. Answers as the change does: false
 * if it named no tasks. WRITTEN_MEANWHILE if another server took this one for dead, and cleared the tasks of a new job
 * meanwhile: then there is none.
 */
export async function changingTasks(
  collections: Collections,
  { store, now, newId, server, batch }: ChangeParts,
  { job, run, ...named }: TasksChange,
  change: () => Promise<boolean>,
): Promise<boolean> {
  const { expansions, jobs } = collections
  const by = { ...(server === undefined ? {} : { server }), ...(run === undefined ? {} : { run }) }
  const note = { id: `${job}/${newId()}`, version: 1, value: { at: now(), ...named, ...by } }
  await expansions.insert(note)
  try {
    if (!(await change())) return false
    if (named.replaces === undefined && (await expansions.get(note.id))?.version !== note.version) {
      await jobs.remove(job)
      throw catalogueError('WRITTEN_MEANWHILE', { what: `job ${job}` })
    }
    return true
  } finally {
    await settle(collections, store, note, batch)
  }
}

/** The records of an expansion's tasks, made as they are taken. */
export function* taskEntries(
  { tasks }: Collections,
  job: string,
  expansion: string,
  expanded: Iterable<PlannedTask>,
  at: string,
): Generator<NewDocument> {
  let index = 0
  for (const task of expanded) {
    const { taskId, end, role, groupAssociation, computeId, replica, key, computeAdmin, dataset, datasetOwner } = task
    yield tasks.entry(taskKey(job, expansion, taskId), {
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
      ...(computeAdmin === undefined ? {} : { computeAdmin }),
      ...(dataset === undefined ? {} : { dataset }),
      ...(datasetOwner === undefined ? {} : { datasetOwner }),
    })
    index += 1
  }
}

/**
 * Removes the tasks that a change has left without a job that names them, what is theirs, a job that is being removed, and the
 * change's note. Done again if a crash cuts it off.
 */
async function settle(
  collections: Collections,
  store: Store,
  { id, value: { adds, replaces, run } }: Pick<Stored<ExpansionRecord>, 'id' | 'value'>,
  size = batchSize,
): Promise<void> {
  const { jobs, tasks, expansions, deployments, specifications, holdings } = collections
  const [job = ''] = id.split('/')
  const present = await jobs.get(job)
  const named = present?.value.removing ? undefined : present?.value.expansion
  if (adds !== undefined && named !== adds) {
    await removeBelow(tasks, taskKey(job, adds, ''), size)
    await specifications.remove(specificationKey(job, adds))
  }
  if (replaces !== undefined && (named === undefined || named === adds)) {
    const computes = new Set<string>()
    if (present) await forgetTasks(collections, job, size)
    await inBatches(tasks.below(taskKey(job, replaces, '')), size, async (batch) => {
      for (const { value } of batch) computes.add(value.computeId)
      if (run !== undefined) await Promise.all(batch.map(({ value }) => forgetRole(store, run, value.end)))
      await tasks.removeAll(batch)
    })
    await specifications.remove(specificationKey(job, replaces))
    if (present) await Promise.all([...computes].map((compute) => deployments.remove(`${compute}/${job}`)))
  }
  if (present?.value.removing) {
    await removeEvents(store, job)
    await holdings.remove(jobHolding(job))
    await jobs.remove(job)
  }
  await expansions.remove(id)
}

/** Clears what was cut off of changes by servers that are gone. One that wakes up again is refused the rest of its change. */
export async function settleExpansions(
  collections: Collections,
  { store, batch }: Pick<CatalogueParts, 'store' | 'batch'>,
  isGone: (server: string | undefined) => boolean,
): Promise<void> {
  const { expansions, jobs } = collections
  for await (const note of expansions.find()) {
    if (!isGone(note.value.server)) continue
    const [id = ''] = note.id.split('/')
    const job = await jobs.get(id)
    // A server that is slow and not dead fails to write a job that is there, and takes back one that it has just created.
    const isFenced = (await claimed(expansions, note)) && (!job || (await claimed(jobs, job)))
    if (isFenced) await settle(collections, store, note, batch)
  }
}

/** Makes whoever has read a document fail to write it. False if that was faster: it lives, and clears up itself. */
async function claimed<Value>(records: Records<Value>, present: Stored<Value>): Promise<boolean> {
  try {
    await records.replace(present, present.value)
    return true
  } catch (cause) {
    if (isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE') return false
    throw cause
  }
}
