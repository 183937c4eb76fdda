import type { CodedError } from '../../runtime/index.ts'
import { sumError } from '../sum/errors.ts'
import { type MetricPartial, type MetricSum, metricSum } from '../sum/exact-sums.ts'
import { type NamedSums, namedSums, type PartialSums } from '../sum/named-sums.ts'
import type { Layout } from '../weights/layout.ts'
import type { Aggregate, Aggregation, Algorithm, Contribution, EachContribution } from './algorithm.ts'

/** A part of a round's contributions that can travel and be merged. */
export interface RoundPartial {
  readonly sums: PartialSums
  readonly metrics: MetricPartial
  readonly members: readonly string[]
}

/** A round's contributions, joined as an algorithm's aggregation says: a function of their set. */
export interface RoundSum {
  /** Ends whose contributions are in it, sorted. An end counts once, whatever way its contribution came. */
  readonly members: readonly string[]
  readonly metrics: MetricSum
  /** Refuses as `NamedSums.add` does, changing nothing. Where the aggregation needs each, vectors are arrays. */
  add(end: string, contribution: Contribution): void
  /**
   * Adds several, as `add` does one after another, in fewer passes over memory. Answers for each with the error by which it's
   * refused, or undefined.
   */
  addAll(
    contributions: readonly { readonly end: string; readonly contribution: Contribution }[],
  ): readonly (CodedError | undefined)[]
  /** Adds a part; `from` names its sender. Refuses as `NamedSums.merge` does, changing nothing. */
  merge(from: string, part: RoundPartial): void
  /** Brings in the held vectors. Before `partial` and `aggregate`. */
  settle(): Promise<void>
  partial(): RoundPartial
  aggregate(of: { readonly round: number; readonly population: number }): Aggregate
}

/** Begins with nothing. `sums` must be those of the aggregation's vectors and weights. */
export function roundSum({ needs }: Aggregation, sums: NamedSums): RoundSum {
  const members = new Set<string>()
  const metrics = metricSum()
  const each: EachContribution[] = []
  const sorted = () => [...members].toSorted()
  const addAll: RoundSum['addAll'] = (contributions) => {
    const faults = contributions.map(({ end, contribution: { samples } }) =>
      Number.isSafeInteger(samples) && samples >= 0 ? undefined : sumError('SUM_SAMPLES', { end, samples }),
    )
    const fitting = contributions.filter((_, index) => !faults[index])
    const added = sums
      .addAll(
        fitting.map(({ end, contribution: { vectors, scalars, weight } }) => ({
          end,
          vectors,
          weight,
          ...(scalars && { scalars }),
        })),
      )
      .values()
    return contributions.map(({ end, contribution }, index) => {
      const refusal = faults[index] ?? added.next().value
      if (refusal) return refusal
      metrics.add(contribution.samples, contribution.metrics)
      members.add(end)
      if (needs === 'each') each.push({ end, ...contribution, vectors: arraysOf(contribution.vectors) })
      return undefined
    })
  }
  return {
    get members() {
      return sorted()
    },
    metrics,
    add(end, contribution) {
      const [refusal] = addAll([{ end, contribution }])
      if (refusal) throw refusal
    },
    addAll,
    merge(from, part) {
      if (part.members.length === 0) return
      sums.merge(from, part.sums)
      metrics.merge(part.metrics)
      for (const member of part.members) members.add(member)
    },
    settle: () => sums.settle(),
    partial: () => ({ sums: sums.partial(), metrics: metrics.partial(), members: sorted() }),
    aggregate: ({ round, population }) => ({
      round,
      population,
      members: sorted(),
      weight: sums.weight,
      mean: (vector) => sums.mean(vector),
      sum: (vector) => sums.total(vector),
      scalars: sums.scalars(),
      each: each.toSorted((a, b) => (a.end < b.end ? -1 : 1)),
    }),
  }
}

function arraysOf(vectors: Contribution['vectors']): EachContribution['vectors'] {
  const arrays = Object.entries(vectors).flatMap(([name, vector]) =>
    vector instanceof Float32Array ? [[name, vector] as const] : [],
  )
  const { delta, ...others } = Object.fromEntries(arrays)
  if (!delta || arrays.length < Object.keys(vectors).length)
    throw new TypeError('each contribution is needed, and one of its vectors is held elsewhere')
  return { ...others, delta }
}

/** Contributions by their ends, joined at once and without a role: as a job joins them. */
export function joined(
  { aggregation }: Pick<Algorithm, 'aggregation'>,
  layout: Layout,
  contributions: Readonly<Record<string, Contribution>>,
  of: Parameters<RoundSum['aggregate']>[0],
): Aggregate {
  const { vectors, weightBits = 0 } = aggregation
  const sum = roundSum(aggregation, namedSums({ layout, vectors, weightBits, name: 'joined' }))
  for (const [end, contribution] of Object.entries(contributions)) sum.add(end, contribution)
  return sum.aggregate(of)
}
