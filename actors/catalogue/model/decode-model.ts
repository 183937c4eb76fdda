import type { z } from 'zod'
import { faultyError, type PlacedFault } from '../../errors.ts'
import { expectation, shown } from './plain-words.ts'
import { withoutZeroValues } from './zero-values.ts'

/**
 * Decodes what came over the wire. MODEL_UNKNOWN_FIELD if it has fields that the model doesn't name, else MODEL_INVALID;
 * both name every fault.
 */
export function decodeModel<Model extends z.ZodType>(model: Model, value: unknown, name = 'body'): z.output<Model> {
  const given = withoutZeroValues(model, value)
  const decoded = model.safeParse(given, { error: expectation })
  if (decoded.success) return decoded.data
  const faults = decoded.error.issues.flatMap((issue) => faultsOf(issue, given))
  const hasUnknown = faults.some(({ code }) => code === 'FIELD_UNKNOWN')
  throw faultyError(hasUnknown ? 'MODEL_UNKNOWN_FIELD' : 'MODEL_INVALID', faults, faults.length, { model: name })
}

/** What zod found, as faults with places; `within` is the place of the value in something larger. */
export function faultsOf(issue: z.core.$ZodIssue, value: unknown, within: readonly string[] = []): PlacedFault[] {
  const path = [...within, ...issue.path.map(String)]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      code: 'FIELD_UNKNOWN',
      place: [...path, key].join('.'),
      message: `there is no field ${key}`,
    }))
  const came = partAt(issue.path, value)
  if (came === undefined) {
    const message = path.length === 0 ? 'it is required, and nothing came' : 'this field is required'
    return [{ code: 'FIELD_REQUIRED', place: path.join('.'), message }]
  }
  return [{ code: 'FIELD_INVALID', place: path.join('.'), message: words(issue, came) }]
}

/** What was expected, and what came. */
export function words({ code, message }: z.core.$ZodIssue, came: unknown): string {
  if (code === 'custom') return message
  return `${message}, got ${shown(came)}`
}

function partAt(path: readonly PropertyKey[], value: unknown): unknown {
  let found: unknown = value
  for (const step of path) {
    if (typeof found !== 'object' || found === null) return undefined
    found = Object.getOwnPropertyDescriptor(found, step)?.value
  }
  return found
}
