import { type Command, Option } from 'commander'
import type { KeptRounds } from '../../sdk/index.ts'
import type { AggregatorPartName, AggregatorTexts, BehaviourPartName, BehaviourTexts } from '../../simulations/index.ts'
import { flamectlError } from '../errors.ts'
import type { GivenSettings } from '../files/json-files.ts'
import type { Format } from '../output/printable.ts'
import type { ProgramFormat } from '../output/reporter.ts'
import { givenSettings, keptRounds } from '../run/run-options.ts'
import { namedPlace } from '../state-folder.ts'
import { wholeNumberOf } from '../up/up-options.ts'

/** A fleet, its job and its behaviour: what a simulation's results depend on. */
export interface FleetOptions extends GivenSettings {
  readonly workload: string
  readonly devices: number
  readonly behaviour: BehaviourTexts
  readonly aggregators: AggregatorTexts
  /** A csv file. */
  readonly trace?: string
  readonly hours?: number
}

/** The options of a simulation, checked. */
export interface SimulateRunOptions extends FleetOptions {
  readonly seed: number
  readonly workers?: number
  /** Folder for state and models. Absent: memory. */
  readonly store?: string
  readonly resume: boolean
  readonly keep?: KeptRounds
  /** Absent: for people. */
  readonly format?: ProgramFormat
  readonly plot?: string
}

/** Options that say what is simulated, as commander hands them over. */
export type RawFleetOptions = {
  readonly devices?: string | undefined
  readonly rounds?: string
  readonly hours?: string
  readonly set?: readonly string[]
  readonly trace?: string
} & { readonly [Part in BehaviourPartName]?: string } & {
  readonly [Part in AggregatorPartName as `aggregator${Capitalize<Part>}`]?: readonly string[]
}

/** The options as commander hands them over. */
export interface RawSimulateOptions {
  readonly seed?: string
  readonly workers?: string
  readonly store?: string
  readonly resume?: boolean
  readonly keep?: string
  readonly json?: boolean
  readonly plot?: string
}

/** Of each part of a behaviour: the option's value, and its help. docs/behaviour.md has all models. */
const parts: Readonly<Record<BehaviourPartName, readonly [value: string, help: string]>> = {
  availability: ['model', 'when devices take work: always, diurnal, on-off:60,600 or trace (default always)'],
  speed: [
    'model',
    'examples that a device trains on in a second: a number, lognormal:20,0.8, tiers:0.7:5,0.3:40 or trace (default: training takes no time)',
  ],
  download: ['model', 'bytes that a device receives in a second, in the same way (default: takes no time)'],
  upload: ['model', 'bytes that a device sends in a second, in the same way (default: takes no time)'],
  dropout: ['probability', 'probability with which a device gives up a work, such as 0.1'],
  link: ['probability,seconds', 'how often the link is lost during a work, and for how long, such as 0.05,60'],
  delay: ['milliseconds,sigma', 'median and σ of the time by which each work is late, such as 200,1'],
  churn: ['days,days', 'days over which devices come, and mean days until a device goes for good, such as 7,30'],
  skew: ['minutes', 'standard deviation of the error of the clocks of devices'],
  correlate: ['part:label', 'give slow devices the data with low labels, such as speed:label,0.8'],
}

/** Of each part of what aggregators can do: the option's value, and its help. Each may be given again for a role. */
const aggregatorParts: Readonly<Record<AggregatorPartName, readonly [value: string, help: string]>> = {
  updates: [
    'rate',
    'updates that an aggregator takes in a second: 500/s, or top-aggregator=2000/s for a role (default: any number)',
  ],
  bandwidth: [
    'bytes/s',
    'bytes that an aggregator receives, and sends, in a second: 100MB/s, or in and out, 1Gbit/s:10Gbit/s (default: takes no time)',
  ],
  memory: [
    'bytes',
    'bytes of updates that may wait at an aggregator, such as 512MB; others wait at their senders (default: any number)',
  ],
  latency: ['time', 'time of each message between aggregators besides its bytes, such as 20ms (default: none)'],
  failures: [
    'rate,time',
    'how often an aggregator fails, and mean time until it is back, such as 0.5/h,60s (default: never)',
  ],
}

const aggregatorPartNames = keysOf(aggregatorParts)

const partNames = keysOf(parts)

function keysOf<Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(table).filter((name): name is Name => Object.hasOwn(table, name))
}

/** Adds the options that say what is simulated. */
export function addFleetOptions(command: Command): Command {
  command
    .option('--devices <number>', 'number of devices; each is a client of the workload')
    .option('--rounds <number>', 'rounds after which the run ends; as --set rounds=…')
    .option('--hours <number>', 'virtual hours after which the run ends, if its rounds are not over before')
    .option('--set <name=value,...>', 'override settings of the workload', (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
  for (const name of partNames) {
    const [value, help] = parts[name]
    command.addOption(new Option(`--${name} <${value}>`, help))
  }
  for (const name of aggregatorPartNames) {
    const [value, help] = aggregatorParts[name]
    command.option(`--aggregator-${name} <${value}>`, help, (given: string, before: string[] = []) => [
      ...before,
      given,
    ])
  }
  return command.option(
    '--trace <file>',
    'csv file of recorded devices; parts that no option names come from the file, too',
  )
}

export const mostDevices = 100_000_000

/** Checks options that say what is simulated. OPTION_VALUE, RUN_SETTING_SYNTAX. */
export function fleetOptions(workload: string, raw: RawFleetOptions): FleetOptions {
  const { devices, rounds, hours, set = [], trace } = raw
  const { overrides, choices } = givenSettings(set)
  if (devices === undefined)
    throw unfit('--devices', 'the number of devices beside it, such as --devices 10000', 'nothing')
  if (overrides.clients !== undefined)
    throw unfit(
      '--set',
      'no setting clients, since each device is a client: see --devices',
      `clients=${overrides.clients}`,
    )
  if (rounds !== undefined && overrides.rounds !== undefined && overrides.rounds !== rounds)
    throw unfit('--rounds', 'the rounds of --set, or no rounds there', `${rounds}, and rounds=${overrides.rounds}`)
  return {
    workload,
    devices: wholeNumberOf('--devices', devices, 1, mostDevices),
    overrides:
      rounds === undefined ? overrides : { ...overrides, rounds: String(wholeNumberOf('--rounds', rounds, 1, 1e9)) },
    choices,
    behaviour: Object.fromEntries(partNames.flatMap((name) => (raw[name] === undefined ? [] : [[name, raw[name]]]))),
    aggregators: {
      updates: raw.aggregatorUpdates,
      bandwidth: raw.aggregatorBandwidth,
      memory: raw.aggregatorMemory,
      latency: raw.aggregatorLatency,
      failures: raw.aggregatorFailures,
    },
    ...(hours !== undefined && { hours: numberOf('--hours', hours) }),
    ...(trace !== undefined && { trace: namedPlace('--trace', trace, 'a csv file') }),
  }
}

/** Checks the options of a simulation; `output` is the format that all commands take. OPTION_VALUE, RUN_SETTING_SYNTAX, RUN_OPTION. */
export function simulateOptions(
  workload: string,
  raw: RawFleetOptions & RawSimulateOptions,
  output?: Format,
): SimulateRunOptions {
  const { seed, workers, store, resume = false, keep = 'all', plot } = raw
  const format = raw.json ? 'json' : output
  if (resume && store === undefined)
    throw unfit('--resume', '--store beside it, the folder of the run that goes on', 'no folder')
  return {
    ...fleetOptions(workload, raw),
    seed: seedOf(seed),
    ...(workers !== undefined && { workers: wholeNumberOf('--workers', workers, 0, 256) }),
    ...(store !== undefined && { store: namedPlace('--store', store) }),
    resume,
    ...keptRounds(keep),
    ...(format !== undefined && format !== 'table' && { format }),
    ...(plot !== undefined && { plot: namedPlace('--plot', plot, 'a file') }),
  }
}

/** OPTION_VALUE */
export function seedOf(given = '1'): number {
  return wholeNumberOf('--seed', given, 0, 2 ** 32 - 1)
}

/** A number above 0. OPTION_VALUE */
export function numberOf(option: string, given: string): number {
  const number = given.trim() === '' ? Number.NaN : Number(given)
  if (number > 0 && Number.isFinite(number)) return number
  throw unfit(option, 'a number above 0', JSON.stringify(given))
}

function unfit(option: string, expected: string, given: string): Error {
  return flamectlError('OPTION_VALUE', { option, expected, given })
}
