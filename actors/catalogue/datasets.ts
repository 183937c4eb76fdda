import { defaultCompute } from '../../sdk/index.ts'
import { checkIdentifier } from '../model/atoms.ts'
import type { DatasetInfo } from '../model/catalogue.ts'
import { catalogueError, named } from '../model/errors.ts'
import { namedDatasets } from '../model/job.ts'
import { endedNames } from '../model/job-states.ts'
import type { Collections } from '../records/collections.ts'
import { specificationOf } from '../records/job-records.ts'
import type { CatalogueParts } from '../records/parts.ts'
import type { CatalogueJob, DatasetRecord } from '../records/record-models.ts'
import { attempted, type Stored } from '../records/records.ts'
import { assertMatch, sameId, sameOwner } from '../requests/conditions.ts'
import { afterOf, type Page, type PageRequest, pageOf } from '../requests/page.ts'
import type { RequestContext } from '../requests/requests.ts'
import { assertTrusted, type DatasetOwner, resolveRealm } from './compute-trust.ts'

/** Creates a dataset and answers with its id. DATASET_EXISTS if the id is taken. */
export async function createDataset(
  collections: Collections,
  { newId, now, computeAdmins }: CatalogueParts,
  user: string,
  info: DatasetInfo,
  context?: RequestContext,
): Promise<string> {
  checkIdentifier('a user', user)
  sameOwner(user, info)
  const resolved = await resolveRealm(collections, computeAdmins, info, ownerOf(user, info))
  const { once } = context ?? {}
  const id = info.id ?? once ?? newId()
  const made = once === undefined ? {} : { once }
  const value = { ...info, ...resolved, id, userId: user, createdAt: now(), ...made }
  if (await collections.datasets.insert({ id, value })) return id
  // This request itself may have made the dataset, before a crash.
  const present = await collections.datasets.get(id)
  if (once === undefined || present?.value.once !== once) throw catalogueError('DATASET_EXISTS', { id })
  return id
}

export function listDatasets({ datasets }: Collections, user: string, page: PageRequest): Promise<Page<DatasetInfo>> {
  return pageOf(datasets.find({ where: { userId: user }, ...afterOf(page) }), page, ({ id }) => id, infoOf)
}

export function listPublicDatasets({ datasets }: Collections, page: PageRequest): Promise<Page<DatasetInfo>> {
  return pageOf(datasets.find({ where: { isPublic: true }, ...afterOf(page) }), page, ({ id }) => id, infoOf)
}

export async function readDataset(collections: Collections, user: string, id: string): Promise<DatasetInfo> {
  return infoOf(await findDataset(collections, user, id))
}

/** Replaces the whole dataset. The dataset keeps its compute if neither its realm nor `isPublic` changes. */
export async function updateDataset(
  collections: Collections,
  { computeAdmins }: CatalogueParts,
  user: string,
  id: string,
  info: DatasetInfo,
  context?: RequestContext,
): Promise<DatasetInfo> {
  sameOwner(user, info)
  sameId(id, info)
  const found = await findDataset(collections, user, id)
  assertMatch(context, `dataset ${id}`, infoOf(found))
  const { realm, computeId, createdAt, isPublic = false } = found.value
  const keepsCompute = info.realm === realm && (info.isPublic ?? false) === isPublic
  const owner = ownerOf(user, info)
  const present = keepsCompute && computeId !== defaultCompute ? await collections.computes.get(computeId) : undefined
  if (present) assertTrusted(computeAdmins, present, owner)
  const resolved = keepsCompute ? { realm, computeId } : await resolveRealm(collections, computeAdmins, info, owner)
  const value = { ...info, ...resolved, id, userId: user, createdAt }
  await collections.datasets.replace(found, value)
  return infoOf({ ...found, value })
}

/** Removes a dataset. DATASET_USED while a job that hasn't ended names the dataset. */
export async function removeDataset(
  collections: Collections,
  user: string,
  id: string,
  context?: RequestContext,
): Promise<null> {
  assertMatch(context, `dataset ${id}`, infoOf(await findDataset(collections, user, id)))
  const [own, foreign]: [string[], string[]] = [[], []]
  // All jobs in one query: with a query for each state, a job that changes its state meanwhile could be missed.
  for await (const job of collections.jobs.find())
    if (await namesDataset(collections, job, id)) (job.value.userId === user ? own : foreign).push(job.id)
  // Jobs of other users may use a public dataset; their names are private.
  const others = foreign.length === 0 ? [] : [`${foreign.length} of other users`]
  if (own.length + foreign.length > 0)
    throw catalogueError('DATASET_USED', { id, jobs: [...(own.length > 0 ? [named(own)] : []), ...others].join(', ') })
  await collections.datasets.remove(id)
  return null
}

/** Whether a job names a dataset and hasn't ended. */
async function namesDataset(
  collections: Collections,
  { id: job, value }: Stored<CatalogueJob>,
  id: string,
): Promise<boolean> {
  if (value.removing || endedNames.includes(value.state)) return false
  return attempted(async () => {
    const present = await collections.jobs.get(job)
    return present !== undefined && namedDatasets(await specificationOf(collections, present)).has(id)
  })
}

function ownerOf(userId: string, { computeAdmins }: DatasetInfo): DatasetOwner {
  return { userId, ...(computeAdmins ? { computeAdmins } : {}) }
}

async function findDataset({ datasets }: Collections, user: string, id: string): Promise<Stored<DatasetRecord>> {
  const found = await datasets.get(id)
  if (found?.value.userId !== user) throw catalogueError('DATASET_UNKNOWN', { id })
  return found
}

function infoOf({ value }: Pick<Stored<DatasetRecord>, 'value'>): DatasetInfo {
  const { createdAt: _createdAt, once: _once, ...info } = value
  return info
}
