import type { z } from 'zod'
import { noteExcess } from './bounds.ts'
import { faultyError } from './errors.ts'
import { foundFaults, noteIssue } from './found-faults.ts'
import { expectation } from './plain-words.ts'
import { withoutZeroValues } from './zero-values.ts'

/**
 * Decodes what a person has sent. MODEL_UNKNOWN_FIELD if it has fields that the model doesn't name, else MODEL_INVALID; both
 * name the faults, of many the first, and of more than can be kept, that alone.
 */
export function decodeModel<Model extends z.ZodType>(model: Model, value: unknown, name = 'body'): z.output<Model> {
  const found = foundFaults()
  const isTooMuch = compared(name, () => noteExcess(model, value, found))
  const [{ listed, count }, isOpen] = [found, found.isFull()]
  if (isTooMuch || isOpen) throw faultyError('MODEL_INVALID', { listed, count, isOpen }, { model: name })
  return decodeWhole(model, value, name)
}

/** As `decodeModel`, of what a server answers: however much it is. */
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

/** zod compares the field `length` of whatever stands in the place of a text, which throws where that is no number. */
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
