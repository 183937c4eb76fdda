import type { Store } from '../../runtime/index.ts'
import { checkIdentifier } from '../model/atoms.ts'
import type { Design, DesignChange, DesignInfo } from '../model/catalogue.ts'
import { catalogueError, named } from '../model/errors.ts'
import type { Collections } from '../records/collections.ts'
import type { CatalogueParts } from '../records/parts.ts'
import type { DesignRecord, Revisions } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'
import { assertMatch, sameId, sameOwner } from '../requests/conditions.ts'
import { type Page, type PageRequest, pageOf } from '../requests/page.ts'
import type { RequestContext } from '../requests/requests.ts'

/** Finds a design of the user. DESIGN_UNKNOWN. */
export async function findDesign({ designs }: Collections, user: string, id: string): Promise<Stored<DesignRecord>> {
  const found = await designs.get(`${user}/${id}`)
  if (!found) throw catalogueError('DESIGN_UNKNOWN', { id })
  return found
}

export async function createDesign(
  { designs }: Collections,
  { newId, now }: CatalogueParts,
  user: string,
  { id, ...info }: DesignInfo,
  context?: RequestContext,
): Promise<null> {
  checkIdentifier('a user', user)
  sameOwner(user, info)
  const none = { last: 0, present: false }
  const serial = context?.once ?? newId()
  const value = { ...info, userId: user, serial, createdAt: now(), schema: none, code: none }
  const key = `${user}/${id}`
  if (await designs.insert({ id: key, value })) return null
  // This request itself may have made the design, before a crash.
  if ((await designs.get(key))?.value.serial !== serial) throw catalogueError('DESIGN_EXISTS', { id })
  return null
}

export function listDesigns({ designs }: Collections, user: string, page: PageRequest): Promise<Page<DesignInfo>> {
  return pageOf(designs.below(`${user}/`, page.after), page, ({ id }) => idOf(id), infoOf)
}

export async function readDesign(collections: Collections, user: string, id: string): Promise<Design> {
  return designOf(collections, await findDesign(collections, user, id))
}

async function designOf(collections: Collections, found: Stored<DesignRecord>): Promise<Design> {
  const { serial, schema } = found.value
  const present = schema.present ? await collections.schemas.get(`${serial}/${schema.last}`) : undefined
  return { ...infoOf(found), ...(present ? { schema: present.value } : {}) }
}

/** Replaces name and description; a field that is missing is removed. */
export async function updateDesign(
  collections: Collections,
  user: string,
  id: string,
  info: DesignChange,
  context?: RequestContext,
): Promise<DesignInfo> {
  sameOwner(user, info)
  sameId(id, info)
  const found = await findDesign(collections, user, id)
  assertMatch(context, `design ${id}`, await designOf(collections, found))
  const { name: _name, description: _description, ...kept } = found.value
  const { id: _id, userId: _userId, ...given } = info
  const value = { ...kept, ...given }
  await collections.designs.replace(found, value)
  return infoOf({ ...found, value })
}

/**
 * Removes a design. DESIGN_USED if a job uses the design, unless forced; then its revisions stay until their last job
 * is gone.
 */
export async function removeDesign(
  collections: Collections,
  { store }: CatalogueParts,
  user: string,
  id: string,
  force: boolean,
  context?: RequestContext,
): Promise<string> {
  const found = await findDesign(collections, user, id)
  assertMatch(context, `design ${id}`, await designOf(collections, found))
  const { serial } = found.value
  const users: string[] = []
  for await (const { id: job, value } of collections.jobs.find({ where: { designSerial: serial } }))
    if (!value.removing) users.push(job)
  if (users.length > 0 && !force) throw catalogueError('DESIGN_USED', { jobs: named(users) })
  await collections.designs.remove(`${user}/${id}`)
  await removeLeftRevisions(collections, store, serial)
  const kept =
    users.length > 0 ? `; its revisions stay for ${users.length === 1 ? 'a job' : `${users.length} jobs`}` : ''
  return `design ${id} is deleted${kept}`
}

function idOf(key: string): string {
  return key.slice(key.indexOf('/') + 1)
}

function infoOf({ id, value }: Stored<DesignRecord>): DesignInfo {
  const { name, description, userId } = value
  return {
    id: idOf(id),
    userId,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  }
}

/**
 * Removes the revisions that no job names: of a removed design, its schemas and codes; of a present design, those of a
 * schema or code that was removed. While the design has a schema, all revisions of the schema stay, since jobs may come
 * to name them; the same goes for code. A call that a crash cuts off is completed by the next call.
 */
export async function removeLeftRevisions(
  { designs, jobs, schemas, codes }: Collections,
  store: Store,
  serial: string,
): Promise<void> {
  const design = await firstOf(designs.find({ where: { serial }, limit: 1 }))
  const left = {
    schemas: await takenAway(schemas.below(`${serial}/`), design?.value.schema),
    codes: await takenAway(codes.below(`${serial}/`), design?.value.code),
  }
  if (left.schemas.size + left.codes.size === 0) return
  for await (const { value } of jobs.find({ where: { designSerial: serial } })) {
    if (value.removing) continue
    left.schemas.delete(`${serial}/${value.spec.schemaRevision}`)
    left.codes.delete(`${serial}/${value.spec.codeRevision}`)
    if (left.schemas.size + left.codes.size === 0) return
  }
  for (const id of left.schemas) await schemas.remove(id)
  for (const id of left.codes) {
    await store.removeBlob(`code/${id}`)
    await codes.remove(id)
  }
}

/**
 * Ids of the revisions up to `last`, if the schema or code isn't present. A revision above `last` was made meanwhile.
 */
async function takenAway(
  records: AsyncIterable<Pick<Stored<unknown>, 'id'>>,
  { last, present }: Pick<Revisions, 'last' | 'present'> = { last: Number.POSITIVE_INFINITY, present: false },
): Promise<Set<string>> {
  const ids = new Set<string>()
  if (present) return ids
  for await (const { id } of records) if (Number(id.slice(id.lastIndexOf('/') + 1)) <= last) ids.add(id)
  return ids
}

async function firstOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item
  return undefined
}
