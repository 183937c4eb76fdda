import { defaultCompute } from '../../sdk/index.ts'
import type { ComputeRegistration, ComputeSpec, ComputeStatus } from '../model/catalogue.ts'
import { catalogueError } from '../model/errors.ts'
import { forgetRecipient } from '../notifier/recipients.ts'
import type { Collections } from '../records/collections.ts'
import { hashKey, isKey } from '../records/keys.ts'
import type { CatalogueParts } from '../records/parts.ts'
import type { ComputeRecord } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'
import { assertMatch } from '../requests/conditions.ts'
import { afterOf, type Page, type PageRequest, pageOf } from '../requests/page.ts'
import type { RequestContext } from '../requests/requests.ts'

/**
 * Registers a compute. A second registration with the same key changes nothing, except that an administrator of the
 * server vouches for the compute by it, where callers need a token. COMPUTE_KEY_DIFFERS with another key;
 * COMPUTE_RESERVED if only an administrator of the server may register this id.
 */
export async function registerCompute(
  { computes }: Collections,
  { now, computeAdmins }: CatalogueParts,
  { computeId, apiKey, adminId, region }: ComputeRegistration,
  byAdmin: boolean,
): Promise<ComputeStatus> {
  if (computeAdmins && computeId === defaultCompute && !byAdmin)
    throw catalogueError('COMPUTE_RESERVED', { id: computeId })
  const at = now()
  const vouched = computeAdmins && byAdmin ? ({ vouched: true } as const) : {}
  const stamps = { registeredAt: at, updatedAt: at }
  const value: ComputeRecord = { adminId, region, state: 'up', ...hashKey(apiKey), ...stamps, ...vouched }
  if (await computes.insert({ id: computeId, value })) return statusOf({ id: computeId, value })
  const present = await computes.get(computeId)
  if (!present) throw catalogueError('WRITTEN_MEANWHILE', { what: `compute ${computeId}` })
  if (!isKey(present.value, apiKey)) throw catalogueError('COMPUTE_KEY_DIFFERS', { id: computeId })
  if ('vouched' in vouched && !present.value.vouched) await computes.replace(present, { ...present.value, ...vouched })
  return statusOf(present)
}

/** The compute of a flamelet that joins by a link. */
export interface JoinedCompute {
  readonly id: string
  readonly region: string
  /** The flamelet that joins, and the user whose token it has. */
  readonly name: string
  readonly user: string
  readonly byAdmin: boolean
}

/**
 * Registers the compute whose tasks a flamelet gets, or finds it present: several flamelets of one user may serve a
 * compute. COMPUTE_RESERVED, COMPUTE_JOINED if the compute is another user's, or is one with a key.
 */
export async function joinCompute(
  { computes }: Pick<Collections, 'computes'>,
  { now, newKey, computeAdmins }: Pick<CatalogueParts, 'now' | 'newKey' | 'computeAdmins'>,
  { id, region, name, user, byAdmin }: JoinedCompute,
): Promise<void> {
  if (computeAdmins && id === defaultCompute && !byAdmin) throw catalogueError('COMPUTE_RESERVED', { id })
  const at = now()
  const stamps = { registeredAt: at, updatedAt: at }
  const vouched = computeAdmins && byAdmin ? ({ vouched: true } as const) : {}
  const value = {
    adminId: user,
    region,
    state: 'up',
    joined: true,
    ...hashKey(newKey()),
    ...stamps,
    ...vouched,
  } as const
  if (await computes.insert({ id, value })) return
  const present = (await computes.get(id))?.value
  if (!present) throw catalogueError('WRITTEN_MEANWHILE', { what: `compute ${id}` })
  if (!present.joined) throw catalogueError('COMPUTE_JOINED', { id, found: 'registered with a key', name, user })
  if (computeAdmins && present.adminId !== user && !byAdmin)
    throw catalogueError('COMPUTE_JOINED', { id, found: 'served by flamelets of another user', name, user })
}

/** Removes a compute that flamelets served, unless a flamelet still does, or a dataset is bound to the compute. */
export async function leaveCompute(
  { computes, flamelets, datasets }: Pick<Collections, 'computes' | 'flamelets' | 'datasets'>,
  computeId: string,
): Promise<void> {
  for await (const _ of flamelets.find({ where: { computeId }, limit: 1 })) return
  for await (const _ of datasets.find({ where: { computeId }, limit: 1 })) return
  const present = await computes.get(computeId)
  if (present?.value.joined) await computes.remove(computeId)
}

/** Lists an administrator's computes, without their keys. */
export function listComputes(
  { computes }: Collections,
  adminId: string,
  page: PageRequest,
): Promise<Page<ComputeSpec>> {
  return pageOf(computes.find({ where: { adminId }, ...afterOf(page) }), page, ({ id }) => id, specOf)
}

export async function readCompute(
  collections: Collections,
  id: string,
  key: string | undefined,
): Promise<ComputeStatus> {
  return statusOf(await findCompute(collections, id, key))
}

export async function readComputeConfig(
  collections: Collections,
  id: string,
  key: string | undefined,
): Promise<ComputeSpec> {
  return specOf(await findCompute(collections, id, key))
}

/**
 * Changes the fields that are given: region, administrator, key. Where callers need a token, only an administrator of
 * the server may change region or administrator, which decide whose tasks the compute gets: COMPUTE_FIXED.
 */
export async function updateCompute(
  collections: Collections,
  { now, computeAdmins }: CatalogueParts,
  id: string,
  key: string | undefined,
  { computeId = id, apiKey, region, adminId }: ComputeSpec,
  byAdmin: boolean,
  context?: RequestContext,
): Promise<ComputeStatus> {
  if (computeId !== id) throw catalogueError('FIELD_DIFFERS', { field: 'computeId', given: computeId, expected: id })
  const found = await findCompute(collections, id, key)
  assertMatch(context, `compute ${id}`, statusOf(found))
  const { region: had, adminId: hadAdmin } = found.value
  const isMoved = (region ?? had) !== had || (adminId ?? hadAdmin) !== hadAdmin
  if (computeAdmins && isMoved && !byAdmin) throw catalogueError('COMPUTE_FIXED', { id })
  const value = {
    ...found.value,
    ...(region === undefined ? {} : { region }),
    ...(adminId === undefined ? {} : { adminId }),
    ...(apiKey === undefined ? {} : hashKey(apiKey)),
    updatedAt: now(),
  }
  await collections.computes.replace(found, value)
  return statusOf({ id, value })
}

/** Removes a compute, its notifications and its deployments. COMPUTE_USED while a dataset is bound to the compute. */
export async function removeCompute(
  collections: Collections,
  id: string,
  key: string | undefined,
  context?: RequestContext,
): Promise<null> {
  assertMatch(context, `compute ${id}`, statusOf(await findCompute(collections, id, key)))
  const datasets: string[] = []
  for await (const { id: dataset } of collections.datasets.find({ where: { computeId: id }, limit: 10 }))
    datasets.push(dataset)
  if (datasets.length > 0) throw catalogueError('COMPUTE_USED', { id, datasets: datasets.join(', ') })
  await collections.computes.remove(id)
  await forgetRecipient(collections, { type: 'compute', compute: id })
  for await (const { id: deployment } of collections.deployments.below(`${id}/`))
    await collections.deployments.remove(deployment)
  return null
}

/** Finds a compute for a caller that has its key. COMPUTE_KEY_MISSING, COMPUTE_UNKNOWN, COMPUTE_KEY_WRONG. */
export async function findCompute(
  { computes }: Collections,
  id: string,
  key: string | undefined,
): Promise<Stored<ComputeRecord>> {
  if (!key) throw catalogueError('COMPUTE_KEY_MISSING', { id })
  const found = await computes.get(id)
  if (!found) throw catalogueError('COMPUTE_UNKNOWN', { id })
  if (!isKey(found.value, key)) throw catalogueError('COMPUTE_KEY_WRONG', { id })
  return found
}

type Entry = Pick<Stored<ComputeRecord>, 'id' | 'value'>

function specOf({ id, value: { adminId, region } }: Entry): ComputeSpec {
  return { computeId: id, adminId, region }
}

function statusOf({ id, value: { state, registeredAt, updatedAt } }: Entry): ComputeStatus {
  return { computeId: id, state, registeredAt, updatedAt }
}
