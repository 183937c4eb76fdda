import type { RoleLearner } from '../../learn/role-learner.ts'
import type { Answer, ClientAssignment, Selector } from '../algorithm.ts'
import { drawn } from './draws.ts'
import { highestLosses, lossIn, samplesSelector } from './remembering-selectors.ts'

type Known = Readonly<Record<string, number>>

const samplesOf = (told: readonly Answer[]) => Object.fromEntries(told.map(({ end, samples }) => [end, samples]))

/**
 * Power-of-choice: d candidates are drawn in proportion to their numbers of examples and asked for the loss of the round's
 * weights on their examples; the `count` of the highest losses are selected. A number of examples is known once an end
 * was a candidate; until then an end counts as the mean of those that are known.
 *
 * @see Cho, Wang, Joshi, Towards Understanding Biased Client Selection in Federated Learning, AISTATS 2022, pow-d.
 */
export function askedPowerOfChoice({
  count,
  candidates,
}: {
  readonly count: number
  readonly candidates: number
}): Selector<Known> {
  const bySamples = samplesSelector({ count: Math.max(count, candidates) })
  return {
    candidates: (ends, random, samples) => bySamples.select(ends, random, samples),
    select(ends, random, samples, told) {
      const losses = new Map(told?.map(({ end, numbers }) => [end, lossIn(numbers)]))
      const present = new Set(ends)
      const asked = told?.map(({ end }) => end).filter((end) => present.has(end))
      return highestLosses(asked ?? bySamples.select(ends, random, samples), count, (end) => losses.get(end) ?? 0)
    },
    remember: (samples = {}, { told = [] }) => ({ ...samples, ...samplesOf(told) }),
  }
}

/** Tells the loss of the round's weights on the client's examples. */
export async function tellLoss({ round, weights }: ClientAssignment, learner: RoleLearner) {
  const { samples, metrics } = await learner.loss(weights, { round })
  return { samples, numbers: { loss: metrics.loss ?? 0 } }
}

/** An end's stratum, and its number of examples. */
interface Placed {
  readonly stratum: number
  readonly samples: number
}

/**
 * Stratified: ends lie in strata by a property of their data, which each end is asked for once. A stratum has seats in
 * proportion to its number of examples, by largest remainders, and at most one for each end; within a stratum the choice
 * is uniform.
 *
 * @see Fraboni, Vidal, Kameni, Lorenzi, Clustered Sampling, ICML 2021.
 */
export function stratifiedSelector({ count }: { readonly count: number }): Selector<Readonly<Record<string, Placed>>> {
  return {
    candidates: (ends, _, placed = {}) => ends.filter((end) => !placed[end]),
    select(ends, random, before = {}, told) {
      if (!told) return drawn(ends, count, random)
      const placed = { ...before, ...placesOf(told) }
      const strata = new Map<number, string[]>()
      for (const end of ends) {
        const place = placed[end]
        if (place) strata.set(place.stratum, [...(strata.get(place.stratum) ?? []), end])
      }
      const ordered = [...strata].toSorted(([a], [b]) => a - b).map(([, members]) => members)
      const seats = seatsOf(
        ordered.map((members) => ({
          most: members.length,
          weight: members.reduce((sum, end) => sum + (placed[end]?.samples ?? 0), 0),
        })),
        count,
      )
      return ordered.flatMap((members, index) => drawn(members, seats[index] ?? 0, random)).toSorted()
    },
    remember: (placed = {}, { told = [] }) => ({ ...placed, ...placesOf(told) }),
  }
}

function placesOf(told: readonly Answer[]): Record<string, Placed> {
  return Object.fromEntries(
    told.map(({ end, samples, numbers }) => [end, { stratum: numbers.stratum ?? 0, samples }] as const),
  )
}

/**
 * Shares `count` seats out in proportion to weights, by largest remainders, of equal ones the first. Seats beyond `most`
 * are shared out again among the others, in the same way.
 */
export function seatsOf(
  parties: readonly { readonly weight: number; readonly most: number }[],
  count: number,
): readonly number[] {
  const seats = parties.map(() => 0)
  let left = Math.min(
    count,
    parties.reduce((sum, { most }) => sum + most, 0),
  )
  while (left > 0) {
    const open = parties.flatMap(({ weight, most }, index) => (seats[index]! < most ? [{ index, weight, most }] : []))
    const total = open.reduce((sum, { weight }) => sum + weight, 0)
    const shares = open.map(({ index, weight, most }) => {
      const quota = total > 0 ? (left * weight) / total : left / open.length
      // A quota that should be whole may come out a little below.
      const whole = Math.floor(quota + 1e-9)
      return { index, whole, rest: Math.max(0, quota - whole), room: most - seats[index]! }
    })
    let remainders = left - shares.reduce((sum, { whole }) => sum + whole, 0)
    for (const { index, whole, room } of shares.toSorted((a, b) => b.rest - a.rest || a.index - b.index)) {
      const extra = remainders > 0 ? 1 : 0
      remainders -= extra
      const given = Math.min(whole + extra, room)
      seats[index]! += given
      left -= given
    }
  }
  return seats
}

/** Tells the most frequent value of a column in the client's examples, of equally frequent ones the least. */
export function tellStratum(column: string) {
  return async ({ round, weights }: ClientAssignment, learner: RoleLearner) => {
    const { samples, columns = {} } = await learner.loss(weights, { columns: [column], round })
    const counts = new Map<number, number>()
    for (const value of columns[column] ?? []) counts.set(value, (counts.get(value) ?? 0) + 1)
    const [[stratum = 0] = []] = [...counts].toSorted(([a, many], [b, more]) => more - many || a - b)
    return { samples, numbers: { stratum } }
  }
}
