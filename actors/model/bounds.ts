import { z } from 'zod'
import { expectation, type FoundFaults, notedPlace, noteIssue, shown } from './faults.ts'

/*
 * Before zod decodes a body, the body is checked once along its model, up to a maximal number of faults: zod has no
 * such limit, and would describe each of millions of faults. The bounds are in the models' metadata, where the API's
 * description finds them. Stored values are read without bounds: they were checked when they came, or are older than
 * the bounds.
 */

/** Default maximal length of a text, in characters. */
export const longestText = 4096

/** Most bytes of a free-form map, such as hyperparameters, as JSON. */
export const freeFormBytes = 64 * 1024

/**
 * Notes where a value exceeds the bounds of its model; true if it does anywhere. In lists and maps, notes other faults
 * of items too.
 */
export function noteExcess(model: z.core.$ZodType, given: unknown, found: FoundFaults): boolean {
  let isTooMuch = false
  /** Path of the present part. One array that grows and shrinks, since a value may have very many parts. */
  const path: string[] = []
  look(model, given)
  return isTooMuch

  function tooMuch(expected: string, came: string): void {
    isTooMuch = true
    found.note(() => ({ code: 'FIELD_INVALID', place: notedPlace(path), message: `expected ${expected}, got ${came}` }))
  }

  function look(model: z.core.$ZodType, value: unknown): void {
    if (typeof value === 'string') {
      const most = lengthsOf(model).most
      if (value.length > most) tooMuch(`a text of at most ${most} characters`, `one of ${value.length}`)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const inner = unwrapped(model)
    const { 'x-maxValues': maxValues, 'x-maxBytes': maxBytes, maxItems, maxProperties } = boundsOf(inner)
    if (maxBytes !== undefined && new TextEncoder().encode(JSON.stringify(value)).length > maxBytes)
      return tooMuch(`at most ${maxBytes} bytes of JSON`, 'more')
    if (inner instanceof z.ZodArray && Array.isArray(value)) {
      if (maxItems !== undefined && value.length > maxItems)
        return tooMuch(`a list of at most ${maxItems}`, shown(value))
      lookAtItems(inner.element, value.entries())
    } else if (inner instanceof z.ZodRecord && !Array.isArray(value)) {
      const entries = Object.entries(value)
      if (maxProperties !== undefined && entries.length > maxProperties)
        return tooMuch(`an object with at most ${maxProperties} fields`, `one with ${entries.length}`)
      if (maxBytes === undefined) lookAtItems(inner.valueType, entries)
    } else if (inner instanceof z.ZodObject && !Array.isArray(value)) {
      const shape: Readonly<Record<string, z.core.$ZodType>> = inner.shape
      for (const [name, field] of Object.entries(value)) {
        const fieldModel = Object.hasOwn(shape, name) ? shape[name] : undefined
        if (fieldModel) within(name, () => look(fieldModel, field))
      }
    }
    if (maxValues !== undefined && !isTooMuch && hasMoreValues(value, maxValues))
      tooMuch(`at most ${maxValues} values altogether`, 'more')
  }

  /** Notes all faults of items; of objects only excess, since a list has few objects, which zod checks. */
  function lookAtItems(model: z.core.$ZodType, items: Iterable<readonly [number | string, unknown]>): void {
    const inner = unwrapped(model)
    const { least, most } = lengthsOf(inner)
    const isList = inner instanceof z.ZodArray
    const hasParts = isList || inner instanceof z.ZodObject || inner instanceof z.ZodRecord
    for (const [name, item] of items) {
      if (typeof item === 'string' && item.length >= least && item.length <= most) continue
      if (found.isFull()) return
      if (typeof item === 'string' && item.length > most) {
        within(String(name), () => look(inner, item))
        continue
      }
      if (hasParts && typeof item === 'object' && item !== null && Array.isArray(item) === isList) {
        within(String(name), () => look(inner, item))
        continue
      }
      if (!(inner instanceof z.ZodType) || inner.safeParse(item).success) continue
      const { error } = inner.safeParse(item, { error: expectation })
      for (const issue of error?.issues ?? []) noteIssue(found, issue, item, [...path, String(name)])
    }
  }

  function within(name: string, look: () => void): void {
    path.push(name)
    look()
    path.pop()
  }
}

/** Bounds of a text's length, in characters. `least` is infinite for a model that takes no plain text. */
function lengthsOf(model: z.core.$ZodType): { readonly least: number; readonly most: number } {
  const inner = unwrapped(model)
  if (inner instanceof z.ZodUnion) {
    const plain = inner.options.map(lengthsOf).find(({ least }) => Number.isFinite(least))
    return plain ?? { least: Number.POSITIVE_INFINITY, most: longestText }
  }
  if (!(inner instanceof z.ZodString)) return { least: Number.POSITIVE_INFINITY, most: longestText }
  const most = boundsOf(inner).maxLength ?? inner.maxLength ?? longestText
  return { least: inner.format === null ? (inner.minLength ?? 0) : Number.POSITIVE_INFINITY, most }
}

/**
 * `x-maxBytes`: bytes of a free-form value as JSON. `x-maxValues`: number of fields and items at all depths together.
 */
const metadata = z
  .object({
    maxItems: z.number(),
    maxProperties: z.number(),
    maxLength: z.number(),
    'x-maxBytes': z.number(),
    'x-maxValues': z.number(),
  })
  .partial()
type Bounds = z.output<typeof metadata>

const known = new WeakMap<z.core.$ZodType, Bounds>()

function boundsOf(model: z.core.$ZodType): Bounds {
  const present = known.get(model)
  if (present) return present
  const bounds = metadata.parse(z.globalRegistry.get(model) ?? {})
  known.set(model, bounds)
  return bounds
}

/** Whether a value has more than `most` fields and items. Stops counting there. */
function hasMoreValues(value: object, most: number): boolean {
  let count = 0
  const left: object[] = [value]
  for (let next = left.pop(); next; next = left.pop()) {
    const parts: unknown[] = Object.values(next)
    count += parts.length
    if (count > most) return true
    for (const part of parts) if (typeof part === 'object' && part !== null) left.push(part)
  }
  return false
}

/** A model without its wrappers for optional fields and defaults. */
export function unwrapped(model: z.core.$ZodType): z.core.$ZodType {
  if (model instanceof z.ZodOptional || model instanceof z.ZodExactOptional || model instanceof z.ZodDefault)
    return unwrapped(model.unwrap())
  return model
}
