import type { Selector } from '../algorithm.ts'

/** Selects every end in every round. */
export function allSelector(): Selector {
  return { select: (ends) => ends }
}
