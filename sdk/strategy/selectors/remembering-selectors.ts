import type { FinishedRound, Selector } from '../algorithm.ts'
import { endsIn, type Population } from '../population.ts'
import { drawnByWeight, drawnRows, rowsByWeight } from './draws.ts'
import { knownRows, rowsByNumber } from './ranks.ts'

/** Names of the columns in which selectors remember numbers of ends. */
export const endColumns = {
  /** Rounds that counted the end. */
  times: 'times',
  /** Number of the end's examples. */
  samples: 'samples',
  /** The loss and the seconds of the end's last answer. */
  losses: 'losses',
  seconds: 'seconds',
} as const

/** A number of each report of a round, by end. */
export function reported(
  { reports }: FinishedRound,
  numberOf: (report: FinishedRound['reports'][string], end: string) => number,
): Record<string, number> {
  return Object.fromEntries(Object.entries(reports).map(([end, report]) => [end, numberOf(report, end)]))
}

/** The seconds of each report, by end. A clock that was set back would give fewer than 0. */
export function secondsIn(finished: FinishedRound): Record<string, number> {
  return reported(finished, ({ seconds }) => Math.max(0, seconds))
}

/** What is known of an end. NaN where nothing is. */
export function knownOf(population: Population, column: string, end: string): number {
  return population.known(column)[population.rowOf(end) ?? -1] ?? Number.NaN
}

/** Selects the `count` ends that took part least often; of equal ones a random choice. */
export function fairSelector({ count }: { readonly count: number }): Selector {
  const { times: column } = endColumns
  return {
    columns: [column],
    select(population, random) {
      const known = population.known(column)
      const timesOf = (row: number) => known[row]! || 0
      const selected: number[] = []
      for (let least = 0; selected.length < count && least < Infinity; least = leastAbove(least)) {
        const equal = (row: number) => timesOf(row) === least
        selected.push(...drawnRows(population, count - selected.length, random, equal))
      }
      return endsIn(population, Uint32Array.from(selected).toSorted())

      function leastAbove(bound: number): number {
        let least = Number.POSITIVE_INFINITY
        for (let row = 0; row < known.length; row++) {
          const times = timesOf(row)
          if (times > bound && times < least) least = times
        }
        return least
      }
    },
    remember(_, finished, population) {
      const timesOf = (end: string) => knownOf(population, column, end) || 0
      return { known: { [column]: reported(finished, (__, end) => timesOf(end) + 1) } }
    },
  }
}

/** The weight of each row by its number of examples. A row whose number isn't known counts as the mean of the known ones. */
export function weightsBySamples(population: Population): (row: number) => number {
  const samples = population.known(endColumns.samples)
  const mean = meanOf(samples)
  return (row) => {
    const known = samples[row]!
    return Number.isNaN(known) ? mean : known
  }
}

/** The mean of the numbers that are known. 1 where none is. */
function meanOf(numbers: Float32Array): number {
  let [sum, count] = [0, 0]
  // An iterator would take ten times as long.
  for (let row = 0; row < numbers.length; row++) {
    if (Number.isNaN(numbers[row])) continue
    sum += numbers[row]!
    count += 1
  }
  return count === 0 ? 1 : sum / count
}

/**
 * Draws `count` ends without replacement in proportion to their numbers of examples. An end that hasn't taken part yet
 * counts as the mean of those that have.
 *
 * @see Li, Huang, Yang, Wang, Zhang, On the Convergence of FedAvg on Non-IID Data, ICLR 2020.
 */
export function samplesSelector({ count }: { readonly count: number }): Selector {
  return {
    columns: [endColumns.samples],
    select: (population, random) =>
      endsIn(population, rowsByWeight(population, count, weightsBySamples(population), random)),
    remember: (_, finished) => ({ known: { [endColumns.samples]: reported(finished, ({ samples }) => samples) } }),
  }
}

/** The `count` candidates of the highest losses, in their order. Of equal losses the first candidate. */
export function highestLosses<Candidate>(
  candidates: readonly Candidate[],
  count: number,
  lossOf: (candidate: Candidate) => number,
): readonly Candidate[] {
  const highest = new Set(candidates.toSorted((a, b) => lossOf(b) - lossOf(a)).slice(0, count))
  return candidates.filter((candidate) => highest.has(candidate))
}

/**
 * Power-of-choice: of d candidates, drawn in proportion to their numbers of examples, the `count` of the highest losses.
 * The losses are those of the last participation (the paper's variant rpow-d); an end that hasn't taken part comes first.
 *
 * @see Cho, Wang, Joshi, Towards Understanding Biased Client Selection in Federated Learning, AISTATS 2022.
 */
export function powerOfChoice({
  count,
  candidates,
}: {
  readonly count: number
  readonly candidates: number
}): Selector {
  const { samples, losses } = endColumns
  return {
    columns: [samples, losses],
    select(population, random) {
      const known = population.known(losses)
      const lossOf = (row: number) => (Number.isNaN(known[row]) ? Number.MAX_VALUE : known[row]!)
      const drawn = rowsByWeight(population, candidates, weightsBySamples(population), random)
      return endsIn(population, highestLosses([...drawn], count, lossOf))
    },
    remember: (_, finished) => ({
      known: {
        [samples]: reported(finished, (report) => report.samples),
        [losses]: reported(finished, ({ metrics }) => lossIn(metrics)),
      },
    }),
  }
}

interface TierMemory {
  /** By tier: the rounds in which it was drawn since all credits were given. */
  readonly drawn: readonly number[]
  /** By tier: how likely it is drawn. Empty: all alike. */
  readonly odds: readonly number[]
}

const noTiers: TierMemory = { drawn: [], odds: [] }

/**
 * TiFL: ends lie in tiers by the time that they took; a round draws a tier, and `count` ends in it, so that no fast end
 * waits for a slow one. Ends that haven't taken part yet are a tier of their own, which comes first. A tier has credits for
 * a number of rounds. Every `interval` rounds the tiers are ranked by the mean loss of their ends: of n tiers, the one of
 * the greatest loss is n times as likely as that of the least.
 *
 * The paper ranks by the accuracy of the model on the tiers' test data, with odds from n − 1 to 0.
 *
 * @see Chai et al., TiFL: A Tier-based Federated Learning System, HPDC 2020, algorithm 2.
 */
export function tierSelector({
  count,
  tiers,
  credits = Number.POSITIVE_INFINITY,
  interval,
}: {
  readonly count: number
  readonly tiers: number
  readonly credits?: number | undefined
  readonly interval?: number | undefined
}): Selector<TierMemory> {
  const columns = [endColumns.seconds, endColumns.losses] as const

  /** The number of tiers, and the tier of each row whose time is known. */
  function tiersBy(seconds: Float32Array): { readonly all: number; readonly tierOf: (row: number) => number } {
    const byTime = rowsByNumber(knownRows(seconds), seconds)
    const known = byTime.length
    const all = Math.min(tiers, Math.max(1, Math.floor(known / count)))
    const tierAt = new Int32Array(seconds.length).fill(-1)
    for (let tier = 0; tier < all; tier++) {
      const border = (of: number) => Math.round((of * known) / all)
      for (let rank = border(tier); rank < border(tier + 1); rank++) tierAt[byTime[rank]!] = tier
    }
    return { all, tierOf: (row) => tierAt[row] ?? -1 }
  }

  return {
    columns,
    select(population, random, { drawn: used, odds } = noTiers) {
      const seconds = population.known(endColumns.seconds)
      const first = drawnRows(population, count, random, (row) => Number.isNaN(seconds[row]))
      if (first.length > 0) {
        const others = drawnRows(population, count - first.length, random, (row) => !Number.isNaN(seconds[row]))
        return endsIn(population, Uint32Array.from([...first, ...others]).toSorted())
      }
      const { all, tierOf } = tiersBy(seconds)
      const each = Array.from({ length: all }, (_, tier) => tier)
      const left = each.filter((tier) => (used[tier] ?? 0) < credits)
      const open = new Set(left.length > 0 ? left : each)
      // No end of a tier may be free.
      while (open.size > 0) {
        const among = [...open]
        const [at = 0] = drawnByWeight(among.length, 1, (index) => odds[among[index]!] ?? 1, random)
        const rows = drawnRows(population, count, random, (row) => tierOf(row) === among[at])
        if (rows.length > 0) return endsIn(population, rows)
        open.delete(among[at]!)
      }
      return []
    },
    remember(memory = noTiers, finished, population) {
      const seconds = secondsIn(finished)
      const losses = reported(finished, ({ metrics }) => lossIn(metrics))
      const known = { [endColumns.seconds]: seconds, [endColumns.losses]: losses }
      const before = tiersBy(population.known(endColumns.seconds))
      const drawnFrom = new Set(finished.selected.map((end) => before.tierOf(population.rowOf(end) ?? -1)))
      const used = Array.from({ length: before.all }, (_, tier) => {
        const isDrawn = drawnFrom.size === 1 && drawnFrom.has(tier)
        return (memory.drawn[tier] ?? 0) + (isDrawn ? 1 : 0)
      })
      const isSpent = used.every((times) => times >= credits)
      const next = { drawn: isSpent ? [] : used, odds: memory.odds }
      if (interval === undefined || finished.round % interval !== 0) return { memory: next, known }
      const { all, tierOf } = tiersBy(columnWith(population, endColumns.seconds, seconds))
      const lossAt = columnWith(population, endColumns.losses, losses)
      const sums = Array.from({ length: all }, () => ({ loss: 0, ends: 0 }))
      for (let row = 0; row < lossAt.length; row++) {
        const sum = sums[tierOf(row)]
        if (!sum) continue
        sum.loss += lossAt[row] || 0
        sum.ends += 1
      }
      const means = sums.map(({ loss, ends }) => (ends === 0 ? 1 : loss / ends))
      const ranked = [...means.keys()].toSorted((a, b) => means[a]! - means[b]! || a - b)
      return { memory: { ...next, odds: means.map((_, tier) => 1 + ranked.indexOf(tier)) }, known }
    },
  }
}

/** A copy of a column, with numbers by end in place of those that were known. */
export function columnWith(
  population: Population,
  column: string,
  numbers: Readonly<Record<string, number>>,
): Float32Array {
  const copy = population.known(column).slice()
  for (const [end, number] of Object.entries(numbers)) {
    const row = population.rowOf(end)
    if (row !== undefined) copy[row] = number
  }
  return copy
}

/** The loss among a client's metrics. One that isn't finite, as of a diverged client, counts as the least. */
export function lossIn({ loss = 0 }: Readonly<Record<string, number>>): number {
  // The greatest losses aren't finite once they are rounded to float32.
  return Number.isFinite(Math.fround(loss)) ? loss : 0
}
