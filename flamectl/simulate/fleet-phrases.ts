import type { AggregatorFigures, AggregatorResource, FleetRound, Saturation } from '../../simulations/index.ts'
import { counted, figures, metricNames } from '../output/phrases.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** A virtual time in the unit that fits its size. */
export function virtualTime(ms: number): string {
  if (ms < minuteMs) return `${(ms / 1000).toFixed(1)} s`
  if (ms < hourMs) return `${(ms / minuteMs).toFixed(1)} min`
  return hoursText(ms / hourMs)
}

export function hoursText(hours: number): string {
  return `${hours.toFixed(2)} h`
}

/** A number of bytes, of which three digits are shown. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let unit = 0
  let value = bytes
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000
  return `${unit === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]}`
}

/** A committed round of a fleet in one line. `of` is the number of rounds. */
export function fleetRoundLine(
  { round, at, metrics, counted: updates, lost, wasted, received, sent, staleness }: FleetRound,
  of: number,
): string {
  const found = figures(metrics, metricNames(Object.keys(metrics)))
  const works = [
    `${updates} counted`,
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(wasted > 0 ? [`${wasted} wasted`] : []),
  ].join(', ')
  return [
    `round ${round}/${of}`,
    `after ${virtualTime(at)}`,
    ...(found === '' ? [] : [found]),
    works,
    ...(staleness ? [`staleness ${staleness.mean.toFixed(2)}, at most ${staleness.most}`] : []),
    `down ${bytesText(received)}, up ${bytesText(sent)}`,
  ].join('  ')
}

/** Most aggregators of which a line is shown. */
const mostAggregators = 8

/** The work of the aggregators, the busiest first, and the resource that saturates first. */
export function aggregatorLines(
  aggregators: readonly AggregatorFigures[],
  first: Saturation | undefined,
): readonly string[] {
  const busiest = ({ busy }: AggregatorFigures) => Math.max(busy.updates, busy.receive, busy.send)
  const sorted = aggregators.toSorted((a, b) => busiest(b) - busiest(a) || b.updates - a.updates)
  const more = sorted.length - mostAggregators
  return [
    ...sorted.slice(0, mostAggregators).map(aggregatorLine),
    ...(more > 0 ? [`and ${counted(more, 'aggregator')} with less to do`] : []),
    ...(first ? [saturation(first)] : []),
  ]
}

function aggregatorLine({
  end,
  updates,
  busy,
  longestQueue,
  received,
  sent,
  limiting,
  ...rest
}: AggregatorFigures): string {
  const shares = [
    ...(busy.updates > 0 ? [`taking ${percent(busy.updates)}`] : []),
    ...(busy.receive > 0 ? [`receiving ${percent(busy.receive)}`] : []),
    ...(busy.send > 0 ? [`sending ${percent(busy.send)}`] : []),
  ]
  const waited = limiting === undefined ? 0 : 1000 * rest.waited[limiting]
  return [
    `${end}: ${counted(updates, 'update')}`,
    ...(shares.length > 0 ? [`busy ${shares.join(', ')}`] : []),
    `longest queue ${longestQueue}`,
    `in ${bytesText(received)}, out ${bytesText(sent)}`,
    ...(rest.failures > 0 ? [`${counted(rest.failures, 'failure')}, down ${percent(rest.down)}`] : []),
    ...(limiting === undefined ? [] : [`waited most for ${limitName[limiting]}, ${virtualTime(waited)} each`]),
  ].join('  ')
}

const limitName: Readonly<Record<AggregatorResource, string>> = {
  updates: 'its work',
  receive: 'its link in',
  send: 'its link out',
  memory: 'its memory',
  failures: 'its return',
}

function saturation({ end, resource, busy }: Saturation): string {
  const reserve = busy < 1 ? `, at ${(1 / busy).toFixed(busy < 0.1 ? 0 : 1)} times this load` : ''
  return `saturates first: ${limitName[resource].replace('its', 'the')} of ${end}, busy ${percent(busy)} of the time${reserve}`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
}

/** Where a run has come to, for the message of a stop. */
export function stoppedFleet(rounds: number, now: number, command: string | undefined): string {
  const where = `stopped after round ${rounds}, ${virtualTime(now)} of virtual time`
  return command === undefined
    ? `${where}; nothing is left of the run: with --store FOLDER it could go on`
    : `${where}; to go on: ${command}`
}

export function rounds(count: number): string {
  return counted(count, 'round')
}
