import { defineAlgorithm } from '../../define-algorithm.ts'
import { adaptiveServer, adaptiveSettings } from './adaptive-step.ts'
import { plainClient, roundParts } from './fed-avg.ts'

/**
 * Adaptive server optimizer FedYogi: the adaptive step whose v moves towards the squares by an additive change,
 *
 * m ← β₁m + (1 − β₁)Δ̄;  v ← v − (1 − β₂)Δ̄² sign(v − Δ̄²);  w ← w + η m / (√v + τ),  sign(0) = 0
 *
 * v stays at 0 or above: it falls only where v > Δ̄², by less than Δ̄².
 *
 * @see Reddi et al., Adaptive Federated Optimization, ICLR 2021, algorithm 2.
 */
export const fedYogi = defineAlgorithm({
  name: 'fedyogi',
  summary: 'adaptive server step: m ← β₁m + (1−β₁)Δ̄; v ← v − (1−β₂)Δ̄² sign(v − Δ̄²); w ← w + η m/(√v + τ)',
  source: 'Reddi et al., ICLR 2021, algorithm 2',
  settings: adaptiveSettings,
  make({ beta2, ...values }) {
    const server = adaptiveServer(values, (v, delta) => {
      // In the precision of v, so that a v that equals Δ̄² stays.
      const square = Math.fround(delta * delta)
      return v - (1 - beta2) * square * Math.sign(v - square)
    })
    return { ...roundParts(values), server, client: plainClient(values.weighting) }
  },
})
