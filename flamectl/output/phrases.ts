import type { EventCause, NumberedEvent } from '../../actors/index.ts'
import type { LogEntry, Notice, RoundSummary } from '../../sdk/index.ts'
import { indentedLines, printable } from './printable.ts'

type Metrics = Readonly<Record<string, number>>

/** A number with its noun: 1 round, 2 rounds. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Names of metrics that are means over the trainers begin with this prefix; other metrics come from the evaluation or a role. */
const trainersPrefix = 'train-'
const firstNames: readonly string[] = ['accuracy', 'loss']

/** Names of metrics in the order in which they are shown: accuracy, loss, others, and last the trainers' metrics. */
export function metricNames(metrics: Iterable<string>): string[] {
  const rank = (name: string) => {
    const first = firstNames.indexOf(name)
    if (first >= 0) return first
    return name.startsWith(trainersPrefix) ? firstNames.length + 1 : firstNames.length
  }
  return [...new Set(metrics)].toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** The same names without the trainers' metrics, unless there are no others. */
export function mainMetricNames(metrics: Iterable<string>): string[] {
  const names = metricNames(metrics)
  const main = names.filter((name) => !name.startsWith(trainersPrefix))
  return main.length > 0 ? main : names
}

/** The value of a metric as text: an accuracy in percent, any other number with its significant digits. */
export function figure(name: string, value: number): string {
  const isFraction = name.replace(trainersPrefix, '') === 'accuracy' && value >= 0 && value <= 1
  if (isFraction) return `${(100 * value).toFixed(2)} %`
  const size = Math.abs(value)
  if (size > 0 && size < 0.1) return value.toPrecision(4)
  if (size < 1e5) return value.toFixed(4)
  return Number.isSafeInteger(value) ? String(value) : String(Number(value.toPrecision(9)))
}

/** Metrics with their names, in one line. */
export function figures(metrics: Metrics, names: readonly string[] = metricNames(Object.keys(metrics))): string {
  return names
    .flatMap((name) => (metrics[name] === undefined ? [] : [`${printable(name)} ${figure(name, metrics[name])}`]))
    .join('  ')
}

/**
 * A committed round in one line, after the name of its part where a round has several models. `of` is the job's number of rounds,
 * if known.
 */
export function roundLine(
  { round, part, metrics, members, notCounted = [], anew = [], seconds }: Omit<RoundSummary, 'hash'>,
  of?: number,
): string {
  const whose = part === undefined ? '' : `${printable(part)}: `
  const place = `${whose}round ${round}${of === undefined ? '' : `/${of}`}`
  const found = figures(metrics)
  const others = (['refused', 'late', 'gone'] as const).flatMap((reason) => {
    const count = notCounted.filter((one) => one.reason === reason).length
    return count === 0 ? [] : [`${count} ${reason}`]
  })
  const counts = [`${members.length} counted`, ...others, ...(anew.length > 0 ? [`${anew.length} anew`] : [])].join(
    ', ',
  )
  return [place, ...(found === '' ? [] : [found]), counts, `${seconds.toFixed(2)} s`].join('  ')
}

/** A log entry of an end, in one line. */
export function said(end: string, { message, fields }: Pick<LogEntry, 'message' | 'fields'>): string {
  const words = [`${end}: ${message}`, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)]
  return printable(words.join(' '))
}

/** A notice of an end. */
export function noticed(end: string, { code, message }: Notice): string {
  return indentedLines(`${end}: ${code} ${message}`)
}

/** An event in one line for people; further lines are indented. */
export function eventLine({ at, event }: NumberedEvent): string {
  return indentedLines(`${at} ${happened(event)}`)
}

function happened(event: NumberedEvent['event']): string {
  switch (event.type) {
    case 'state':
      return event.cause ? `${event.state}: ${explained(event.cause)}` : event.state
    case 'task':
      return `${event.end}: ${event.state}`
    case 'round':
      return `${roundLine(event)}  ${event.hash.slice(0, 16)}…`
    case 'metrics':
      return said(event.end, { message: 'metrics of a round:', fields: event.metrics })
    case 'log':
      return said(event.end, { message: event.message, fields: event.fields ?? {} })
    case 'notice':
      return `${event.end}: ${explained(event)}`
  }
}

function explained({ code, message, hint }: EventCause): string {
  return `${code} ${message}${hint === undefined ? '' : `\n${hint}`}`
}
