import { z } from 'zod'

/** How Go writes a time that was never set. */
const zeroTime = '0001-01-01T00:00:00Z'

/**
 * Takes a model's fields that hold zero values away: clients written in Go send them for what is unset. Only fields that the
 * model names are looked at; in maps and free-form values a zero is a value.
 */
export function withoutZeroValues(model: z.core.$ZodType, value: unknown): unknown {
  const inner = unwrapped(model)
  if (inner instanceof z.ZodArray)
    return Array.isArray(value) ? value.map((item) => withoutZeroValues(inner.element, item)) : value
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null || Array.isArray(value))
    return value
  const shape: Readonly<Record<string, z.core.$ZodType>> = inner.shape
  const kept = Object.entries(value).flatMap(([name, field]: [string, unknown]) => {
    const fieldModel = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (!fieldModel) return [[name, field] as const]
    const left = withoutZeroValues(fieldModel, field)
    return isZero(left) ? [] : [[name, left] as const]
  })
  return Object.fromEntries(kept)
}

function unwrapped(model: z.core.$ZodType): z.core.$ZodType {
  if (model instanceof z.ZodOptional || model instanceof z.ZodExactOptional || model instanceof z.ZodDefault)
    return unwrapped(model.unwrap())
  return model
}

function isZero(value: unknown): boolean {
  // Only plain objects: to ask a file's bytes for their keys would take long.
  if (typeof value === 'object' && value !== null)
    return Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length === 0
  return value === '' || value === 0 || value === null || value === zeroTime
}
