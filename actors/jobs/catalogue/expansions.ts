import type { NewDocument, Store } from '../../../runtime/index.ts'
import { forgetAdoptions, forgetRole } from '../../../sdk/index.ts'
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
 * A new job of few tasks is inserted together with its tasks. A larger job's tasks are written first, in batches, under
 * an expansion that no job names yet; the write of the job then makes them its tasks. To remove a job, the job is
 * marked first, and hidden from then on; its tasks are removed in batches, and the job last. A note of each change is
 * written before the change, so that records which a crash leaves over are found and removed.
 */

type ChangeParts = Pick<CatalogueParts, 'store' | 'now' | 'newId' | 'server' | 'batch'>

interface TasksChange {
  readonly job: string
  /** The expansion whose tasks are written. */
  readonly adds?: string
  /** The expansion whose tasks are removed. */
  readonly replaces?: string
  /** The run whose state is removed with the replaced tasks. */
  readonly run?: string | undefined
}

/**
 * Changes a job's tasks, and removes records that the change leaves over, now or after a crash. Answers as `change`
 * does: false if the job wasn't written. WRITTEN_MEANWHILE if another server took this server for dead, and removed the
 * tasks of the new job meanwhile: then the job is removed too.
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

/** Yields the records of an expansion's tasks, each made when it is taken. */
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
 * Removes the tasks that no job names after a change, with their state and notifications; a job that is being removed;
 * and the note of the change. May be repeated after a crash.
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
    if (run !== undefined) await forgetAdoptions(store, run)
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

/**
 * Removes the leftovers of unfinished changes by dead servers. A server that was only slow can't complete its change
 * after that.
 */
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
    // A server that is slow, not dead, then fails to write a present job, and takes back a job that it has just
    // created.
    const isFenced = (await claimed(expansions, note)) && (!job || (await claimed(jobs, job)))
    if (isFenced) await settle(collections, store, note, batch)
  }
}

/** Bumps a record's version, so that stale writers are refused. False if another writer was faster, and so is alive. */
async function claimed<Value>(records: Records<Value>, present: Stored<Value>): Promise<boolean> {
  try {
    await records.replace(present, present.value)
    return true
  } catch (cause) {
    if (isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE') return false
    throw cause
  }
}
