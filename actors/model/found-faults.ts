import type { z } from 'zod'
import { mostFaults, type PlacedFault } from './errors.ts'
import { shown } from './plain-words.ts'

/** Faults as they are found: those that are listed, and how many there are. */
export interface FoundFaults {
  readonly listed: readonly PlacedFault[]
  readonly count: number
  /** There are so many that nobody looks for more. */
  isFull(): boolean
  /** Counts a fault, and makes it if it's among those that are listed. */
  note(make: () => PlacedFault): void
  /** Takes over what was found elsewhere, of which some may be counted alone. */
  noteAll(faults: readonly PlacedFault[], count?: number): void
}

/** So many faults are counted, where to look for more takes time. */
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

/** What zod found, as faults with places; `within` is the place of the value in something larger. */
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

/** What was expected, and what came. */
export function words({ code, message }: z.core.$ZodIssue, came: unknown): string {
  if (code === 'custom') return message
  return `${message}, got ${shown(came)}`
}

/** A path as it's told: names may be as long as their sender likes. */
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
