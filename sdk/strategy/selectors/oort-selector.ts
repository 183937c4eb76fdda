import { log, power } from '../../random/elementary.ts'
import type { RandomStream } from '../../random/random-stream.ts'
import type { Selector } from '../algorithm.ts'
import { endsIn, type Population } from '../population.ts'
import { drawnByWeight, drawnRows } from './draws.ts'
import { LeastKeys } from './least-keys.ts'
import { numberAtRank, numberOfKnown } from './ranks.ts'
import { endColumns, knownOf, reported, secondsIn } from './remembering-selectors.ts'

/** Name of the metric with which a client tells its utility, and of the column that keeps it. */
export const utilityMetric = 'utility'
const secondsColumn = endColumns.seconds
const lastColumn = 'last'

/** Seats of a round for each wanted update. */
const overCommitment = 1.3
/** Share of the last seat's score from which on ends are candidates. */
const cutOffShare = 0.95
/** Quantile at which utilities are clipped. */
const clipQuantile = 0.95
/** ε at first, its factor in each round, and its least value. */
const [firstExploration, explorationDecay, leastExploration] = [0.9, 0.98, 0.2] as const

/** By row: what is known of the ends that took part. NaN of the others. */
export interface OortColumns {
  readonly utility: Float32Array
  /** Duration of the last participation. */
  readonly seconds: Float32Array
  /** Round of the last participation. */
  readonly last: Float32Array
}

export interface OortMemory {
  /** Number of the last round. */
  readonly round: number
  /** ε of the next round. */
  readonly exploration: number
  /** Percentile of the durations that gives the preferred duration of the next round. 100 or more: none. */
  readonly threshold: number
  /** Σ of the utilities that the ends exploited in each round had. */
  readonly exploited: readonly number[]
}

export interface OortChoices {
  /** K: number of updates that a round needs. */
  readonly count: number
  readonly roundThreshold: number
  /** α */
  readonly alpha: number
  readonly pacerStep: number
  readonly pacerDelta: number
}

/** n·√(Σℓ²/n) of the losses of a client's examples. */
export function statisticalUtility(losses: ArrayLike<number>): number {
  let squares = 0
  for (let i = 0; i < losses.length; i++) squares += losses[i]! * losses[i]!
  return losses.length * Math.sqrt(squares / Math.max(1, losses.length))
}

/** ε after a round. */
export function nextExploration(exploration: number): number {
  return Math.max(leastExploration, exploration * explorationDecay)
}

/** T: the duration at the percentile `threshold`. Infinite from 100 on, and where no duration is known. */
export function preferredSeconds(
  seconds: Float32Array,
  threshold: number,
  known: number = numberOfKnown(seconds),
): number {
  if (threshold >= 100 || known === 0) return Number.POSITIVE_INFINITY
  return numberAtRank(seconds, Math.min(known - 1, Math.floor((known * threshold) / 100)))
}

/** The scores of the known ends in round t, by row. */
export function oortScores(
  { utility, seconds, last }: OortColumns,
  { round, threshold, alpha }: { readonly round: number; readonly threshold: number; readonly alpha: number },
  known: number = numberOfKnown(utility),
): {
  /** The most by which a bound is above the end's utility. */
  readonly mostBonus: number
  /** An upper bound of the score, which takes less time to compute: the score without regard to the duration. */
  boundOf(row: number): number
  scoreOf(row: number): number
} {
  const preferred = preferredSeconds(seconds, threshold, known)
  const most = numberAtRank(utility, Math.min(known - 1, Math.floor(clipQuantile * known)))
  // A million roots and quotients take longer than all else.
  const bonusAt = Float64Array.from({ length: round }, (_, since) => Math.sqrt((0.1 * log(round)) / since))
  const boundOf = (row: number) => Math.min(utility[row]!, most) + bonusAt[Math.trunc(last[row]!)]!
  return {
    // The first round is round 1.
    mostBonus: bonusAt[1] ?? 0,
    boundOf,
    scoreOf(row) {
      const score = boundOf(row)
      const took = seconds[row]!
      return took > preferred ? score * power(preferred / took, alpha) : score
    },
  }
}

/** The percentile of a round, from the utilities exploited in all rounds before. */
export function pacedThreshold(
  threshold: number,
  exploited: readonly number[],
  { pacerStep, pacerDelta }: Pick<OortChoices, 'pacerStep' | 'pacerDelta'>,
): number {
  if (exploited.length % pacerStep !== 0 || exploited.length < 2 * pacerStep) return threshold
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  const [before, last] = [exploited.slice(-2 * pacerStep, -pacerStep), exploited.slice(-pacerStep)]
  return sum(last) < sum(before) ? threshold + pacerDelta : threshold
}

/**
 * Oort: prefers ends whose examples have large losses and that answer in time, and explores ends that it doesn't know.
 *
 * Of ⌊1.3 K⌋ seats, a share 1 − ε goes to known ends, drawn in proportion to their scores among those near the best; the
 * others to unknown ends, uniformly. A pacer admits slower ends when the utility falls.
 *
 * @see Lai, Zhu, Madhyastha, Chowdhury, Oort: Efficient Federated Learning via Guided Participant Selection, OSDI 2021,
 *   algorithm 1.
 */
export function oortSelector(choices: OortChoices): Selector<OortMemory> {
  const { count, alpha, roundThreshold } = choices
  const start: OortMemory = { round: 0, exploration: firstExploration, threshold: roundThreshold, exploited: [] }
  return {
    columns: [utilityMetric, secondsColumn, lastColumn],
    select(population, random, memory = start) {
      const utility = population.known(utilityMetric)
      const known = numberOfKnown(utility)
      const seats = Math.min(population.size, oortSeats(count))
      const unknown = population.size - known
      const toExplore = Math.max(seats - known, Math.floor(memory.exploration * seats))
      const isUnknown = (row: number) => Number.isNaN(utility[row])
      const explored = drawnRows(population, Math.min(unknown, toExplore), random, isUnknown)
      const exploited = exploit(population, known, seats - explored.length, random, memory)
      // Where known ends aren't free, unknown ones take their seats.
      const taken = new Set(explored)
      const missing = seats - explored.length - exploited.length
      const more = drawnRows(population, missing, random, (row) => isUnknown(row) && !taken.has(row))
      return endsIn(population, Uint32Array.from([...explored, ...exploited, ...more]).toSorted())
    },
    remember(memory = start, finished, population) {
      const { round, selected } = finished
      const gained = selected.reduce((sum, end) => sum + (knownOf(population, utilityMetric, end) || 0), 0)
      const exploited = [...memory.exploited, gained].slice(-2 * choices.pacerStep * 2)
      return {
        memory: {
          round,
          exploration: nextExploration(memory.exploration),
          threshold: pacedThreshold(memory.threshold, exploited, choices),
          exploited,
        },
        known: {
          [utilityMetric]: reported(finished, ({ metrics }) => utilityIn(metrics)),
          [secondsColumn]: secondsIn(finished),
          [lastColumn]: reported(finished, () => round),
        },
      }
    },
  }

  /** Of the known ends that are free, `seats` near the best by their scores, or all if there are fewer. */
  function exploit(
    population: Population,
    known: number,
    seats: number,
    random: RandomStream,
    { round, threshold }: OortMemory,
  ): Uint32Array {
    if (seats < 1) return new Uint32Array()
    const isOpen = (row: number) => population.allFree || population.isFree(row)
    const utility = population.known(utilityMetric)
    const columns = { utility, seconds: population.known(secondsColumn), last: population.known(lastColumn) }
    const { mostBonus, boundOf, scoreOf } = oortScores(columns, { round: round + 1, threshold, alpha }, known)
    const best = new LeastKeys(seats)
    const rows = new Uint32Array(known)
    // The score of the last seat so far, and the number of rows that may be near it, which stay.
    let [worst, near] = [Number.NEGATIVE_INFINITY, 0]
    let least = worst
    for (let row = 0; row < utility.length; row++) {
      // NaN of an unknown row isn't above anything. Most rows of a large population need no more than this.
      if (!(utility[row]! + mostBonus >= least) || boundOf(row) < least) continue
      const score = scoreOf(row)
      if (score < least) continue
      rows[near++] = row
      if (score <= worst || !isOpen(row)) continue
      best.offer(row, -score)
      if (!best.isFull) continue
      worst = -best.greatest
      least = cutOffShare * worst
    }
    if (!best.isFull) return best.members()
    const weightOf = (index: number) => {
      const score = scoreOf(rows[index]!)
      return score >= cutOffShare * worst ? score : 0
    }
    const drawn = drawnByWeight(near, seats, weightOf, random, (index) => isOpen(rows[index]!))
    const exploited = drawn.map((index) => rows[index]!)
    // Ends whose scores are 0 are as likely as each other.
    const isIdle = (row: number) => !(scoreOf(row) > 0) && !Number.isNaN(utility[row])
    return Uint32Array.from([...exploited, ...drawnRows(population, seats - drawn.length, random, isIdle)])
  }
}

/** Number of ends that are selected so that K answer in time. */
export function oortSeats(count: number): number {
  return Math.floor(overCommitment * count + 1e-9)
}

/** A diverged client has no utility. */
function utilityIn({ [utilityMetric]: utility = 0 }: Readonly<Record<string, number>>): number {
  return Number.isFinite(Math.fround(utility)) ? Math.max(0, utility) : 0
}
