import type { RoundRecord, RoundSummary } from '../../sdk/index.ts'
import type { Tally } from './fleet.ts'
import type { FleetRound } from './fleet-run.ts'

/** A committed round, with what happened in the fleet since the round before. */
export function fleetRound(
  summary: RoundSummary,
  { arrivals }: Pick<RoundRecord, 'arrivals'>,
  { asked, landed, lost, received, sent }: Tally,
  at: number,
): FleetRound {
  const stale = arrivals?.map(({ version }) => summary.round - 1 - version)
  const counted = arrivals ? trainingsOf(arrivals) : summary.members.length
  return {
    ...summary,
    at,
    asked,
    counted,
    lost,
    wasted: Math.max(0, landed - counted),
    received,
    sent,
    ...(stale &&
      stale.length > 0 && {
        staleness: { mean: stale.reduce((sum, each) => sum + each, 0) / stale.length, most: Math.max(...stale) },
      }),
  }
}

type Arrivals = NonNullable<RoundRecord['arrivals']>

/** Number of the trainings whose updates came, in buffers of aggregators below, too. */
function trainingsOf(arrivals: Arrivals): number {
  let trainings = 0
  for (const { buffer } of arrivals) trainings += buffer ? trainingsOf(buffer) : 1
  return trainings
}
