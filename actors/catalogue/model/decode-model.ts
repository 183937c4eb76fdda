import type { z } from 'zod'
import { faultyError, type PlacedFault } from '../../errors.ts'
import { withoutZeroValues } from './zero-values.ts'

/**
 * Decodes what came over the wire. MODEL_UNKNOWN_FIELD if it has fields that the model doesn't name, else MODEL_INVALID;
 * both name every fault.
 */
export function decodeModel<Model extends z.ZodType>(model: Model, value: unknown, name = 'body'): z.output<Model> {
  const given = withoutZeroValues(model, value)
  const decoded = model.safeParse(given)
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
  if (isMissing(issue, value))
    return [{ code: 'FIELD_REQUIRED', place: path.join('.'), message: 'this field is required' }]
  return [{ code: 'FIELD_INVALID', place: path.join('.'), message: issue.message }]
}

function isMissing({ path }: z.core.$ZodIssue, value: unknown): boolean {
  let found: unknown = value
  for (const step of path) {
    if (typeof found !== 'object' || found === null) return false
    found = Object.getOwnPropertyDescriptor(found, step)?.value
  }
  return found === undefined
}
