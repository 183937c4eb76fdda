import { defineAlgorithm } from '../../define-algorithm.ts'
import { averaging, plainClient, roundParts, roundSettings, unequalWork, weighting } from '../server/index.ts'

/**
 * FedAvg with trainers that stay near the round's weights w: each adds μ(u − w) to the gradient at u. With `leastEpochs`
 * clients do unequal amounts of work, as the γ-inexact solutions of the paper.
 *
 * @see Li et al., Federated Optimization in Heterogeneous Networks, MLSys 2020, algorithm 2.
 */
export const fedProx = defineAlgorithm({
  name: 'fedprox',
  summary: 'FedAvg; clients add the proximal term μ/2 ‖u − w‖² to their loss',
  source: 'Li et al., MLSys 2020, algorithm 2',
  settings: {
    mu: { kind: 'number', least: 0, help: 'μ of the proximal term; the paper tries 0.001 to 1' },
    ...roundSettings,
    weighting: weighting('samples'),
    ...unequalWork,
  },
  make: ({ mu, leastEpochs, ...values }) => ({
    ...roundParts(values),
    server: averaging,
    client: plainClient(values.weighting, { proximal: mu }, leastEpochs),
  }),
})
