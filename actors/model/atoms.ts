import { z } from 'zod'
import { freeFormBytes, longestText } from './bounds.ts'
import { catalogueError } from './errors.ts'

const wellFormed = /^\w[\w.@-]{0,99}$/

/** The models that the API's description names, by their names on the wire. */
export const models = z.registry<{ readonly id: string }>()

/** Of the length that a text may have where nothing else is said. */
export const text = z.string().meta({ maxLength: longestText })

/** What people call a thing. */
export const nameText = z.string().max(200)

/** Where something is, or what is kept there. */
export const location = z.string().min(1).meta({ maxLength: longestText })

/** What people say of it. */
export const longText = z.string().max(10_000)

/** What stands in an address: an id of a user, a design, a dataset, a job, a compute. */
export const identifier = z.string().regex(wellFormed, 'expected 1 to 100 letters, digits, "_", ".", "@" or "-"')

/** RFC 3339. */
export const time = z.iso.datetime({ offset: true })

const json = z.json()
models.add(json, { id: 'Json' })

/** Free-form settings. */
export const jsonMap = z.record(z.string(), json).meta({ 'x-maxBytes': freeFormBytes })

/** Whether this can stand in an address. */
export function isIdentifier(given: string): boolean {
  return wellFormed.test(given)
}

/** NAME_INVALID unless this can stand in an address. */
export function checkIdentifier(what: string, given: string): void {
  if (!isIdentifier(given)) throw catalogueError('NAME_INVALID', { what, given: JSON.stringify(given) })
}
