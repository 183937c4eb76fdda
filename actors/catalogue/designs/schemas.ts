import { findFaults } from '../../../sdk/index.ts'
import type { DesignSchema } from '../../model/design.ts'
import { catalogueError, faultyError } from '../../model/errors.ts'
import { backends, mostTasks as defaultMostTasks } from '../../model/job.ts'
import type { Collections } from '../../records/collections.ts'
import type { CatalogueParts } from '../../records/parts.ts'
import type { DesignRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'
import { assertMatch } from '../../requests/conditions.ts'
import type { RequestContext } from '../../requests/reply.ts'
import { findDesign } from './designs.ts'
import { removeLeftRevisions } from './left-revisions.ts'
import { isMade, onceOf } from './revisions.ts'

/** Adds a revision. SCHEMA_INVALID with every fault that shows without datasets and code. */
export async function addSchema(
  collections: Collections,
  { mostTasks = defaultMostTasks }: Pick<CatalogueParts, 'mostTasks'>,
  user: string,
  id: string,
  schema: DesignSchema,
  context?: RequestContext,
): Promise<null> {
  // Which datasets there are is only known when a job is created.
  const facts = { backends, mostTasks, datasetsFollow: true }
  const { faults, count } = findFaults({ schema, dataSpec: [] }, facts)
  if (count > 0) throw faultyError('SCHEMA_INVALID', { listed: faults, count })
  const found = await findDesign(collections, user, id)
  if (isMade(found.value.schema, context)) return null
  assertMatch(context, `the schema of ${id}`, await schemaOf(collections, found))
  const revision = found.value.schema.last + 1
  // A revision above the last one is what a crash cut off: nobody was told of it.
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

/** The design has no schema then, and keeps the revisions that jobs name; the next one gets the next number. */
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
