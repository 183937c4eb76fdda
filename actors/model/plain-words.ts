import type { z } from 'zod'

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
  undefined: 'nothing',
}

/**
 * Says what a model expects, in the words of the interface instead of zod's. For decoding: a model's own messages go before.
 * Undefined for what only the model can say.
 */
export const expectation: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kinds[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => shown(value)).join(', ')}`
    case 'too_small':
      return issue.origin === 'string' && issue.minimum === 1
        ? 'expected a text that is not empty'
        : `expected ${bounded(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)}`
    case 'too_big':
      return `expected ${bounded(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)}`
    case 'invalid_format':
      return issue.format === 'datetime'
        ? 'expected a time such as 2026-01-02T03:04:05Z'
        : `expected a text of the form ${issue.format}`
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`
    case 'invalid_union':
      return 'expected one of the forms that the description of the interface names'
    default:
      return undefined
  }
}

function bounded(origin: string, relation: string, bound: number | bigint): string {
  if (origin === 'string') return `a text of ${relation} ${bound} characters`
  if (origin === 'array' || origin === 'set') return `a list of ${relation} ${bound}`
  if (origin === 'record' || origin === 'map') return `an object with ${relation} ${bound} fields`
  return `${relation} ${bound}`
}

const shownCharacters = 60

/** What came, short enough for a message. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    const text = JSON.stringify(value)
    return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…"` : text
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
