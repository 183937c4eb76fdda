import { z } from 'zod'
import { freeFormBytes, longestText } from './bounds.ts'
import { catalogueError } from './errors.ts'

const wellFormed = /^\w[\w.@-]{0,99}$/

/** Registry of the models that the API's description names, by their names on the wire. */
export const models = z.registry<{ readonly id: string }>()

/** A text of the default maximal length. */
export const text = z.string().meta({ maxLength: longestText })

/** A name that people give. */
export const nameText = z.string().max(200)

/** A location of data, such as a URL. */
export const location = z.string().min(1).meta({ maxLength: longestText })

/** A description. */
export const longText = z.string().max(10_000)

/** An id that may be a part of an address: of a user, a design, a dataset, a job, a compute. */
export const identifier = z.string().regex(wellFormed, 'expected 1 to 100 letters, digits, "_", ".", "@" or "-"')

/** A time as RFC 3339. */
export const time = z.iso.datetime({ offset: true })

const json = z.json()
models.add(json, { id: 'Json' })

/** Free-form settings. */
export const jsonMap = z.record(z.string(), json).meta({ 'x-maxBytes': freeFormBytes })

/** Whether a text is a valid id. */
export function isIdentifier(given: string): boolean {
  return wellFormed.test(given)
}

/** NAME_INVALID unless a text is a valid id. */
export function checkIdentifier(what: string, given: string): void {
  if (!isIdentifier(given)) throw catalogueError('NAME_INVALID', { what, given: JSON.stringify(given) })
}
