import { badOption } from '../../loaded-workload.ts'
import type { AggregatorCapacities, AggregatorCapacity } from './capacity.ts'

/** The names of the texts that say how much aggregators can do. */
export const aggregatorPartNames = ['updates', 'bandwidth', 'memory', 'latency', 'failures'] as const
export type AggregatorPartName = (typeof aggregatorPartNames)[number]

/**
 * The capacities of aggregators as texts, such as { updates: '500/s', bandwidth: '100MB/s' }. A text is for all aggregators, or,
 * with a role before it, for those of the role: { updates: ['500/s', 'top-aggregator=2000/s'] }.
 */
export type AggregatorTexts = { readonly [Part in AggregatorPartName]?: string | readonly string[] | undefined }

interface Unit {
  readonly factors: Readonly<Record<string, number>>
  readonly expected: string
}

const perSecond = { '': 1, '/s': 1, '/min': 1 / 60, '/h': 1 / 3600 }
const bytes = { '': 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }
const bits = { bit: 1 / 8, kbit: 1e3 / 8, Mbit: 1e6 / 8, Gbit: 1e9 / 8 }

const rate: Unit = { factors: perSecond, expected: 'a number of updates a second, such as 500/s' }
const size: Unit = { factors: bytes, expected: 'a number of bytes, such as 64MB or 512MiB' }
const bandwidth: Unit = {
  factors: {
    ...bytes,
    ...Object.fromEntries(Object.entries({ ...bytes, ...bits }).map(([unit, factor]) => [`${unit}/s`, factor])),
  },
  expected: 'bytes a second, such as 100MB/s or 1Gbit/s, or those in and those out, such as 100MB/s:1GB/s',
}
const milliseconds: Unit = {
  factors: { '': 1, ms: 1, s: 1e3, min: 60e3 },
  expected: 'a time, such as 20ms',
}
const failureText = 'failures in an hour and the mean time until an aggregator is back, such as 0.5/h,60s'
const hourly: Unit = { factors: { '': 1, '/h': 1, '/min': 60, '/d': 1 / 24 }, expected: failureText }
const seconds: Unit = { factors: { '': 1, s: 1, min: 60, h: 3600 }, expected: failureText }

const parts: Readonly<Record<AggregatorPartName, (text: string, option: string) => AggregatorCapacity>> = {
  updates: (text, option) => ({ updates: measured(text, rate, option) }),
  bandwidth(text, option) {
    const [receive = '', send = receive, ...more] = text.split(':')
    if (more.length > 0) throw badOption(option, text, bandwidth.expected)
    return { receive: measured(receive, bandwidth, option), send: measured(send, bandwidth, option) }
  },
  memory: (text, option) => ({ memory: measured(text, size, option) }),
  latency: (text, option) => ({ latencyMs: measured(text, milliseconds, option) }),
  failures(text, option) {
    const [often = '', long = '', ...more] = text.split(',')
    if (more.length > 0) throw badOption(option, text, failureText)
    return { failures: { perHour: measured(often, hourly, option), seconds: measured(long, seconds, option) } }
  },
}

/**
 * Reads the capacities of aggregators from texts. Undefined without texts.
 *
 * @throws SIMULATION_OPTION
 */
export function aggregatorsFrom(texts: AggregatorTexts): AggregatorCapacities | undefined {
  let all: AggregatorCapacity = {}
  const roles: Record<string, AggregatorCapacity> = {}
  for (const name of aggregatorPartNames)
    for (const text of [texts[name] ?? []].flat()) {
      const [, role, value = ''] = /^(?:([\w-]+)=)?([^]*)$/.exec(text.trim()) ?? []
      const capacity = parts[name](value, `aggregators.${name}`)
      if (role === undefined) all = { ...all, ...capacity }
      else roles[role] = { ...roles[role], ...capacity }
    }
  const isGiven = aggregatorPartNames.some((name) => texts[name] !== undefined)
  return isGiven ? { ...all, ...(Object.keys(roles).length > 0 && { roles }) } : undefined
}

/** A positive number with a unit. */
function measured(text: string, { factors, expected }: Unit, option: string): number {
  const [, digits = '', unit = ''] = /^\s*([\d.]+(?:e[+-]?\d+)?)\s*([A-Za-z/]*)\s*$/.exec(text) ?? []
  const factor = Object.hasOwn(factors, unit) ? factors[unit] : undefined
  const value = digits === '' ? Number.NaN : Number(digits) * (factor ?? Number.NaN)
  if (value > 0 && value < Number.POSITIVE_INFINITY) return value
  throw badOption(option, text, expected)
}
