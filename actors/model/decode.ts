import { z } from 'zod'
import { noteExcess, unwrapped } from './bounds.ts'
import { faultyError } from './errors.ts'
import { expectation, foundFaults, noteIssue } from './faults.ts'

/**
 * Decodes a caller's value. MODEL_UNKNOWN_FIELD if the value has fields that the model doesn't name; MODEL_INVALID for
 * other faults, and for values that exceed their bounds. Both errors list the first faults, and count them all.
 */
export function decodeModel<Model extends z.ZodType>(model: Model, value: unknown, name = 'body'): z.output<Model> {
  if (value === undefined) return decodeWhole(model, value, name)
  const found = foundFaults()
  const isTooMuch = compared(name, () => noteExcess(model, value, found))
  const [{ listed, count }, isOpen] = [found, found.isFull()]
  if (isTooMuch || isOpen) throw faultyError('MODEL_INVALID', { listed, count, isOpen }, { model: name })
  return decodeWhole(model, value, name)
}

/** Decodes an answer of a server, as `decodeModel` does, without bounds. */
export function decodeWhole<Model extends z.ZodType>(model: Model, value: unknown, name: string): z.output<Model> {
  const given = withoutZeroValues(model, value)
  const decoded = compared(name, () => model.safeParse(given, { error: expectation }))
  if (decoded.success) return decoded.data
  const { issues } = decoded.error
  const found = foundFaults()
  for (const issue of issues) noteIssue(found, issue, given)
  const hasUnknown = issues.some(({ code }) => code === 'unrecognized_keys')
  throw faultyError(hasUnknown ? 'MODEL_UNKNOWN_FIELD' : 'MODEL_INVALID', found, { model: name })
}

/**
 * MODEL_INVALID if zod throws: it compares the field `length` of any value where it expects a text, even if that is no
 * number.
 */
function compared<Found>(name: string, work: () => Found): Found {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    const message = 'an object with a field length stands in it where none is expected'
    const listed = [{ code: 'FIELD_INVALID', place: '', message }]
    throw faultyError('MODEL_INVALID', { listed, count: 1 }, { model: name })
  }
}

/** Go's JSON of a time that was never set. */
const zeroTime = '0001-01-01T00:00:00Z'

/**
 * Removes a model's fields that hold zero values, which clients written in Go send for unset fields. Only fields that
 * the model names are removed; in maps and free-form values a zero is a value.
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

/** Whether Go sends this value for an unset field of the model's type. */
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

/** A value without the fields that its model doesn't name, and the paths of these fields. */
export interface KnownPart {
  readonly value: unknown
  readonly unknown: readonly string[]
}

/** Removes the fields that a model doesn't name, at any depth. Maps and free-form values stay as they are. */
export function knownPart(model: z.core.$ZodType, value: unknown, place = ''): KnownPart {
  const inner = unwrapped(model)
  const within = (name: string | number) => (place === '' ? String(name) : `${place}.${name}`)
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    const parts = value.map((item: unknown, index) => knownPart(inner.element, item, within(index)))
    return { value: parts.map((part) => part.value), unknown: parts.flatMap((part) => part.unknown) }
  }
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null || Array.isArray(value))
    return { value, unknown: [] }
  const shape: Readonly<Record<string, z.core.$ZodType>> = inner.shape
  const kept: [string, unknown][] = []
  const unknown: string[] = []
  for (const [name, field] of Object.entries(value)) {
    const fieldModel = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (!fieldModel) {
      unknown.push(within(name))
      continue
    }
    const part = knownPart(fieldModel, field, within(name))
    kept.push([name, part.value])
    for (const place of part.unknown) unknown.push(place)
  }
  return { value: Object.fromEntries(kept), unknown }
}
