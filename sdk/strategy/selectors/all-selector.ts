import type { Selector } from '../algorithm.ts'
import { freeEnds } from '../population.ts'
import { drawnEnds } from './draws.ts'

/** Selects every end in every round. */
export function allSelector(): Selector {
  return {
    select: (population) => freeEnds(population),
    one: (population, random) => drawnEnds(population, 1, random)[0],
  }
}
