import { z } from 'zod'

const text = z.string()
const named = z.string().min(1)
const texts = z.array(text)

const role = z.strictObject({
  name: named,
  description: text.exactOptional(),
  isDataConsumer: z.boolean().exactOptional(),
  replica: z.number().int().exactOptional(),
  groupAssociation: z.array(z.record(text, text)).exactOptional(),
})

const channel = z.strictObject({
  name: named,
  pair: texts,
  description: text.exactOptional(),
  groupBy: z.strictObject({ type: z.literal('tag'), value: z.array(named).default([]) }).exactOptional(),
  funcTags: z.record(text, texts).exactOptional(),
  backend: text.exactOptional(),
  brokerHost: text.exactOptional(),
  isUnidirectional: z.boolean().exactOptional(),
})

/** The wire form of a schema: the source of its validation and of its description in OpenAPI. */
export const schemaModel = z.strictObject({
  name: named,
  description: text.exactOptional(),
  isVertical: z.boolean().exactOptional(),
  roles: z.array(role).min(1),
  channels: z.array(channel).min(1),
  connectors: z
    .array(z.strictObject({ name: named, connection: named, description: text.exactOptional() }))
    .exactOptional(),
  revision: z.number().int().exactOptional(),
})
