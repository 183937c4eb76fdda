import type { CodedError } from '../../runtime/index.ts'
import { HeldDelta } from '../sum/accumulator.ts'
import { refusalOf, sumError } from '../sum/errors.ts'
import { type MetricPartial, type MetricSum, metricSum } from '../sum/exact-sums.ts'
import { type NamedSums, namedSums, type PartialSums } from '../sum/named-sums.ts'
import { unpacked } from '../sum/packed-vector.ts'
import type { Layout } from '../weights/layout.ts'
import type { Aggregate, Aggregation, Algorithm, Contribution, EachContribution } from './algorithm.ts'
import { summedLayout } from './shared-part.ts'

/** A part of a round's sum, which can be sent and merged. */
export interface RoundPartial {
  readonly sums: PartialSums
  readonly metrics: MetricPartial
  readonly members: readonly string[]
  /** Members that have lost their own state, and started anew. Absent where none has. */
  readonly anew?: readonly string[]
}

/**
 * A round's contributions, summed or collected as an algorithm's aggregation requires. Depends only on the set of
 * contributions.
 */
export interface RoundSum {
  /** Ends whose contributions are included, sorted. An end counts once, added or merged. */
  readonly members: readonly string[]
  readonly metrics: MetricSum
  /**
   * Adds a contribution. Refuses as `NamedSums.add` does, without a change. Where the aggregation needs `each`, no vector
   * may be held in another thread.
   */
  add(end: string, contribution: Contribution): void
  /**
   * Adds several contributions with the result of single `add` calls, in fewer passes over memory. Returns for each
   * contribution the error that refused it, or undefined.
   */
  addAll(
    contributions: readonly { readonly end: string; readonly contribution: Contribution }[],
  ): readonly (CodedError | undefined)[]
  /** Adds a part, or a share of it; `from` names its sender. Refuses as `NamedSums.merge` does, without a change. */
  merge(from: string, part: RoundPartial, weight?: number): void
  /** Collects the held vectors from their threads. Call before `partial` and `aggregate`. */
  settle(): Promise<void>
  partial(): RoundPartial
  aggregate(of: Pick<Aggregate, 'round' | 'population' | 'root'>): Aggregate
}

/** Makes an empty sum. `sums` must have the aggregation's vectors and weight bits. */
export function roundSum({ needs }: Aggregation, sums: NamedSums): RoundSum {
  const members = new Set<string>()
  const metrics = metricSum()
  const each: EachContribution[] = []
  let inOrder: readonly string[] | undefined
  const sorted = () => {
    inOrder ??= [...members].toSorted()
    return inOrder
  }
  const noteMember = (end: string) => {
    members.add(end)
    inOrder = undefined
  }
  const faultOf = (end: string, { samples }: Contribution) =>
    Number.isSafeInteger(samples) && samples >= 0 ? undefined : sumError('SUM_SAMPLES', { end, samples })
  const weighted = (end: string, { vectors, scalars, weight }: Contribution) =>
    scalars ? { end, vectors, weight, scalars } : { end, vectors, weight }
  const noteAdded = (end: string, contribution: Contribution) => {
    metrics.add(contribution.samples, contribution.metrics)
    noteMember(end)
    if (needs === 'each') each.push({ end, ...contribution, vectors: arraysOf(end, contribution.vectors) })
  }
  const add = (end: string, contribution: Contribution) => {
    const fault = faultOf(end, contribution)
    if (fault) throw fault
    sums.add(weighted(end, contribution))
    noteAdded(end, contribution)
  }
  const addAll: RoundSum['addAll'] = (contributions) => {
    const [only] = contributions
    if (only && contributions.length === 1) return [refusalOf(() => add(only.end, only.contribution))]
    const faults = contributions.map(({ end, contribution }) => faultOf(end, contribution))
    const fitting = contributions.filter((_, index) => !faults[index])
    const added = sums.addAll(fitting.map(({ end, contribution }) => weighted(end, contribution))).values()
    return contributions.map(({ end, contribution }, index) => {
      const refusal = faults[index] ?? added.next().value
      if (!refusal) noteAdded(end, contribution)
      return refusal
    })
  }
  return {
    get members() {
      return sorted()
    },
    metrics,
    add,
    addAll,
    merge(from, part, weight) {
      if (part.members.length === 0) return
      sums.merge(from, part.sums, weight)
      metrics.merge(part.metrics)
      for (const member of part.members) noteMember(member)
    },
    settle: () => sums.settle(),
    partial: () => ({ sums: sums.partial(), metrics: metrics.partial(), members: sorted() }),
    aggregate: (of) => ({
      ...of,
      members: sorted(),
      weight: sums.weight,
      updates: sums.updates,
      mean: (vector) => sums.mean(vector),
      sum: (vector) => sums.total(vector),
      scalars: sums.scalars(),
      each: each.toSorted((a, b) => (a.end < b.end ? -1 : 1)),
    }),
  }
}

function arraysOf(end: string, vectors: Contribution['vectors']): EachContribution['vectors'] {
  const arrays = Object.entries(vectors).flatMap(([name, vector]) => {
    if (vector instanceof HeldDelta) return []
    return [[name, vector instanceof Float32Array ? vector : unpacked(vector, end)] as const]
  })
  const { delta, ...others } = Object.fromEntries(arrays)
  if (!delta || arrays.length < Object.keys(vectors).length)
    throw new TypeError('the aggregation needs each contribution, but one of its vectors is held in another thread')
  return { ...others, delta }
}

/** Aggregates contributions, by their ends, as a job does, but at once and without a role. */
export function joined(
  { aggregation }: Pick<Algorithm, 'aggregation'>,
  layout: Layout,
  contributions: Readonly<Record<string, Contribution>>,
  of: Parameters<RoundSum['aggregate']>[0],
): Aggregate {
  const { vectors, weightBits = 0 } = aggregation
  const summed = summedLayout(aggregation, layout)
  const sum = roundSum(aggregation, namedSums({ layout: summed, vectors, weightBits, name: 'joined' }))
  for (const [end, contribution] of Object.entries(contributions)) sum.add(end, contribution)
  return sum.aggregate(of)
}
