import type { Selector } from '../algorithm.ts'
import { freeEnds } from '../population.ts'

/**
 * Selects each end by itself with probability q, so that a round has more or fewer ends, perhaps none: the sampling whose
 * effect on privacy the accountant knows.
 */
export function poissonSelector({ probability }: { readonly probability: number }): Selector {
  return {
    select(population, random) {
      if (probability === 1) return freeEnds(population)
      const selected: string[] = []
      for (let row = 0; row < population.size; row++)
        if (random.uniform() < probability && (population.allFree || population.isFree(row)))
          selected.push(population.endAt(row))
      return selected
    },
  }
}
