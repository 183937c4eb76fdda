import type { Store } from '../../runtime/index.ts'
import { forgetAdoptions, forgetRole } from '../../sdk/index.ts'
import { catalogueError, isRefusal } from '../model/errors.ts'
import { type AskedState, moveJob, statesBefore } from '../model/job-states.ts'
import { runName, runNumber } from '../models/run-models.ts'
import type { Collections } from '../records/collections.ts'
import { findJob, statusOf, tasksOf } from '../records/job-records.ts'
import type { CatalogueJob } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'
import { assertMatch, sameId } from '../requests/conditions.ts'
import type { RequestContext } from '../requests/requests.ts'

/** The user's job, if it may be brought into the asked state. JOB_NOT_FOUND, JOB_STATE, FIELD_DIFFERS, MATCH_FAILED. */
export async function movableJob(
  collections: Collections,
  {
    user,
    job,
    id,
    state,
    context,
  }: {
    readonly user: string
    readonly job: string
    readonly id?: string | undefined
    readonly state: AskedState
    readonly context?: RequestContext | undefined
  },
): Promise<Stored<CatalogueJob>> {
  sameId(job, id === undefined ? {} : { id })
  const found = await findJob(collections, user, job)
  assertMatch(context, `the status of job ${job}`, statusOf(found))
  if (moveJob(found.value, 'person', state)) return found
  const needed = statesBefore('person', state).join(', ')
  throw catalogueError('JOB_STATE', { id: job, state: found.value.state, what: `asking for ${state}`, needed })
}

/**
 * The record of a job that is being started. A run that failed, was terminated or got more rounds goes on from its last
 * committed round; a completed job begins a new run.
 */
export async function startedJob(
  collections: Collections,
  { id, value }: Stored<CatalogueJob>,
  { store, now, newId }: { readonly store: Store; readonly now: () => string; readonly newId: () => string },
): Promise<CatalogueJob> {
  const { cause: _c, endedAt: _e, placedAt: _p, ...kept } = value
  const goesOn = value.state !== 'completed'
  // Removes the state that was kept for more rounds. If this start then fails, more rounds run from the first one on,
  // to the same bits.
  if (!goesOn && value.run !== undefined) {
    for (const task of await tasksOf(collections, { id, value })) await forgetRole(store, value.run, task.end)
    await forgetAdoptions(store, value.run)
  }
  const at = now()
  const run = goesOn && value.run !== undefined ? value.run : await newRun(collections, id)
  return {
    ...kept,
    state: 'starting',
    startedAt: at,
    updatedAt: at,
    start: newId(),
    run,
    firstRun: value.firstRun ?? runNumber(value.run ?? run),
    ...(value.state === 'ready' ? {} : { resetTasks: true as const }),
  }
}

/** A name that no other run has or had: the job's id; from the second run on, with a number. */
async function newRun({ runs }: Collections, job: string): Promise<string> {
  for (;;) {
    const found = await runs.get(job)
    try {
      if (!found && !(await runs.insert({ id: job, value: { last: 1 } }))) continue
      if (!found) return runName(job, 1)
      const { value } = await runs.replace(found, { last: found.value.last + 1 })
      return runName(job, value.last)
    } catch (cause) {
      if (!isRefusal(cause)) throw cause
    }
  }
}
