import type { FleetRound } from '../../simulations/index.ts'
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
