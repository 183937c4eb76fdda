import { knownNames } from '../../runtime/index.ts'
import type { Settings } from '../role/role.ts'
import { workloadError } from './errors.ts'

interface Range {
  readonly expected: string
  readonly holds: (value: number) => boolean
}

const countRange: Range = { expected: 'an integer from 1', holds: (value) => Number.isSafeInteger(value) && value >= 1 }

/**
 * Names, datasets and tasks are made for each client before a check of them is possible, so more clients would only
 * fill the memory.
 */
const mostClientsOfJob = 1_000_000

function clientsRange(most: number): Range {
  return {
    expected: `an integer from 1 to ${most}`,
    holds: (value) => Number.isSafeInteger(value) && value >= 1 && value <= most,
  }
}

/** Ranges of settings that have the same name in all workloads. Other numbers only have to be finite. */
const ranges: Readonly<Record<string, Range>> = {
  rounds: countRange,
  epochs: countRange,
  batch: countRange,
  fraction: { expected: 'a number above 0 and up to 1', holds: (value) => value > 0 && value <= 1 },
  learningRate: { expected: 'a finite number above 0', holds: (value) => value > 0 && Number.isFinite(value) },
}
const anyNumber: Range = { expected: 'a finite number', holds: Number.isFinite }

/**
 * The workload's settings with overrides, each parsed as its default's type. `mostClients`: more than of a job, where nothing
 * is made for each client.
 *
 * @throws WORKLOAD_SETTING for a name outside the workload's settings, WORKLOAD_VALUE for an override or a default that
 *   doesn't fit.
 */
export function resolveSettings<S extends Settings>(
  defaults: S,
  overrides: Readonly<Record<string, string>>,
  mostClients: number = mostClientsOfJob,
): S {
  const unknown = Object.keys(overrides).find((name) => !Object.hasOwn(defaults, name))
  if (unknown !== undefined) {
    throw workloadError('WORKLOAD_SETTING', { name: unknown, known: knownNames(unknown, Object.keys(defaults)) })
  }
  const resolved = { ...defaults }
  for (const [name, otherwise] of Object.entries(defaults)) {
    const text = Object.hasOwn(overrides, name) ? overrides[name] : undefined
    Object.assign(resolved, { [name]: valueOf(name, otherwise, text, mostClients) })
  }
  return resolved
}

function valueOf(name: string, otherwise: string | number | boolean, text: string | undefined, mostClients: number) {
  const refuse = (expected: string) =>
    workloadError('WORKLOAD_VALUE', { name, expected, value: text ?? otherwise, default: otherwise })
  if (typeof otherwise === 'number') {
    const value = text === undefined ? otherwise : numberOf(text)
    const own = name === 'clients' ? clientsRange(mostClients) : Object.hasOwn(ranges, name) ? ranges[name] : undefined
    const range = own ?? anyNumber
    if (!range.holds(value)) throw refuse(range.expected)
    return value
  }
  if (text === undefined) return otherwise
  if (typeof otherwise === 'string') return text
  if (text !== 'true' && text !== 'false') throw refuse('true or false')
  return text === 'true'
}

/** Parses decimal numbers only. NaN for other texts that Number() accepts, such as an empty one or another base. */
function numberOf(text: string): number {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN
}
