import type { ServerPart } from '../algorithm.ts'
import { defineAlgorithm } from '../define-algorithm.ts'
import { plainClient, roundParts, roundSettings, weighting } from './fed-avg.ts'

interface Moments {
  readonly m: Float32Array
  readonly v: Float32Array
}

/**
 * Adaptive server optimizer FedAdam. With Δ̄ the weighted mean of the clients' deltas, in the units of the weights:
 *
 * m ← β₁m + (1 − β₁)Δ̄;  v ← β₂v + (1 − β₂)Δ̄²;  w ← w + η m / (√v + τ)
 *
 * m starts at 0, and v at `initialAccumulator`. No bias correction, as in the paper, also not in the first round.
 *
 * @see Reddi et al., Adaptive Federated Optimization, ICLR 2021, algorithm 2.
 */
export const fedAdam = defineAlgorithm({
  name: 'fedadam',
  summary: 'adaptive server step: m ← β₁m + (1−β₁)Δ̄; v ← β₂v + (1−β₂)Δ̄²; w ← w + η m/(√v + τ)',
  source: 'Reddi et al., ICLR 2021, algorithm 2',
  settings: {
    beta1: {
      kind: 'number',
      least: 0,
      below: 1,
      default: 0.9,
      kwarg: 'beta_1',
      help: 'β₁: decay of the mean of deltas',
    },
    beta2: {
      kind: 'number',
      least: 0,
      below: 1,
      default: 0.99,
      kwarg: 'beta_2',
      help: 'β₂: decay of the mean of their squares',
    },
    eta: { kind: 'number', above: 0, default: 0.01, help: "η: the server's learning rate" },
    tau: { kind: 'number', above: 0, default: 0.001, help: 'τ: adaptivity; bounds the step by η·|m|/τ' },
    initialAccumulator: {
      kind: 'number',
      least: 0,
      default: 0,
      help: 'v before the first round; the analysis in the paper needs at least τ²',
    },
    ...roundSettings,
    weighting: weighting('samples'),
  },
  make({ beta1, beta2, eta, tau, initialAccumulator, ...values }) {
    const server: ServerPart<Moments> = {
      init: ({ size }) => ({ m: new Float32Array(size), v: new Float32Array(size).fill(initialAccumulator) }),
      step(weights, aggregate, { m, v }) {
        const mean = aggregate.mean()
        for (let i = 0; i < mean.length; i++) {
          const delta = mean[i]!
          m[i] = beta1 * m[i]! + (1 - beta1) * delta
          v[i] = beta2 * v[i]! + (1 - beta2) * delta * delta
          weights[i]! += (eta * m[i]!) / (Math.sqrt(v[i]!) + tau)
        }
      },
    }
    return { ...roundParts(values), server, client: plainClient(values.weighting) }
  },
})
