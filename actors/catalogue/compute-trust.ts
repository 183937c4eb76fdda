import { defaultCompute } from '../../sdk/index.ts'
import { isIdentifier } from '../model/atoms.ts'
import { catalogueError } from '../model/errors.ts'
import type { Collections } from '../records/collections.ts'
import type { TrustedAdmins } from '../records/parts.ts'
import type { ComputeRecord, TaskRecord } from '../records/record-models.ts'

/** The owner of a dataset, and the administrators whose computes may run its tasks besides the owner's computes. */
export interface DatasetOwner {
  readonly userId: string
  readonly computeAdmins?: readonly string[]
}

type TrustedFields = Pick<ComputeRecord, 'adminId' | 'vouched'>

/**
 * Whether a compute may run an owner's tasks: its administrator is the owner, or is trusted by the owner or the server.
 */
export function isTrusted(
  admins: TrustedAdmins,
  { adminId, vouched }: TrustedFields,
  { userId, computeAdmins = [] }: DatasetOwner,
): boolean {
  if (!admins || vouched) return true
  return [userId, ...admins, ...computeAdmins].includes(adminId)
}

/**
 * Whether a compute may have a task's key. A task keeps the administrator of its compute, from the time of planning: a
 * compute that another administrator registers later under the same id may not have the key.
 */
export function mayRun(
  admins: TrustedAdmins,
  compute: TrustedFields,
  { computeAdmin }: Pick<TaskRecord, 'computeAdmin'>,
  userId: string,
): boolean {
  return compute.adminId === computeAdmin || isTrusted(admins, compute, { userId })
}

/** A realm, and the compute that the realm means. */
export interface ResolvedRealm {
  readonly realm: string
  readonly computeId: string
}

/**
 * Finds the compute that a realm means. `default` means any compute. `default/…` means a region, whose name may lack
 * the part `default/`. Any other realm is a compute's id, with or without its region. In a region, computes that the
 * owner doesn't trust are passed over. REALM_UNSERVED if a private dataset's region has no trusted compute that is up;
 * REALM_UNKNOWN; COMPUTE_UNTRUSTED.
 */
export async function resolveRealm(
  { computes }: Pick<Collections, 'computes'>,
  admins: TrustedAdmins,
  { realm, isPublic = false }: { readonly realm: string; readonly isPublic?: boolean },
  owner: DatasetOwner,
): Promise<ResolvedRealm> {
  if (realm === defaultCompute) return { realm, computeId: defaultCompute }
  if (!realm.startsWith(`${defaultCompute}/`)) {
    const id = realm.slice(realm.lastIndexOf('/') + 1)
    const found = isIdentifier(id) ? await computes.get(id) : undefined
    if (!found || (realm !== id && realm !== realmOf(found.value.region, id)))
      throw catalogueError('REALM_UNKNOWN', { realm })
    assertTrusted(admins, found, owner)
    return { realm: realmOf(found.value.region, id), computeId: id }
  }
  for (const region of [realm, realm.slice(defaultCompute.length + 1)]) {
    const id = await firstIn({ computes }, region, admins, owner)
    if (id !== undefined) return { realm: realmOf(region, id), computeId: id }
  }
  if (!isPublic) throw catalogueError('REALM_UNSERVED', { region: realm })
  return { realm, computeId: defaultCompute }
}

/** COMPUTE_UNTRUSTED unless a compute may run the tasks of the owner's dataset. */
export function assertTrusted(
  admins: TrustedAdmins,
  { id, value }: { readonly id: string; readonly value: ComputeRecord },
  owner: DatasetOwner,
): void {
  if (!isTrusted(admins, value, owner)) throw catalogueError('COMPUTE_UNTRUSTED', { id, admin: value.adminId })
}

/**
 * The lowest id among a region's trusted computes that are up. One query for each trusted administrator, since others
 * may be many.
 */
async function firstIn(
  { computes }: Pick<Collections, 'computes'>,
  region: string,
  admins: TrustedAdmins,
  { userId, computeAdmins = [] }: DatasetOwner,
): Promise<string | undefined> {
  const up = { region, state: 'up' } as const
  const named = [...new Set([userId, ...(admins ?? []), ...computeAdmins])]
  const trusted = admins ? [{ vouched: true, ...up }, ...named.map((adminId) => ({ adminId, ...up }))] : [up]
  const ids: string[] = []
  for (const where of trusted) for await (const { id } of computes.find({ where, limit: 1 })) ids.push(id)
  return ids.toSorted()[0]
}

/** The realm of a compute: its region, which may be empty, and its id. */
function realmOf(region: string, compute: string): string {
  return region === '' ? compute : `${region}/${compute}`
}
