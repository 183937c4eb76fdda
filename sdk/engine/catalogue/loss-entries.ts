import type { Entry } from './entries.ts'

/** The losses, by the name that a learner's `loss` takes. */
export const lossEntries: readonly Entry[] = [
  {
    name: 'softmaxCrossEntropy',
    summary: 'log Σ exp(z) − z[label], of one output for each class. Labels are classes from 0',
  },
  {
    name: 'sigmoidCrossEntropy',
    summary: 'max(z, 0) − z·label + log(1 + exp(−|z|)), of one output. Labels are 0 or 1',
  },
  { name: 'meanSquaredError', summary: '(y − label)², of one output. Labels are target values' },
]
