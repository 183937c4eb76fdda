import { z } from 'zod'
import { tagError } from './errors.ts'
import type { Schema } from './schema.ts'

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
  roles: z.array(role).min(1),
  channels: z.array(channel).min(1),
  connectors: z
    .array(z.strictObject({ name: named, connection: named, description: text.exactOptional() }))
    .exactOptional(),
  revision: z.number().int().exactOptional(),
})

/** Decodes a schema as it came over the wire. TAG_MALFORMED names every fault with its place. */
export function decodeSchema(value: unknown): Schema {
  const decoded = schemaModel.safeParse(withoutZeroValues(value))
  if (decoded.success) return decoded.data
  const faults = decoded.error.issues.map(({ path, message }) => ({ place: path.join('.') || '(whole)', message }))
  const list = faults.map(({ place, message }) => `  ${place}: ${message}`).join('\n')
  throw tagError('TAG_MALFORMED', { list, faults })
}

/** Existing clients send zero values for what is unset: they mean absent, at any depth. */
function withoutZeroValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutZeroValues)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, field]) => [name, withoutZeroValues(field)] as const)
  return Object.fromEntries(fields.filter(([, field]) => !isZero(field)))
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === '' || value === 0 || value === null
}
