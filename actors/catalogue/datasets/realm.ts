import { catalogueError } from '../../errors.ts'
import { isIdentifier } from '../model/atoms.ts'
import type { Collections } from '../records/collections.ts'

/** Where a dataset may be used. */
export interface Place {
  readonly realm: string
  readonly computeId: string
}

const anywhere = 'default'

/**
 * Finds the compute that a realm means. `default` is anywhere; `default/…` is a region, with or without that first part; any
 * other is a compute's id. REALM_UNSERVED if a private dataset's region has no compute that is up, REALM_UNKNOWN.
 */
export async function placeOf(
  { computes }: Collections,
  { realm, isPublic = false }: { readonly realm: string; readonly isPublic?: boolean },
): Promise<Place> {
  if (realm === anywhere) return { realm, computeId: anywhere }
  if (!realm.startsWith(`${anywhere}/`)) {
    const id = realm.slice(realm.lastIndexOf('/') + 1)
    const found = isIdentifier(id) ? await computes.get(id) : undefined
    if (!found || (realm !== id && realm !== realmOf(found.value.region, id)))
      throw catalogueError('REALM_UNKNOWN', { realm })
    return { realm: realmOf(found.value.region, id), computeId: id }
  }
  for (const region of [realm, realm.slice(anywhere.length + 1)]) {
    for await (const { id } of computes.find({ where: { region, state: 'up' } }))
      return { realm: realmOf(region, id), computeId: id }
  }
  if (!isPublic) throw catalogueError('REALM_UNSERVED', { region: realm })
  return { realm, computeId: anywhere }
}

/** A compute may be registered without a region. */
function realmOf(region: string, compute: string): string {
  return region === '' ? compute : `${region}/${compute}`
}
