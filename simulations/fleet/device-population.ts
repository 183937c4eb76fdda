import type { Clock } from '../../runtime/index.ts'
import type { KeptPopulation, KnownNumbers } from '../../sdk/index.ts'
import type { Availability } from './behaviour.ts'

/** What changes of the devices of a fleet, by number. All else is a function of the device's number. */
export class DeviceColumns {
  /** Number of works that the device has. */
  readonly busy: Uint8Array
  /** Number of works whose answers came. */
  readonly answers: Uint16Array
  /** The order of the device's last work, from 1. 0: none yet. */
  readonly last: Uint32Array
  /** Number of works. */
  working = 0

  constructor(count: number) {
    this.busy = new Uint8Array(count)
    this.answers = new Uint16Array(count)
    this.last = new Uint32Array(count)
  }

  begin(device: number, work: number): void {
    this.working += 1
    this.busy[device] = this.busy[device]! + 1
    this.last[device] = work
  }

  end(device: number): void {
    this.working -= 1
    this.busy[device] = this.busy[device]! - 1
  }

  answered(device: number): void {
    const answers = this.answers[device]!
    if (answers < 0xffff) this.answers[device] = answers + 1
  }

  /** Bytes of the columns. */
  get bytes(): number {
    return this.busy.byteLength + this.answers.byteLength + this.last.byteLength
  }
}

/** The devices of one group of a fleet: numbers from `first` to `end`, the end excluded. */
export interface DeviceRange {
  readonly first: number
  readonly end: number
}

/** What a population needs of its fleet. */
export interface FleetFacts {
  readonly columns: DeviceColumns
  readonly clock: Pick<Clock, 'now'>
  /** Absent if devices are always available. */
  readonly availability?: Availability | undefined
  /** The end on the channel that has a device below it. Default: the device's own. */
  readonly holderOf?: (device: number) => string
}

/** What an aggregator remembers of its devices, by row or by device. */
export interface PopulationMemory {
  readonly known: Readonly<Record<string, Float32Array>>
  readonly counted?: Uint32Array
}

/**
 * The devices of a group as a population. Rows are in the order of the names of the devices' ends, so that a draw over
 * rows gives the bits of the same draw over sorted names: "trainer-10" comes before "trainer-2".
 */
export class DevicePopulation implements KeptPopulation {
  readonly size: number
  readonly range: DeviceRange
  readonly #prefix: string
  readonly #columns: DeviceColumns
  readonly #availability: Availability | undefined
  readonly #clock: Pick<Clock, 'now'>
  /** By row: the device's number. */
  readonly #order: Uint32Array
  readonly #known = new Map<string, Float32Array>()
  /** By device of the range: the round, or the dispatch, that counted the device last. */
  #counted: Uint32Array | undefined
  readonly #holderOf: (device: number) => string
  /** By row: where the last search for a free device ended. */
  #hint = 0

  /** `role`: the devices' role, with which their ends' names begin. */
  constructor(role: string, range: DeviceRange, { columns, clock, availability, holderOf }: FleetFacts) {
    this.size = range.end - range.first
    this.range = range
    this.#prefix = `${role}-`
    this.#columns = columns
    this.#clock = clock
    this.#availability = availability
    this.#order = byName(range)
    this.#holderOf = holderOf ?? ((device) => this.endOf(device))
  }

  get allFree(): boolean {
    return this.#availability === undefined && this.#columns.working === 0
  }

  isFree(row: number): boolean {
    const device = this.#order[row]!
    return this.#columns.busy[device] === 0 && this.isAvailable(device)
  }

  /** Whether a device is there, with work or without. */
  isAvailable(device: number): boolean {
    return this.#availability === undefined || this.#availability.isAvailable(device, this.#clock.now())
  }

  /** Whether any device of the fleet has work. */
  get isInUse(): boolean {
    return this.#columns.working > 0
  }

  /** Whether a device is there without work. */
  hasFree(): boolean {
    for (let looked = 0; looked < this.size; looked++) {
      const row = (this.#hint + looked) % this.size
      if (!this.isFree(row)) continue
      this.#hint = row
      return true
    }
    return false
  }

  /** The first time from now on at which a device is there without work. Infinity: never. Looks at each device. */
  nextFree(): number {
    const now = this.#clock.now()
    let first = Number.POSITIVE_INFINITY
    if (!this.#availability) return first
    for (let device = this.range.first; device < this.range.end; device++)
      if (this.#columns.busy[device] === 0) first = Math.min(first, this.#availability.next(device, now))
    return first
  }

  endAt(row: number): string {
    return this.endOf(this.#order[row]!)
  }

  endOf(device: number): string {
    return this.#prefix + device
  }

  /** The number of an end's device. Undefined for an end of another group, or no device's. */
  deviceOf(end: string): number | undefined {
    const device = deviceNumber(end, this.#prefix) ?? Number.NaN
    return device >= this.range.first && device < this.range.end ? device : undefined
  }

  rowOf(end: string): number | undefined {
    const device = this.deviceOf(end)
    return device === undefined ? undefined : placeByName(device, this.range)
  }

  known(column: string): Float32Array {
    return this.#known.get(column) ?? this.#remembered(column)
  }

  learn(known: KnownNumbers): void {
    for (const [column, numbers] of Object.entries(known)) {
      const values = this.#known.get(column) ?? this.#remembered(column)
      for (const [end, value] of Object.entries(numbers)) {
        const row = this.rowOf(end)
        if (row !== undefined) values[row] = value
      }
    }
  }

  count(counted: Readonly<Record<string, number>>): void {
    this.#counted ??= new Uint32Array(this.size)
    for (const [end, round] of Object.entries(counted)) {
      const device = this.deviceOf(end)
      if (device !== undefined) this.#counted[device - this.range.first] = round
    }
  }

  lastCounted(end: string): number | undefined {
    const device = this.deviceOf(end)
    return (device !== undefined && this.#counted?.[device - this.range.first]) || undefined
  }

  holderOf(end: string): string | undefined {
    const device = this.deviceOf(end)
    return device !== undefined && this.isAvailable(device) ? this.#holderOf(device) : undefined
  }

  /** Bytes of the group's own columns. */
  get bytes(): number {
    const known = [...this.#known.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    return this.#order.byteLength + known + (this.#counted?.byteLength ?? 0)
  }

  /** What is remembered of the devices, to be kept and restored. */
  get memory(): PopulationMemory {
    return { known: Object.fromEntries(this.#known), ...(this.#counted && { counted: this.#counted }) }
  }

  restore({ known, counted }: PopulationMemory): void {
    for (const [column, values] of Object.entries(known)) this.#known.set(column, values.slice())
    this.#counted = counted?.slice()
  }

  #remembered(column: string): Float32Array {
    const values = new Float32Array(this.size).fill(Number.NaN)
    this.#known.set(column, values)
    return values
  }
}

/** The number of an end's device, which follows the prefix. Undefined for another end. */
export function deviceNumber(end: string, prefix: string): number | undefined {
  const device = end.startsWith(prefix) ? Number(end.slice(prefix.length)) : Number.NaN
  return Number.isSafeInteger(device) ? device : undefined
}

/** The numbers of a range in the order of their decimal digits, as strings sort: 0, 1, 10, 100, 101, 11, 2, … */
export function byName({ first, end }: DeviceRange): Uint32Array {
  const order = new Uint32Array(end - first)
  let place = 0
  if (first === 0 && end > 0) order[place++] = 0
  for (let number = 1; number < end; ) {
    if (number >= first) order[place++] = number
    if (number * 10 < end) number *= 10
    else {
      while (number % 10 === 9 || number + 1 >= end) {
        if (number < 10) return order
        number = Math.floor(number / 10)
      }
      number += 1
    }
  }
  return order
}

/** The place of a number of a range in the order of `byName`. */
export function placeByName(number: number, { first, end }: DeviceRange): number {
  let digits = 1
  for (let power = 10; power <= number; power *= 10) digits += 1
  const most = String(end - 1).length
  let before = 0
  for (let length = 1; length <= most; length++) {
    // The numbers of so many digits that come before: a number's own beginnings do, its continuations don't.
    const least = length === 1 ? 0 : 10 ** (length - 1)
    const bound =
      length < digits
        ? Math.floor(number / 10 ** (digits - length)) + 1
        : number === 0 && length > 1
          ? least
          : number * 10 ** (length - digits)
    before += Math.max(0, Math.min(end, bound, 10 ** length) - Math.max(first, least))
  }
  return before
}
