import { exp, log } from '../../random/elementary.ts'
import type { RandomStream } from '../../random/random-stream.ts'
import type { FinishedRound, Selector } from '../algorithm.ts'
import { drawn, drawnByWeight } from './draws.ts'

/** Name of the metric with which a client tells its utility. */
export const utilityMetric = 'utility'

/** Seats of a round for each wanted update. */
const overCommitment = 1.3
/** Share of the last seat's score from which on ends are candidates. */
const cutOffShare = 0.95
/** Quantile at which utilities are clipped. */
const clipQuantile = 0.95
/** ε at first, its factor in each round, and its least value. */
const [firstExploration, explorationDecay, leastExploration] = [0.9, 0.98, 0.2] as const

/** What is known of an end that took part. */
export interface KnownEnd {
  readonly utility: number
  readonly seconds: number
  readonly last: number
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
  readonly ends: Readonly<Record<string, KnownEnd>>
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
export function preferredSeconds(ends: readonly KnownEnd[], threshold: number): number {
  const durations = ends.map(({ seconds }) => seconds).toSorted((a, b) => a - b)
  if (threshold >= 100) return Number.POSITIVE_INFINITY
  return durations[Math.min(durations.length - 1, Math.floor((durations.length * threshold) / 100))] ?? Infinity
}

/** The score of each known end in round t. */
export function oortScores(
  ends: Readonly<Record<string, KnownEnd>>,
  { round, threshold, alpha }: { readonly round: number; readonly threshold: number; readonly alpha: number },
): Record<string, number> {
  const known = Object.values(ends)
  const preferred = preferredSeconds(known, threshold)
  const utilities = known.map(({ utility }) => utility).toSorted((a, b) => a - b)
  const most = utilities[Math.min(utilities.length - 1, Math.floor(clipQuantile * utilities.length))] ?? 0
  return Object.fromEntries(
    Object.entries(ends).map(([end, { utility, seconds, last }]) => {
      const score = Math.min(utility, most) + Math.sqrt((0.1 * log(round)) / last)
      return [end, seconds > preferred ? score * exp(alpha * log(preferred / seconds)) : score]
    }),
  )
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
  const start: OortMemory = {
    ...{ round: 0, exploration: firstExploration, threshold: roundThreshold },
    ...{ exploited: [], ends: {} },
  }
  return {
    select(ends, random, memory = start) {
      const seats = Math.min(ends.length, oortSeats(count))
      const known = ends.filter((end) => memory.ends[end])
      const unknown = ends.filter((end) => !memory.ends[end])
      const toExplore = Math.max(seats - known.length, Math.floor(memory.exploration * seats))
      const exploring = Math.min(unknown.length, toExplore)
      const exploited = exploit(known, seats - exploring, random, memory)
      return [...exploited, ...drawn(unknown, exploring, random)].toSorted()
    },
    remember(memory = start, finished) {
      const { round, selected, reports } = finished
      const gained = selected.reduce((sum, end) => sum + (memory.ends[end]?.utility ?? 0), 0)
      const exploited = [...memory.exploited, gained].slice(-2 * choices.pacerStep * 2)
      return {
        round,
        exploration: nextExploration(memory.exploration),
        threshold: pacedThreshold(memory.threshold, exploited, choices),
        exploited,
        ends: { ...memory.ends, ...knownFrom(reports, round) },
      }
    },
  }

  function exploit(known: readonly string[], seats: number, random: RandomStream, memory: OortMemory) {
    const present = Object.fromEntries(known.flatMap((end) => (memory.ends[end] ? [[end, memory.ends[end]]] : [])))
    const scores = oortScores(present, { round: memory.round + 1, threshold: memory.threshold, alpha })
    const descending = known.toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
    const last = descending[seats - 1]
    if (last === undefined) return known
    const cutOff = cutOffShare * (scores[last] ?? 0)
    const candidates = known.filter((end) => (scores[end] ?? 0) >= cutOff)
    return drawnByWeight(candidates, seats, (end) => scores[end] ?? 0, random)
  }
}

/** Number of ends that are selected so that K answer in time. */
export function oortSeats(count: number): number {
  return Math.floor(overCommitment * count + 1e-9)
}

function knownFrom(reports: FinishedRound['reports'], round: number): Record<string, KnownEnd> {
  return Object.fromEntries(
    Object.entries(reports).map(([end, { metrics, seconds }]) => {
      const { [utilityMetric]: utility = 0 } = metrics
      // A diverged client has no utility.
      return [end, { utility: Number.isFinite(utility) ? utility : 0, seconds, last: round }]
    }),
  )
}
