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

export const arithmetics = ['plain', 'fused', 'fused-only'] as const

/** Settings that every workload has. A job has them only if it names them. */
export interface CommonSettings {
  /**
   * How products are summed, see `Products`. `fused-only`: fused, and a process whose platform would emulate that refuses
   * the job. Default: plain.
   */
  readonly arithmetic?: (typeof arithmetics)[number]
}

const commonSettings: Required<CommonSettings> = { arithmetic: 'plain' }

/** Whether a workload with these defaults has a setting of this name. */
export function hasSetting(defaults: Settings, name: string): boolean {
  return Object.hasOwn(defaults, name) || Object.hasOwn(commonSettings, name)
}

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
  const unknown = Object.keys(overrides).find((name) => !hasSetting(defaults, name))
  if (unknown !== undefined) {
    const known = Object.keys({ ...defaults, ...commonSettings })
    throw workloadError('WORKLOAD_SETTING', { name: unknown, known: knownNames(unknown, known) })
  }
  const resolved = { ...defaults }
  const all: Settings = { ...(Object.hasOwn(overrides, 'arithmetic') && commonSettings), ...defaults }
  for (const [name, otherwise] of Object.entries(all)) {
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
  if (name === 'arithmetic' && !arithmetics.some((known) => known === (text ?? otherwise))) {
    throw refuse(`one of ${arithmetics.join(', ')}`)
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
