import type { Selector } from '../algorithm.ts'

/** Every end takes part in every round. */
export function allSelector(): Selector {
  return { select: (ends) => ends }
}
