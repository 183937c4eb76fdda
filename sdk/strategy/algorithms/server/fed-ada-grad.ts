import { defineAlgorithm } from '../../define-algorithm.ts'
import { adaptiveServer, adaptiveSettings } from './adaptive-step.ts'
import { plainClient, roundParts } from './fed-avg.ts'

/**
 * Adaptive server optimizer FedAdaGrad: the adaptive step with the sum of squares,
 *
 * m ← β₁m + (1 − β₁)Δ̄;  v ← v + Δ̄²;  w ← w + η m / (√v + τ)
 *
 * The paper's experiments have β₁ = 0; the default is that of the original (Flame).
 *
 * @see Reddi et al., Adaptive Federated Optimization, ICLR 2021, algorithm 2.
 */
export const fedAdaGrad = defineAlgorithm({
  name: 'fedadagrad',
  summary: 'adaptive server step: m ← β₁m + (1−β₁)Δ̄; v ← v + Δ̄²; w ← w + η m/(√v + τ)',
  source: 'Reddi et al., ICLR 2021, algorithm 2',
  settings: {
    ...adaptiveSettings,
    beta2: { ...adaptiveSettings.beta2, help: "unused: the original's jobs may give it" },
  },
  make: (values) => ({
    ...roundParts(values),
    server: adaptiveServer(values, (v, delta) => v + delta * delta),
    client: plainClient(values.weighting),
  }),
})
