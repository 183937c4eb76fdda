import { fieldsOf } from '../../../runtime/index.ts'
import { behaviourError } from './errors.ts'

/** Training costs three times the inference that FedScale's `computation` measures, by FedScale's own reckoning. */
const trainingByInference = 3
/** Bytes a second of a kilobit a second. */
const kilobitBytes = 125

export interface FedScaleFiles {
  /** `client_device_capacity` as JSON: by client { computation: ms of an inference, communication: kbit/s }. */
  readonly capacities?: unknown
  /** `client_behave_trace` as JSON: by client { active: [s], inactive: [s], finish_time: s }. */
  readonly availability?: unknown
  /** Number of devices. Default: that of `availability` where it is given, else that of `capacities`. */
  readonly devices?: number
}

/**
 * Converts FedScale's traces of phones into the lines of a trace (docs/behaviour.md), a header first. Speed is
 * 1000 / (3 · computation) examples a second; download and upload are `communication`. Intervals are cut at `finish_time`,
 * which is the device's period; those of no length are left out, and those that overlap are joined. As in FedScale, a
 * device that isn't in a file has a client's facts again.
 *
 * @throws FEDSCALE_FORM, with file, client and field.
 * @see Lai et al., FedScale, ICML 2022; benchmark/dataset/data/device_info of FedScale's repository.
 */
export function* convertFedScale({
  capacities,
  availability,
  devices,
}: FedScaleFiles): Generator<string, void, undefined> {
  const capacityFile = 'client_device_capacity'
  const behaviourFile = 'client_behave_trace'
  const able = capacities === undefined ? [] : clientsOf(capacityFile, capacities)
  const active = availability === undefined ? [] : clientsOf(behaviourFile, availability)
  const count = devices ?? (active.length || able.length)
  if (!(Number.isSafeInteger(count) && count > 0))
    throw formError(
      '',
      '',
      devices === undefined ? 'neither of the files' : `${devices} devices`,
      'at least one device',
    )
  yield 'device,attribute,value,end'
  for (let device = 0; device < count; device++) {
    const capacity = able[device % able.length]
    if (capacity) {
      const [client, fields] = capacity
      const place = ` of client ${client}`
      const speed = 1000 / (trainingByInference * aboveZero(capacityFile, place, fields, 'computation'))
      const bandwidth = aboveZero(capacityFile, place, fields, 'communication') * kilobitBytes
      yield `${device},speed,${speed},`
      yield `${device},download,${bandwidth},`
      yield `${device},upload,${bandwidth},`
    }
    const behaviour = active[(device + 1) % active.length]
    if (behaviour) yield* availabilityLines(device, behaviourFile, behaviour)
  }
}

type Client = readonly [name: string, fields: Readonly<Record<string, unknown>>]

function clientsOf(file: string, content: unknown): readonly Client[] {
  if (typeof content !== 'object' || content === null) throw formError(file, '', typeof content, 'an object by client')
  const clients = Object.entries(content)
  if (clients.length === 0) throw formError(file, '', 'no client', 'an entry for each client')
  return clients.map(([name, fields]) => [name, fieldsOf(fields)] as const)
}

function* availabilityLines(device: number, file: string, [client, fields]: Client) {
  const place = ` of client ${client}`
  const period = aboveZero(file, place, fields, 'finish_time')
  const starts = timesOf(file, place, fields, 'active')
  const ends = timesOf(file, place, fields, 'inactive')
  if (starts.length !== ends.length)
    throw formError(file, place, `${starts.length} active and ${ends.length} inactive`, 'as many of both')
  const intervals = starts
    .map((start, index) => ({ start: Math.max(0, start), end: Math.min(period, ends[index] ?? 0) }))
    .filter(({ start, end }) => start < end)
    .toSorted((one, other) => one.start - other.start)
  yield `${device},period,${period},`
  const joined: { start: number; end: number }[] = []
  for (const interval of intervals) {
    const last = joined.at(-1)
    if (last && interval.start <= last.end) last.end = Math.max(last.end, interval.end)
    else joined.push(interval)
  }
  if (joined.length === 0) yield `${device},available,0,0`
  for (const { start, end } of joined) yield `${device},available,${start},${end}`
}

function aboveZero(file: string, place: string, fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name]
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value
  throw formError(file, place, `${name} is ${JSON.stringify(value)}`, 'a number above 0')
}

function timesOf(file: string, place: string, fields: Readonly<Record<string, unknown>>, name: string): number[] {
  const value = fields[name]
  if (Array.isArray(value) && value.every((time) => Number.isFinite(time))) return value.map(Number)
  throw formError(file, place, `${name} is ${JSON.stringify(value)?.slice(0, 40)}`, 'a list of seconds')
}

function formError(file: string, place: string, came: string, expected: string) {
  return behaviourError('FEDSCALE_FORM', { file: file === '' ? 'FedScale' : file, place, came, expected })
}
