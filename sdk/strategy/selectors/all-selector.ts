import type { Selector } from '../algorithm.ts'
import { freeEnds } from '../population.ts'
import { drawnEnd } from './draws.ts'

/** Selects every end in every round. */
export function allSelector(): Selector {
  return {
    select: (population) => freeEnds(population),
    one: drawnEnd,
  }
}
