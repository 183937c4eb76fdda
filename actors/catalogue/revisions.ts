import type { Store } from '../../runtime/index.ts'
import { findFaults } from '../../sdk/index.ts'
import type { CodeRevision, DesignSchema } from '../model/catalogue.ts'
import { catalogueError, faultyError } from '../model/errors.ts'
import { backends, mostTasks as defaultMostTasks } from '../model/job.ts'
import type { Collections } from '../records/collections.ts'
import type { CatalogueParts } from '../records/parts.ts'
import type { DesignRecord, Revisions } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'
import { assertMatch, entityTag } from '../requests/conditions.ts'
import type { RequestContext } from '../requests/requests.ts'
import { checkedArchive, defaultArchiveLimits } from './archive.ts'
import { findDesign, removeLeftRevisions } from './designs.ts'

/** Whether this request itself made the last revision, before a crash. */
export function isMade({ once }: Revisions, context: RequestContext | undefined): boolean {
  return once !== undefined && once === context?.once
}

/** Marks a revision with the id of the request that makes it, if the request may be repeated. */
export function onceOf(context: RequestContext | undefined): { readonly once?: string } {
  return context?.once === undefined ? {} : { once: context.once }
}

/** Adds a revision of the schema. SCHEMA_INVALID with every fault that can be found without datasets and code. */
export async function addSchema(
  collections: Collections,
  { mostTasks = defaultMostTasks }: Pick<CatalogueParts, 'mostTasks'>,
  user: string,
  id: string,
  schema: DesignSchema,
  context?: RequestContext,
): Promise<null> {
  // The datasets are known only when a job is created.
  const facts = { backends, mostTasks, datasetsFollow: true }
  const { faults, count } = findFaults({ schema, dataSpec: [] }, facts)
  if (count > 0) throw faultyError('SCHEMA_INVALID', { listed: faults, count })
  const found = await findDesign(collections, user, id)
  if (isMade(found.value.schema, context)) return null
  assertMatch(context, `the schema of ${id}`, await schemaOf(collections, found))
  const revision = found.value.schema.last + 1
  // A crash may have left a revision above the last one, which no answer has named: it is overwritten.
  await collections.schemas.put(`${found.value.serial}/${revision}`, { ...schema, revision })
  await collections.designs.replace(found, {
    ...found.value,
    schema: { last: revision, present: true, ...onceOf(context) },
  })
  return null
}

export async function readSchema(collections: Collections, user: string, id: string): Promise<DesignSchema> {
  const schema = await schemaOf(collections, await findDesign(collections, user, id))
  if (!schema) throw catalogueError('SCHEMA_UNKNOWN', { id })
  return schema
}

async function schemaOf({ schemas }: Collections, { value }: Stored<DesignRecord>): Promise<DesignSchema | undefined> {
  return value.schema.present ? (await schemas.get(`${value.serial}/${value.schema.last}`))?.value : undefined
}

/** Removes the schema, except the revisions that jobs name. A later schema gets the next revision number. */
export async function removeSchema(
  collections: Collections,
  { store }: Pick<CatalogueParts, 'store'>,
  user: string,
  id: string,
  context?: RequestContext,
): Promise<null> {
  const found = await findDesign(collections, user, id)
  if (!found.value.schema.present) throw catalogueError('SCHEMA_UNKNOWN', { id })
  assertMatch(context, `the schema of ${id}`, await schemaOf(collections, found))
  const schema = { ...found.value.schema, present: false }
  await collections.designs.replace(found, { ...found.value, schema })
  await removeLeftRevisions(collections, store, found.value.serial)
  return null
}

export interface CodeArchive {
  readonly fileName: string
  readonly bytes: Uint8Array
}

/** An archive, in chunks. */
export interface ReadArchive {
  readonly fileName: string
  readonly sizeBytes: number
  /** Entity tag: differs for each revision. */
  readonly tag: string
  /** The media type. Default: that of a zip. */
  readonly type?: string
  readonly chunks: AsyncIterable<Uint8Array>
}

/** Adds a revision of the code. CODE_ARCHIVE if the archive can't be used. */
export async function addCode(
  collections: Collections,
  { store, archiveLimits = defaultArchiveLimits }: CatalogueParts,
  user: string,
  id: string,
  { fileName, bytes }: CodeArchive,
  context?: RequestContext,
): Promise<null> {
  const files = await checkedArchive(bytes, archiveLimits)
  const found = await findDesign(collections, user, id)
  if (isMade(found.value.code, context)) return null
  assertMatch(context, `the code of ${id}`, keyOf(found.value))
  const revision = found.value.code.last + 1
  const key = `${found.value.serial}/${revision}`
  await store.putBlob(`code/${key}`, [bytes])
  await collections.codes.put(key, { fileName, sizeBytes: bytes.length, files })
  await collections.designs.replace(found, {
    ...found.value,
    code: { last: revision, present: true, ...onceOf(context) },
  })
  return null
}

export async function readCode(
  collections: Collections,
  { store }: CatalogueParts,
  user: string,
  id: string,
): Promise<ReadArchive> {
  const { value } = await findDesign(collections, user, id)
  const key = keyOf(value)
  const record = key === undefined ? undefined : await collections.codes.get(key)
  const chunks = record && (await store.getBlob(`code/${key}`))
  if (!chunks) throw catalogueError('CODE_UNKNOWN', { id })
  const { fileName, sizeBytes } = record.value
  return { fileName, sizeBytes, tag: entityTag(key), chunks }
}

/**
 * The whole archive of a revision. `key`: the design's serial, a slash, the revision's number. Undefined if there is
 * none.
 */
export async function readArchive(store: Pick<Store, 'getBlob'>, key: string): Promise<Uint8Array | undefined> {
  const blob = await store.getBlob(`code/${key}`)
  if (!blob) return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of blob) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function readCodeRevision(collections: Collections, user: string, id: string): Promise<CodeRevision> {
  const { value } = await findDesign(collections, user, id)
  if (!value.code.present) throw catalogueError('CODE_UNKNOWN', { id })
  return { revision: value.code.last }
}

/** Removes the code, except the revisions that jobs name. A later archive gets the next revision number. */
export async function removeCode(
  collections: Collections,
  { store }: Pick<CatalogueParts, 'store'>,
  user: string,
  id: string,
  context?: RequestContext,
): Promise<null> {
  const found = await findDesign(collections, user, id)
  if (!found.value.code.present) throw catalogueError('CODE_UNKNOWN', { id })
  assertMatch(context, `the code of ${id}`, keyOf(found.value))
  await collections.designs.replace(found, { ...found.value, code: { ...found.value.code, present: false } })
  await removeLeftRevisions(collections, store, found.value.serial)
  return null
}

/** Names the present revision of the code; no other revision ever gets the same name. */
function keyOf({ serial, code }: DesignRecord): string | undefined {
  return code.present ? `${serial}/${code.last}` : undefined
}
