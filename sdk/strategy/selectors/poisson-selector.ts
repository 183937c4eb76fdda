import type { Selector } from '../algorithm.ts'

/**
 * Selects each end by itself with probability q, so that a round has more or fewer ends, perhaps none: the sampling whose
 * effect on privacy the accountant knows.
 */
export function poissonSelector({ probability }: { readonly probability: number }): Selector {
  return {
    select: (ends, random) => (probability === 1 ? ends : ends.filter(() => random.uniform() < probability)),
  }
}
