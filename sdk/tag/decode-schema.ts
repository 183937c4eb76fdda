import { z } from 'zod'
import { tagError } from './errors.ts'
import type { Schema } from './schema.ts'

/** Existing clients send zero values for what is unset: they mean absent. */
const absent = (value: unknown) => {
  if (value === '' || value === 0 || value === null) return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : value
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? undefined : value
}
const optional = <Type extends z.ZodType>(type: Type) => z.preprocess(absent, type.exactOptional())
const text = z.string()
const named = z.string().min(1)

const role = z.strictObject({
  name: named,
  description: optional(text),
  isDataConsumer: optional(z.boolean()),
  replica: optional(z.number().int()),
  groupAssociation: optional(z.array(z.record(text, text))),
})

const channel = z.strictObject({
  name: named,
  pair: z.array(text),
  description: optional(text),
  groupBy: optional(z.strictObject({ type: z.literal('tag'), value: z.array(named) })),
  funcTags: optional(z.record(text, z.array(text))),
  backend: optional(text),
  brokerHost: optional(text),
  isUnidirectional: optional(z.boolean()),
})

const schema = z.strictObject({
  name: named,
  description: optional(text),
  roles: z.array(role).min(1),
  channels: z.array(channel).min(1),
  connectors: optional(z.array(z.strictObject({ name: named, connection: named, description: optional(text) }))),
  revision: optional(z.number().int()),
})

/** Decodes a schema as it came over the wire. TAG_MALFORMED names every fault with its place. */
export function decodeSchema(value: unknown): Schema {
  const decoded = schema.safeParse(value)
  if (decoded.success) return decoded.data
  const faults = decoded.error.issues.map(({ path, message }) => ({ place: path.join('.') || '(whole)', message }))
  const list = faults.map(({ place, message }) => `  ${place}: ${message}`).join('\n')
  throw tagError('TAG_MALFORMED', { list, faults })
}
