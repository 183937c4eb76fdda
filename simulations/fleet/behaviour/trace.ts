import papaparse from 'papaparse'
import { knownNames } from '../../../runtime/index.ts'
import { secondMs } from './draws.ts'
import { behaviourError } from './errors.ts'

export const numberAttributes = ['speed', 'download', 'upload'] as const

export type NumberAttribute = (typeof numberAttributes)[number]

/** What was recorded of devices. A fleet's device i behaves as the trace's row i, and beyond the rows as one drawn by hash. */
export interface DeviceTrace {
  readonly file: string
  /** Number of devices that were recorded, each a row. */
  readonly rows: number
  /** By attribute: a number above 0 of each row. */
  readonly numbers: Readonly<Partial<Record<NumberAttribute, Float64Array>>>
  readonly intervals?: TraceIntervals
}

/** When each row was available, repeated with the row's period. Whole milliseconds. */
export interface TraceIntervals {
  /** Row r has the intervals from `offsets[r]` up to `offsets[r + 1]`. */
  readonly offsets: Uint32Array
  /** Within a row in order, apart from each other, between 0 and the row's period. */
  readonly starts: Float64Array
  readonly ends: Float64Array
  /** Of each row. */
  readonly periods: Float64Array
}

const header = ['device', 'attribute', 'value', 'end']
/** Milliseconds of one unit of the attributes that are times. */
const intervalUnits: Readonly<Record<string, number>> = { available: secondMs, availableMs: 1 }
const periodUnits: Readonly<Record<string, number>> = { period: secondMs, periodMs: 1 }
const attributes = [...numberAttributes, ...Object.keys(intervalUnits), ...Object.keys(periodUnits)]
/** Stands for all devices, in a line with the period. */
const everyDevice = '*'

/** A number of each device by its row, with the line that gave it. */
interface Facts {
  readonly values: Map<number, number>
  readonly lines: Map<number, number>
}

interface Interval {
  readonly row: number
  readonly line: number
  readonly start: number
  readonly end: number
}

/**
 * Reads a trace: a csv text with the columns device, attribute, value, end, as docs/behaviour.md says. Devices become rows
 * in the order in which the text names them first.
 *
 * @param file Name for messages.
 * @throws TRACE_EMPTY, TRACE_HEADER, TRACE_LINE, TRACE_TWICE, TRACE_OVERLAP, TRACE_GAP, with the line.
 */
export function traceOf(text: string, file: string): DeviceTrace {
  const reader = traceReader(file)
  let line = 1
  papaparse.parse<string[]>(text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n'), {
    delimiter: ',',
    newline: '\n',
    step({ data, errors: [fault] }) {
      if (fault) throw lineError(file, line, fault.message.toLowerCase(), 'fields without quotes')
      if (data.length > 1 || data[0]?.trim()) reader.add(data, line)
      line += 1 + data.join('').split('\n').length - 1
    },
  })
  return reader.end()
}

function traceReader(file: string) {
  const rows = new Map<string, number>()
  const firstLines: number[] = []
  const numbers = new Map<NumberAttribute, Facts>()
  const periods: Facts = { values: new Map(), lines: new Map() }
  const everyRow = -1
  const intervals: Interval[] = []
  let columns: readonly string[] | undefined

  function rowOf(device: string, line: number): number {
    const known = rows.get(device)
    if (known !== undefined) return known
    firstLines.push(line)
    rows.set(device, firstLines.length - 1)
    return firstLines.length - 1
  }
  function keep(facts: Facts, row: number, value: number, { line, device, attribute }: Named) {
    const before = facts.lines.get(row)
    if (before !== undefined) throw behaviourError('TRACE_TWICE', { file, line, device, attribute, before })
    facts.values.set(row, value)
    facts.lines.set(row, line)
  }
  function add(cells: readonly string[], line: number): void {
    const fields = cells.map((cell) => cell.trim())
    if (!columns) {
      columns = fields
      if (fields.join() !== header.join()) throw behaviourError('TRACE_HEADER', { file, line, came: fields.join() })
      return
    }
    const [device = '', attribute = '', value = '', end = '', ...rest] = fields
    const fault = (came: string, expected: string) => lineError(file, line, came, expected)
    if (rest.some(Boolean)) throw fault(`${fields.length} fields`, 'device,attribute,value,end')
    if (device === '') throw fault('no device', 'the name of a device')
    if (!attributes.includes(attribute))
      throw fault(`attribute '${attribute}'`, `one of ${knownNames(attribute, attributes)}`)
    const unit = intervalUnits[attribute]
    const periodUnit = periodUnits[attribute]
    if (unit === undefined && end !== '') throw fault(`end '${end}' of ${attribute}`, 'an end only of `available`')
    if (device === everyDevice && periodUnit === undefined)
      throw fault(`${attribute} of all devices`, 'only `period` of all devices')
    if (unit !== undefined) {
      const [start, stop] = [timeOf(value, unit), timeOf(end, unit)]
      if (start === undefined || stop === undefined || start < 0 || stop < start)
        throw fault(`available from '${value}' to '${end}'`, 'two times from 0, the first one not after the second')
      intervals.push({ row: rowOf(device, line), line, start, end: stop })
    } else if (periodUnit !== undefined) {
      const period = timeOf(value, periodUnit)
      if (period === undefined || period < 1) throw fault(`period '${value}'`, 'a time above 0')
      const row = device === everyDevice ? everyRow : rowOf(device, line)
      keep(periods, row, period, { line, device, attribute: 'period' })
    } else {
      const named = numberAttributes.find((each) => each === attribute)
      const number = value === '' ? Number.NaN : Number(value)
      if (!named || !(number > 0 && Number.isFinite(number))) throw fault(`${attribute} '${value}'`, 'a number above 0')
      const facts = numbers.get(named) ?? { values: new Map(), lines: new Map() }
      numbers.set(named, facts)
      keep(facts, rowOf(device, line), number, { line, device, attribute })
    }
  }
  function end(): DeviceTrace {
    if (rows.size === 0) throw behaviourError('TRACE_EMPTY', { file, found: columns ? 'its header alone' : 'no line' })
    const names = [...rows.keys()]
    /** Throws TRACE_GAP unless each row is among some rows. */
    const requireAll = (attribute: string, given: { has(row: number): boolean }) => {
      const other = names.find((_, row) => given.has(row))
      for (const [row, device] of names.entries())
        if (!given.has(row))
          throw behaviourError('TRACE_GAP', { file, device, line: firstLines[row], attribute, other: other ?? 'none' })
    }
    for (const [attribute, { values }] of numbers) requireAll(attribute, values)
    const recorded = Object.fromEntries(
      [...numbers].map(([attribute, { values }]) => [
        attribute,
        Float64Array.from(names, (_, row) => values.get(row) ?? 0),
      ]),
    )
    if (intervals.length === 0) return { file, rows: rows.size, numbers: recorded }
    requireAll('available', new Set(intervals.map(({ row }) => row)))
    const forAll = periods.values.get(everyRow)
    if (forAll === undefined) requireAll('period', periods.values)
    const lengths = Float64Array.from(names, (_, row) => periods.values.get(row) ?? forAll ?? 0)
    return { file, rows: rows.size, numbers: recorded, intervals: sorted(file, names, intervals, lengths) }
  }
  return { add, end }
}

interface Named {
  readonly line: number
  readonly device: string
  readonly attribute: string
}

/** The intervals by row and time, those that touch joined, those of no length left out. */
function sorted(
  file: string,
  names: readonly string[],
  intervals: readonly Interval[],
  periods: Float64Array,
): TraceIntervals {
  const offsets = new Uint32Array(names.length + 1)
  const starts: number[] = []
  const ends: number[] = []
  let before: Interval | undefined
  for (const interval of intervals.toSorted((one, other) => one.row - other.row || one.start - other.start)) {
    const { row, line, start, end } = interval
    const period = periods[row] ?? 0
    if (end > period)
      throw lineError(file, line, `device ${names[row]} available to ${end} ms`, `at most its period, ${period} ms`)
    if (start === end) continue
    const isSame = before?.row === row
    if (before && isSame && start < before.end)
      throw behaviourError('TRACE_OVERLAP', { file, line, device: names[row], before: before.line })
    if (before && isSame && start === before.end) ends[ends.length - 1] = end
    else {
      starts.push(start)
      ends.push(end)
    }
    offsets[row + 1] = starts.length
    before = interval
  }
  // Rows without an interval end where the row before does.
  for (let row = 1; row < offsets.length; row++) offsets[row] = Math.max(offsets[row] ?? 0, offsets[row - 1] ?? 0)
  return { offsets, starts: Float64Array.from(starts), ends: Float64Array.from(ends), periods }
}

/** Whole milliseconds of a text in a unit. */
function timeOf(text: string, unitMs: number): number | undefined {
  const time = text === '' ? Number.NaN : Math.round(Number(text) * unitMs)
  return Number.isSafeInteger(time) ? time : undefined
}

function lineError(file: string, line: number, came: string, expected: string) {
  return behaviourError('TRACE_LINE', { file, line, came, expected })
}
