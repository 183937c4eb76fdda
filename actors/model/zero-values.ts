import { z } from 'zod'

/** How Go writes a time that was never set. */
const zeroTime = '0001-01-01T00:00:00Z'

/**
 * Takes a model's fields that hold zero values away: clients written in Go send them for what is unset. Only fields that the
 * model names are looked at; in maps and free-form values a zero is a value.
 */
export function withoutZeroValues(model: z.core.$ZodType, value: unknown): unknown {
  const inner = unwrapped(model)
  if (inner instanceof z.ZodArray) {
    const item = unwrapped(inner.element)
    const mayHaveFields = item instanceof z.ZodArray || item instanceof z.ZodObject
    return Array.isArray(value) && mayHaveFields ? value.map((one) => withoutZeroValues(item, one)) : value
  }
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null || Array.isArray(value))
    return value
  const shape: Readonly<Record<string, z.core.$ZodType>> = inner.shape
  const kept = Object.entries(value).flatMap(([name, field]: [string, unknown]) => {
    const fieldModel = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (!fieldModel) return [[name, field] as const]
    const left = withoutZeroValues(fieldModel, field)
    return isZero(fieldModel, left) ? [] : [[name, left] as const]
  })
  return Object.fromEntries(kept)
}

/** A model without what says only that it may be absent. */
export function unwrapped(model: z.core.$ZodType): z.core.$ZodType {
  if (model instanceof z.ZodOptional || model instanceof z.ZodExactOptional || model instanceof z.ZodDefault)
    return unwrapped(model.unwrap())
  return model
}

/** Whether this is what Go sends for an unset field of this type. */
function isZero(model: z.core.$ZodType, value: unknown): boolean {
  if (value === null) return true
  const inner = unwrapped(model)
  switch (inner instanceof z.ZodType ? inner.type : undefined) {
    case 'string':
    case 'enum':
    case 'literal':
      return value === '' || value === zeroTime
    case 'number':
      return value === 0
    case 'object':
    case 'record':
      return typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0
    default:
      return false
  }
}
