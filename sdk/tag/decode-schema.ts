import { tagError } from './errors.ts'
import type { Schema } from './schema.ts'
import { schemaModel } from './schema-model.ts'

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
