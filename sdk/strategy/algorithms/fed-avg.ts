import type { ServerPart } from '../algorithm.ts'
import { plainClient, roundParts, roundSettings, weighting } from '../averaging.ts'
import { defineAlgorithm } from '../define-algorithm.ts'

/**
 * Federated averaging: weights += Σ (n_k / n) Δ_k. With `weighting: 'equal'`: weights += mean of Δ_k.
 *
 * @see McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017, algorithm 1.
 */
export const fedAvg = defineAlgorithm({
  name: 'fedavg',
  summary: 'federated averaging: w ← w + Σ (n_k / n) Δ_k',
  source: 'McMahan et al., AISTATS 2017, algorithm 1',
  settings: { ...roundSettings, weighting: weighting('samples') },
  make: (values) => ({ ...roundParts(values), server: averaging, client: plainClient(values.weighting) }),
})

/** Adds the mean delta to the weights. */
export const averaging: ServerPart<null> = {
  init: () => null,
  step(weights, aggregate) {
    const mean = aggregate.mean()
    for (let i = 0; i < mean.length; i++) weights[i]! += mean[i]!
  },
}
