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
          ...Object.fromEntries(told.map(([end, { metrics }]) => [end, metrics.loss ?? 0])),
        },
      }
    },
  }
}

/**
 * TiFL: ends lie in tiers by the time that they took; a round draws a tier, and `count` ends in it, so that no fast end
 * waits for a slow one. Ends that haven't taken part yet are a tier of their own, which comes first.
 *
 * @see Chai et al., TiFL: A Tier-based Federated Learning System, HPDC 2020. Tiers are drawn uniformly.
 */
export function tierSelector({ count, tiers }: { readonly count: number; readonly tiers: number }): Selector<Known> {
  return {
    select(ends, random, seconds = {}) {
      const unknown = ends.filter((end) => seconds[end] === undefined)
      if (unknown.length > 0) {
        const first = drawn(unknown, count, random)
        const others = ends.filter((end) => seconds[end] !== undefined)
        return [...first, ...drawn(others, count - first.length, random)].toSorted()
      }
      const byTime = ends.toSorted((a, b) => (seconds[a] ?? 0) - (seconds[b] ?? 0))
      const all = Math.min(tiers, Math.max(1, Math.floor(ends.length / count)))
      const tier = random.below(all)
      const [from, to] = [tier, tier + 1].map((each) => Math.round((each * byTime.length) / all))
      return drawn(byTime.slice(from, to).toSorted(), count, random)
    },
    remember: (seconds = {}, { reports }) => ({
      ...seconds,
      ...Object.fromEntries(Object.entries(reports).map(([end, report]) => [end, report.seconds])),
    }),
  }
}
