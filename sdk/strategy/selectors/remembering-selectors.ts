import type { Selector } from '../algorithm.ts'
import { drawn, drawnByWeight } from './draws.ts'

/** By end: a number that the last rounds told. */
type Known = Readonly<Record<string, number>>

const meanOf = (known: Known) => {
  const values = Object.values(known)
  return values.length === 0 ? 1 : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Selects the `count` ends that took part least often; of equal ones a random choice. */
export function fairSelector({ count }: { readonly count: number }): Selector<Known> {
  return {
    select(ends, random, times = {}) {
      const selected: string[] = []
      const timesOf = (end: string) => times[end] ?? 0
      for (const least of [...new Set(ends.map(timesOf))].toSorted((a, b) => a - b)) {
        const equal = ends.filter((end) => timesOf(end) === least)
        selected.push(...drawn(equal, Math.max(0, count - selected.length), random))
      }
      return selected.toSorted()
    },
    remember: (times = {}, { reports }) => ({
      ...times,
      ...Object.fromEntries(Object.keys(reports).map((end) => [end, (times[end] ?? 0) + 1])),
    }),
  }
}

/**
 * Draws `count` ends without replacement in proportion to their numbers of examples. An end that hasn't taken part yet
 * counts as the mean of those that have.
 *
 * @see Li, Huang, Yang, Wang, Zhang, On the Convergence of FedAvg on Non-IID Data, ICLR 2020.
 */
export function samplesSelector({ count }: { readonly count: number }): Selector<Known> {
  return {
    select: (ends, random, samples = {}) =>
      drawnByWeight(ends, count, (end) => samples[end] ?? meanOf(samples), random),
    remember: (samples = {}, { reports }) => ({
      ...samples,
      ...Object.fromEntries(Object.entries(reports).map(([end, report]) => [end, report.samples])),
    }),
  }
}

interface KnownLosses {
  readonly samples: Known
  readonly losses: Known
}

/** The `count` candidates of the highest losses, sorted. Of equal losses the first end. */
export function highestLosses(
  candidates: readonly string[],
  count: number,
  lossOf: (end: string) => number,
): readonly string[] {
  return candidates
    .toSorted((a, b) => lossOf(b) - lossOf(a))
    .slice(0, count)
    .toSorted()
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
}): Selector<KnownLosses> {
  const losses = samplesSelector({ count: candidates })
  return {
    select: (ends, random, memory) =>
      highestLosses(
        losses.select(ends, random, memory?.samples),
        count,
        (end) => memory?.losses[end] ?? Number.MAX_VALUE,
      ),
    remember: (memory, { reports }) => {
      const told = Object.entries(reports)
      return {
        samples: { ...memory?.samples, ...Object.fromEntries(told.map(([end, { samples }]) => [end, samples])) },
        losses: {
          ...memory?.losses,
          ...Object.fromEntries(told.map(([end, { metrics }]) => [end, lossIn(metrics)])),
        },
      }
    },
  }
}

interface TierMemory {
  /** By end: the seconds that it took, and the loss that it reported, when it was counted last. */
  readonly seconds: Known
  readonly losses: Known
  /** By tier: the rounds in which it was drawn since all credits were given. */
  readonly drawn: readonly number[]
  /** By tier: how likely it is drawn. Empty: all alike. */
  readonly odds: readonly number[]
}

const noTiers: TierMemory = { seconds: {}, losses: {}, drawn: [], odds: [] }

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
  const tiersOf = (ends: readonly string[], { seconds }: TierMemory): readonly (readonly string[])[] => {
    const byTime = ends.toSorted((a, b) => (seconds[a] ?? 0) - (seconds[b] ?? 0))
    const all = Math.min(tiers, Math.max(1, Math.floor(ends.length / count)))
    const borderOf = (tier: number) => Math.round((tier * byTime.length) / all)
    return Array.from({ length: all }, (_, tier) => byTime.slice(borderOf(tier), borderOf(tier + 1)).toSorted())
  }
  return {
    select(ends, random, memory = noTiers) {
      const { seconds, drawn: used, odds } = memory
      const unknown = ends.filter((end) => seconds[end] === undefined)
      if (unknown.length > 0) {
        const first = drawn(unknown, count, random)
        const others = ends.filter((end) => seconds[end] !== undefined)
        return [...first, ...drawn(others, count - first.length, random)].toSorted()
      }
      const all = tiersOf(ends, memory)
      const left = [...all.keys()].filter((tier) => (used[tier] ?? 0) < credits)
      const open = (left.length > 0 ? left : [...all.keys()]).map(String)
      const [tier = ''] = drawnByWeight(open, 1, (each) => odds[Number(each)] ?? 1, random)
      return drawn(all[Number(tier)] ?? [], count, random)
    },
    remember(memory = noTiers, { round, selected, reports }) {
      const told = Object.entries(reports)
      const seconds = { ...memory.seconds, ...Object.fromEntries(told.map(([end, each]) => [end, each.seconds])) }
      const losses = {
        ...memory.losses,
        ...Object.fromEntries(told.map(([end, { metrics }]) => [end, lossIn(metrics)])),
      }
      const known = Object.keys(memory.seconds).toSorted()
      const before = tiersOf(known, memory)
      const tier = before.findIndex((members) => selected.every((end) => members.includes(end)))
      const used = before.map((_, each) => (memory.drawn[each] ?? 0) + (each === tier ? 1 : 0))
      const isSpent = used.length > 0 && used.every((times) => times >= credits)
      const next = { seconds, losses, drawn: isSpent ? [] : used, odds: memory.odds }
      if (interval === undefined || round % interval !== 0) return next
      const means = tiersOf(Object.keys(seconds).toSorted(), next).map((members) =>
        meanOf(Object.fromEntries(members.map((end) => [end, losses[end] ?? 0]))),
      )
      const ranked = [...means.keys()].toSorted((a, b) => means[a]! - means[b]! || a - b)
      return { ...next, odds: means.map((_, each) => 1 + ranked.indexOf(each)) }
    },
  }
}

/** The loss among a client's metrics. One that isn't finite, as of a diverged client, counts as the least. */
export function lossIn({ loss = 0 }: Readonly<Record<string, number>>): number {
  return Number.isFinite(loss) ? loss : 0
}
