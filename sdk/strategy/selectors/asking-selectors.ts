import { mostFrequent } from '../../data/examples.ts'
import type { RoleLearner } from '../../learn/role-learner.ts'
import type { Answer, ClientAssignment, Selector } from '../algorithm.ts'
import { freeEnds, type Population } from '../population.ts'
import { drawnEnds, drawnNumbers } from './draws.ts'
import { columnWith, endColumns, highestLosses, lossIn, samplesSelector } from './remembering-selectors.ts'

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
}): Selector {
  const bySamples = samplesSelector({ count: Math.max(count, candidates) })
  return {
    columns: [endColumns.samples],
    candidates: (population, random) => bySamples.select(population, random),
    select(population, random, _, told) {
      const losses = new Map(told?.map(({ end, numbers }) => [end, lossIn(numbers)]))
      const asked = told?.map(({ end }) => end).filter((end) => isFreeEnd(population, end))
      return highestLosses(asked ?? bySamples.select(population, random), count, (end) => losses.get(end) ?? 0)
    },
    remember: (_, { told = [] }) => ({ known: { [endColumns.samples]: samplesOf(told) } }),
  }
}

function isFreeEnd(population: Population, end: string): boolean {
  const row = population.rowOf(end)
  return row !== undefined && (population.allFree || population.isFree(row))
}

/** Tells the loss of the round's weights on the client's examples. */
export async function tellLoss({ round, weights }: ClientAssignment, learner: RoleLearner) {
  const { samples, metrics } = await learner.loss(weights, { round })
  return { samples, numbers: { loss: metrics.loss ?? 0 } }
}

/** The column with the stratum of each end. */
const stratumColumn = 'stratum'

/**
 * Stratified: ends lie in strata by a property of their data, which each end is asked for once. A stratum has seats in
 * proportion to its number of examples, by largest remainders, and at most one for each end; within a stratum the choice
 * is uniform.
 *
 * @see Fraboni, Vidal, Kameni, Lorenzi, Clustered Sampling, ICML 2021.
 */
export function stratifiedSelector({ count }: { readonly count: number }): Selector {
  return {
    columns: [stratumColumn, endColumns.samples],
    candidates(population) {
      const known = population.known(stratumColumn)
      return freeEnds(population, (row) => Number.isNaN(known[row]))
    },
    select(population, random, _, told) {
      if (!told) return drawnEnds(population, count, random)
      const places = placesOf(told)
      const stratumAt = columnWith(population, stratumColumn, places[stratumColumn])
      const samplesAt = columnWith(population, endColumns.samples, places[endColumns.samples])
      const strata = new Map<number, { most: number; weight: number }>()
      for (let row = 0; row < population.size; row++) {
        // A row that isn't free has no stratum.
        if (!population.allFree && !population.isFree(row)) stratumAt[row] = Number.NaN
        const number = stratumAt[row]!
        if (Number.isNaN(number)) continue
        const stratum = strata.get(number) ?? { most: 0, weight: 0 }
        stratum.most += 1
        stratum.weight += samplesAt[row] || 0
        strata.set(number, stratum)
      }
      const ordered = [...strata].toSorted(([a], [b]) => a - b)
      const seats = seatsOf(
        ordered.map(([, stratum]) => stratum),
        count,
      )
      // Of each stratum: which of its rows are drawn, and how many were passed.
      const draws = new Map<number, { readonly drawn: Uint32Array; taken: number; passed: number }>()
      for (const [index, [number, { most }]] of ordered.entries())
        draws.set(number, { drawn: drawnNumbers(most, seats[index] ?? 0, random), taken: 0, passed: 0 })
      const selected: string[] = []
      for (let row = 0; row < population.size; row++) {
        const draw = draws.get(stratumAt[row]!)
        if (!draw || draw.taken === draw.drawn.length) continue
        if (draw.passed === draw.drawn[draw.taken]) {
          selected.push(population.endAt(row))
          draw.taken += 1
        }
        draw.passed += 1
      }
      return selected
    },
    remember: (_, { told = [] }) => ({ known: placesOf(told) }),
  }
}

function placesOf(told: readonly Answer[]) {
  const strata = told.map(({ end, numbers }) => [end, numbers.stratum ?? 0] as const)
  return { [stratumColumn]: Object.fromEntries(strata), [endColumns.samples]: samplesOf(told) }
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
    return { samples, numbers: { stratum: mostFrequent(columns[column] ?? []) ?? 0 } }
  }
}
