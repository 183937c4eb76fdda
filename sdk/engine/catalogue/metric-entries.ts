import type { Entry } from './entries.ts'

/** The metrics of an evaluation. */
export const metricEntries: readonly Entry[] = [
  { name: 'loss', summary: 'Mean of the loss over the examples' },
  { name: 'accuracy', summary: 'Fraction of the examples whose class is found, where the loss has classes' },
]
