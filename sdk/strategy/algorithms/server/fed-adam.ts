import { defineAlgorithm } from '../../define-algorithm.ts'
import { adaptiveServer, adaptiveSettings } from './adaptive-step.ts'
import { plainClient, roundParts } from './fed-avg.ts'

/**
 * Adaptive server optimizer FedAdam: the adaptive step with a decaying mean of squares,
 *
 * m ← β₁m + (1 − β₁)Δ̄;  v ← β₂v + (1 − β₂)Δ̄²;  w ← w + η m / (√v + τ)
 *
 * @see Reddi et al., Adaptive Federated Optimization, ICLR 2021, algorithm 2.
 */
export const fedAdam = defineAlgorithm({
  name: 'fedadam',
  summary: 'adaptive server step: m ← β₁m + (1−β₁)Δ̄; v ← β₂v + (1−β₂)Δ̄²; w ← w + η m/(√v + τ)',
  source: 'Reddi et al., ICLR 2021, algorithm 2',
  settings: adaptiveSettings,
  make({ beta2, ...values }) {
    const server = adaptiveServer(values, (v, delta) => beta2 * v + (1 - beta2) * delta * delta)
    return { ...roundParts(values), server, client: plainClient(values.weighting) }
  },
})
