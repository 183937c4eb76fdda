import type { Selector } from '../algorithm.ts'
import { endsIn, type Population } from '../population.ts'
import { drawnRows } from './draws.ts'
import { rowsByNumber } from './ranks.ts'
import { endColumns, secondsIn } from './remembering-selectors.ts'

/**
 * FedCS: of the candidates as many as are expected to finish by a deadline, by the time that each took when it was last
 * counted. An end that hasn't been counted yet is expected to take no time, so that its time becomes known. If no
 * candidate would be in time, the fastest one is selected.
 *
 * Ends train at the same time, and upload one after another. Again and again the end is selected that adds the least time
 * to the round, while the round ends by the deadline: where Θ is the end of the last upload, an end adds
 * max(0, training − Θ) + upload. The paper asks ends for their times of training and of upload; here a fixed share of the
 * whole time is the upload's, so that the end with the least time is always the one that adds the least.
 *
 * @see Nishio, Yonetani, Client Selection for Federated Learning with Heterogeneous Resources in Mobile Edge, ICC 2019,
 *   algorithm 3.
 */
export function deadlineSelector({
  deadlineSeconds,
  candidates = Number.POSITIVE_INFINITY,
  uploadShare,
}: {
  readonly deadlineSeconds: number
  readonly candidates?: number | undefined
  readonly uploadShare: number
}): Selector {
  const { seconds: column } = endColumns
  return {
    columns: [column],
    select(population, random) {
      const seconds = population.known(column).map((known) => (Number.isNaN(known) ? 0 : known))
      const asked = candidates < population.size ? drawnRows(population, candidates, random) : freeRows(population)
      const ascending = rowsByNumber(asked, seconds)
      let [finish, inTime] = [0, 0]
      for (const row of ascending) {
        const whole = seconds[row]!
        const added = Math.max(0, (1 - uploadShare) * whole - finish) + uploadShare * whole
        if (finish + added > deadlineSeconds) break
        finish += added
        inTime += 1
      }
      return endsIn(population, ascending.slice(0, Math.max(1, inTime)).toSorted())
    },
    remember: (_, finished) => ({ known: { [column]: secondsIn(finished) } }),
  }
}

function freeRows(population: Population): Uint32Array {
  const rows = Uint32Array.from({ length: population.size }, (_, row) => row)
  return population.allFree ? rows : rows.filter((row) => population.isFree(row))
}
