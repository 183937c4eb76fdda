import type { Selector } from '../algorithm.ts'
import { settingValues } from '../settings.ts'
import { drawnEnds, oneOfRandom } from './draws.ts'

const settings = {
  fraction: { kind: 'number', above: 0, most: 1, help: 'C: fraction of the ends that are selected' },
} as const

/**
 * Selects a uniformly random subset, a fraction C of the ends, at least one: m = max(C·K, 1), rounded to the nearest
 * integer.
 *
 * @see McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017,
 *   algorithm 1.
 */
export function randomSelector(given: { readonly fraction: number }): Selector {
  const { fraction } = settingValues('the random selector', settings, { ...given })
  return uniform((size) => Math.max(1, Math.round(fraction * size)))
}

/** Selects a uniformly random subset of `count` ends, or all ends if there are fewer. */
export function countSelector({ count }: { readonly count: number }): Selector {
  return uniform(() => count)
}

function uniform(countOf: (size: number) => number): Selector {
  const select: Selector['select'] = (population, random) => drawnEnds(population, countOf(population.size), random)
  return { select, one: (population, random) => oneOfRandom(select, population, random) }
}
