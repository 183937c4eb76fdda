import { isDeepStrictEqual } from 'node:util'
import type { Behind } from '../../../sdk/index.ts'
import { removeLeftRevisions } from '../../catalogue/designs.ts'
import { checkIdentifier } from '../../model/atoms.ts'
import { catalogueError } from '../../model/errors.ts'
import type { JobSpecification, JobStatus } from '../../model/job.ts'
import { editableStates } from '../../model/job-states.ts'
import { modelsOfRun, type RunModel, removeModels, runName, runNames, runNumber } from '../../models/run-models.ts'
import type { QuotaKeeper } from '../../quotas/quota-keeper.ts'
import type { Collections } from '../../records/collections.ts'
import { findJob, specificationOf, statusOf, storedSpecification } from '../../records/job-records.ts'
import type { CatalogueParts } from '../../records/parts.ts'
import type { CatalogueJob, KeptModelsRecord } from '../../records/record-models.ts'
import { attempted, batchSize, inBatches, type Stored } from '../../records/records.ts'
import { assertMatch, sameId, sameOwner } from '../../requests/conditions.ts'
import { afterOf, type Page, type PageRequest, pageOf } from '../../requests/page.ts'
import type { RequestContext } from '../../requests/requests.ts'
import { changingTasks, taskEntries } from './expansions.ts'
import { planJob } from './plan-job.ts'

/** The context of a command on a job, and the command's calls back. */
export interface JobProgress {
  readonly context?: RequestContext | undefined
  readonly quota: Pick<QuotaKeeper, 'using'>
  /**
   * Called in a creation once all records that other commands may change are read; else once the job's document is
   * written.
   */
  readonly onSettled: () => void
}

/** Stores a job with its tasks, or nothing. JOB_EXISTS, QUOTA_REACHED, JOB_INVALID with every fault. */
export async function createJob(
  collections: Collections,
  parts: CatalogueParts,
  user: string,
  given: JobSpecification,
  { context, onSettled, quota }: JobProgress,
): Promise<JobStatus> {
  checkIdentifier('a user', user)
  sameOwner(user, given)
  const { newId, now, batch = batchSize } = parts
  const { jobs, insertAll } = collections
  const { once } = context ?? {}
  const id = given.id ?? once ?? newId()
  /** The job, if this request itself made it before a crash; else JOB_EXISTS. */
  const madeBefore = (present: Stored<CatalogueJob> | undefined) => {
    if (present && once !== undefined && present.value.once === once) return statusOf(present)
    throw catalogueError('JOB_EXISTS', { id })
  }
  const present = given.id === undefined && once === undefined ? undefined : await jobs.get(id)
  if (present) return madeBefore(present)
  return quota.using({ jobs: 1 }, async () => {
    const { expanded, count, spec, designSerial, base } = await planJob(collections, parts, user, id, given)
    onSettled()
    const [at, expansion] = [now(), newId()]
    const { inJob, beside } = storedSpecification(collections, { job: id, expansion }, spec)
    const value: CatalogueJob = {
      ...inJob,
      ...base,
      ...(once === undefined ? {} : { once }),
      taskCount: count,
      designSerial,
      userId: user,
      expansion,
      state: 'ready',
      createdAt: at,
      updatedAt: at,
    }
    const job = [jobs.entry(id, value), ...beside]
    const entries = taskEntries(collections, id, expansion, expanded, at)
    const { specificationBytes: bytes = 0 } = inJob
    return quota.using({ tasks: count, bytes }, async () => {
      const isMade =
        count <= batch
          ? await insertAll([...job, ...entries])
          : await changingTasks(collections, parts, { job: id, adds: expansion }, async () => {
              await inBatches(entries, batch, insertAll)
              return insertAll(job)
            })
      return isMade ? statusOf({ id, value }) : madeBefore(await jobs.get(id))
    })
  })
}

export function listJobs({ jobs }: Collections, user: string, page: PageRequest): Promise<Page<JobStatus>> {
  return pageOf(present(jobs.find({ where: { userId: user }, ...afterOf(page) })), page, ({ id }) => id, statusOf)
}

async function* present(jobs: AsyncIterable<Stored<CatalogueJob>>): AsyncGenerator<Stored<CatalogueJob>> {
  for await (const job of jobs) if (!job.value.removing) yield job
}

export async function readJob(collections: Collections, user: string, id: string): Promise<JobSpecification> {
  const { unreadJobs: jobs } = collections
  return attempted(async () => specificationOf(collections, await findJob({ jobs }, user, id)))
}

export async function readJobStatus(
  collections: Collections,
  { uploads }: Pick<CatalogueParts, 'uploads'>,
  user: string,
  id: string,
): Promise<JobStatus> {
  const found = await findJob(collections, user, id)
  const { run, spec } = found.value
  const behind = run === undefined ? undefined : await uploads?.behind({ run, spec })
  return { ...statusOf(found), ...(behind && behind.rounds > 0 && { modelsBehind: withoutUndefined(behind) }) }
}

function withoutUndefined({ rounds, error }: Behind): NonNullable<JobStatus['modelsBehind']> {
  return error ? { rounds, error } : { rounds }
}

/**
 * Replaces a job and its tasks; the job is ready after that. If the only change is a higher number of rounds, the next
 * start goes on with the job's run. JOB_STATE unless the job is ready or has ended; JOB_INVALID with every fault.
 */
export async function updateJob(
  collections: Collections,
  parts: CatalogueParts,
  user: string,
  id: string,
  given: JobSpecification,
  { context, onSettled, quota }: JobProgress,
): Promise<null> {
  sameOwner(user, given)
  sameId(id, given)
  const found = await findJob(collections, user, id)
  const before = await specificationOf(collections, found)
  assertMatch(context, `job ${id}`, before)
  assertEditable(found, 'an update')
  const { expanded, count, spec, designSerial, base } = await planJob(collections, parts, user, id, given)
  const [at, adds] = [parts.now(), parts.newId()]
  const { createdAt, fence, run, firstRun, expansion: replaces } = found.value
  const goesOn = run !== undefined && hasOnlyMoreRounds(before, spec)
  const kept = {
    createdAt,
    ...(fence === undefined ? {} : { fence }),
    ...(firstRun === undefined ? {} : { firstRun }),
    ...(goesOn ? { run } : {}),
  }
  const { inJob, beside } = storedSpecification(collections, { job: id, expansion: adds }, spec)
  const value: CatalogueJob = {
    ...inJob,
    ...base,
    ...kept,
    taskCount: count,
    designSerial,
    userId: user,
    expansion: adds,
    state: 'ready',
    updatedAt: at,
  }
  const more = {
    tasks: Math.max(0, count - (found.value.taskCount ?? 0)),
    bytes: Math.max(0, (inJob.specificationBytes ?? 0) - (found.value.specificationBytes ?? 0)),
  }
  const change = { job: id, adds, replaces, run: goesOn ? undefined : run }
  const changed = () =>
    changingTasks(collections, parts, change, async () => {
      const entries = taskEntries(collections, id, adds, expanded, at)
      await inBatches(entries, parts.batch ?? batchSize, collections.insertAll)
      if (beside.length > 0) await collections.insertAll(beside)
      await collections.jobs.replace(found, value)
      await removeLeftRevisions(collections, parts.store, found.value.designSerial)
      onSettled()
      return true
    })
  await quota.using(more, changed)
  return null
}

function hasOnlyMoreRounds(before: JobSpecification, after: JobSpecification): boolean {
  const [had, has] = [before, after].map(({ modelSpec }) => modelSpec?.hyperparameters?.rounds)
  if (!(typeof had === 'number' && typeof has === 'number' && has > had)) return false
  return isDeepStrictEqual(withRounds(before, has), after)
}

/** The same job with another number of rounds. */
function withRounds(spec: JobSpecification, rounds: number): JobSpecification {
  const { hyperparameters = {} } = spec.modelSpec ?? {}
  return { ...spec, modelSpec: { ...spec.modelSpec, hyperparameters: { ...hyperparameters, rounds } } }
}

/**
 * Removes a job, its tasks, their roles' state, its events, and the models of its runs, unless the models are to be
 * kept. The models go first: if they can't be removed, the job stays, and its removal can be asked for again. JOB_STATE
 * unless the job is ready or has ended; MODEL_NEEDED; the errors of registries.
 */
export async function removeJob(
  collections: Collections,
  parts: CatalogueParts,
  user: string,
  id: string,
  { context, onSettled, keepModels }: JobProgress & { readonly keepModels: boolean },
): Promise<null> {
  const found = await findJob(collections, user, id)
  assertMatch(context, `job ${id}`, await specificationOf(collections, found))
  assertEditable(found, 'its deletion')
  const { value } = found
  const kept = await partWithModels(collections, parts, found, keepModels)
  await changingTasks(collections, parts, { job: id, replaces: value.expansion, run: value.run }, async () => {
    if (kept) await collections.keptModels.put(kept.id, kept.value)
    try {
      // Refused if the job was started meanwhile. From here on the job can't be started, and is hidden.
      await collections.jobs.replace(found, { ...value, removing: true })
    } catch (cause) {
      if (kept) await collections.keptModels.remove(kept.id)
      throw cause
    }
    await removeLeftRevisions(collections, parts.store, value.designSerial)
    onSettled()
    return true
  })
  return null
}

/** Removes the models of a job's runs, or makes the record of those that are kept. */
async function partWithModels(
  collections: Collections,
  { registryOf, modelBytes = async () => 0 }: Pick<CatalogueParts, 'registryOf' | 'modelBytes'>,
  { id, value: { userId, run, spec, firstRun } }: Stored<CatalogueJob>,
  keepModels: boolean,
): Promise<{ readonly id: string; readonly value: KeptModelsRecord } | undefined> {
  const last = (await collections.runs.get(id))?.value.last
  const first = firstRun ?? (run === undefined ? undefined : runNumber(run))
  if (!registryOf || last === undefined || first === undefined) return undefined
  const registry = await registryOf({ run: runName(id, last), spec })
  const models: RunModel[] = []
  for (const name of runNames(id, first, last)) models.push(...(await modelsOfRun(registry, name)))
  if (!keepModels) {
    await removeModels(collections, registry, models)
    return undefined
  }
  if (models.length === 0) return undefined
  let bytes = 0
  for (const model of models) bytes += await modelBytes(model.run, model.round, model.part)
  const place = spec.registry && { registry: spec.registry }
  return { id: `${id}/${first}`, value: { userId, firstRun: first, lastRun: last, ...place, bytes } }
}

function assertEditable({ id, value: { state } }: Stored<CatalogueJob>, what: string): void {
  if (!editableStates.includes(state))
    throw catalogueError('JOB_STATE', { id, state, what, needed: editableStates.join(', ') })
}
