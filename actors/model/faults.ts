import type { z } from 'zod'
import { mostFaults, type PlacedFault } from './errors.ts'

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
 * Names the expectation behind a zod issue, in the words of the interface. A model's own message goes first. Undefined
 * where only the model has a message.
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

/** A value as text, short enough for a message. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    const text = JSON.stringify(value)
    return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…"` : text
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Collects faults: lists the first ones, and counts all. */
export interface FoundFaults {
  readonly listed: readonly PlacedFault[]
  readonly count: number
  /** Whether so many faults were counted that the search may end. */
  isFull(): boolean
  /** Counts a fault, and calls `make` if the fault will be listed. */
  note(make: () => PlacedFault): void
  /** Adds faults that were found elsewhere; `count` counts all of them, listed or not. */
  noteAll(faults: readonly PlacedFault[], count?: number): void
}

/** Number of faults at which a search that takes time ends. */
const mostCounted = 1000

export function foundFaults(): FoundFaults {
  const listed: PlacedFault[] = []
  let count = 0
  return {
    listed,
    get count() {
      return count
    },
    isFull: () => count >= mostCounted,
    note(make) {
      count += 1
      if (listed.length < mostFaults) listed.push(make())
    },
    noteAll(faults, all = faults.length) {
      count += all
      for (const fault of faults) if (listed.length < mostFaults) listed.push(fault)
    },
  }
}

/** Notes an issue of zod's as faults with paths. `within` is the path of the value in the body. */
export function noteIssue(
  found: FoundFaults,
  issue: z.core.$ZodIssue,
  value: unknown,
  within: readonly string[] = [],
): void {
  const place = (...more: readonly string[]) => notedPlace([...within, ...issue.path.map(String), ...more])
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys)
      found.note(() => ({ code: 'FIELD_UNKNOWN', place: place(key), message: `there is no field ${named(key)}` }))
    return
  }
  found.note(() => {
    const came = partAt(issue.path, value)
    if (came !== undefined) return { code: 'FIELD_INVALID', place: place(), message: words(issue, came) }
    const message = place() === '' ? 'it is required, and nothing came' : 'this field is required'
    return { code: 'FIELD_REQUIRED', place: place(), message }
  })
}

/** The message of an issue: the expected and the given value. */
export function words({ code, message }: z.core.$ZodIssue, came: unknown): string {
  if (code === 'custom') return message
  return `${message}, got ${shown(came)}`
}

/** A path as text, with long names cut: callers choose their length. */
export function notedPlace(path: readonly string[]): string {
  return path.map(named).join('.')
}

const namedCharacters = 200

function named(name: string): string {
  return name.length > namedCharacters ? `${name.slice(0, namedCharacters)}…` : name
}

function partAt(path: readonly PropertyKey[], value: unknown): unknown {
  let found: unknown = value
  for (const step of path) {
    if (typeof found !== 'object' || found === null) return undefined
    found = Object.getOwnPropertyDescriptor(found, step)?.value
  }
  return found
}
