import { z } from 'zod'
import { unwrapped } from './zero-values.ts'

/** A value without the fields that its model doesn't name, and the places of those. */
export interface KnownPart {
  readonly value: unknown
  readonly unknown: readonly string[]
}

/** Takes away what a model doesn't name, at any depth; maps and free-form values stay as they are. */
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
