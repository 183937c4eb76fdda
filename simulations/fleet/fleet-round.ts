import type { RoundRecord, RoundSummary } from '../../sdk/index.ts'
import type { DeviceNumbers } from './behaviour.ts'
import type { Tally } from './fleet.ts'
import type { FleetRound } from './fleet-run.ts'

/** A committed round, with what happened in the fleet since the round before. */
export function fleetRound(
  summary: RoundSummary,
  { arrivals }: Pick<RoundRecord, 'arrivals'>,
  { asked, landed, lost, received, sent }: Tally,
  at: number,
  quarterOf?: QuarterOf,
): FleetRound {
  const stale = arrivals?.map(({ version }) => summary.round - 1 - version)
  const ends = arrivals ? trainingsOf(arrivals) : summary.members
  const counted = ends.length
  return {
    ...summary,
    at,
    asked,
    counted,
    lost,
    wasted: Math.max(0, landed - counted),
    received,
    sent,
    ...(quarterOf && { quarters: quartersOf(ends, quarterOf) }),
    ...(stale &&
      stale.length > 0 && {
        staleness: { mean: stale.reduce((sum, each) => sum + each, 0) / stale.length, most: Math.max(...stale) },
      }),
  }
}

type Arrivals = NonNullable<RoundRecord['arrivals']>

/** The devices of the trainings whose updates came, in buffers of aggregators below, too. */
function trainingsOf(arrivals: Arrivals): readonly string[] {
  return arrivals.flatMap(({ end, buffer }) => (buffer ? trainingsOf(buffer) : [end]))
}

/** The quarter of the devices, by speed, to which an end belongs: 0 is the slowest one. */
type QuarterOf = (end: string) => number | undefined

/** Quarters of devices by the rank of their speed. Undefined where devices have no ranks. */
export function quarterBy(
  { rank }: DeviceNumbers,
  deviceOf: (end: string) => number | undefined,
): QuarterOf | undefined {
  if (!rank) return undefined
  return (end) => {
    const device = deviceOf(end)
    return device === undefined ? undefined : Math.min(3, Math.floor(4 * rank(device)))
  }
}

function quartersOf(ends: readonly string[], quarterOf: QuarterOf): readonly number[] {
  const counts = [0, 0, 0, 0]
  for (const end of ends) {
    const quarter = quarterOf(end)
    if (quarter !== undefined) counts[quarter] = (counts[quarter] ?? 0) + 1
  }
  return counts
}
