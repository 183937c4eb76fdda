import { z } from 'zod'

/**
 * Bounds of a schema in a request: far above those of any sensible job, and low enough that a check of the whole schema
 * takes milliseconds. Stored schemas are read without bounds.
 */
export const schemaBounds = {
  roles: 1000,
  channels: 1000,
  connectors: 1000,
  /** Groups of a channel. */
  groups: 10_000,
  /** Associations of a role. */
  associations: 10_000,
  /** Channels in an association. */
  associated: 1000,
  /** Names in a pair. Two are valid; a few more are reported as a fault of the pair. */
  pair: 10,
  /** Roles with functions on a channel, and functions of each role. */
  functions: 100,
  /** Fields and items of the whole schema. */
  values: 100_000,
} as const

const longest = { maxLength: 4096 }
const text = z.string().meta(longest)
const description = z.string().meta({ maxLength: 10_000 })
const named = z.string().min(1).meta(longest)
const most = (maxItems: number) => ({ maxItems })

const role = z.strictObject({
  name: named,
  description: description.exactOptional(),
  isDataConsumer: z.boolean().exactOptional(),
  replica: z.number().int().exactOptional(),
  groupAssociation: z
    .array(z.record(text, text).meta({ maxProperties: schemaBounds.associated }))
    .meta(most(schemaBounds.associations))
    .exactOptional(),
})

const channel = z.strictObject({
  name: named,
  pair: z.array(text).meta(most(schemaBounds.pair)),
  description: description.exactOptional(),
  groupBy: z
    .strictObject({
      type: z.literal('tag'),
      value: z.array(named).meta(most(schemaBounds.groups)).default([]),
    })
    .exactOptional(),
  funcTags: z
    .record(text, z.array(text).meta(most(schemaBounds.functions)))
    .meta({ maxProperties: schemaBounds.functions })
    .exactOptional(),
  backend: text.exactOptional(),
  brokerHost: text.exactOptional(),
  isUnidirectional: z.boolean().exactOptional(),
  graph: text.exactOptional(),
})

const connector = z.strictObject({ name: named, connection: named, description: description.exactOptional() })

/** The wire form of a schema, from which its validation and its OpenAPI description are made. */
export const schemaModel = z
  .strictObject({
    name: named,
    description: description.exactOptional(),
    isVertical: z.boolean().exactOptional(),
    roles: z.array(role).min(1).meta(most(schemaBounds.roles)),
    channels: z.array(channel).min(1).meta(most(schemaBounds.channels)),
    connectors: z.array(connector).meta(most(schemaBounds.connectors)).exactOptional(),
    revision: z.number().int().exactOptional(),
  })
  .meta({ 'x-maxValues': schemaBounds.values })
