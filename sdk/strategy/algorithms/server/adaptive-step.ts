import type { ServerPart } from '../../algorithm.ts'
import { roundSettings, weighting } from './fed-avg.ts'

/** m and v of the adaptive server optimizers. */
export interface Moments {
  readonly m: Float32Array
  readonly v: Float32Array
}

const decay = { kind: 'number', least: 0, below: 1 } as const

/** Settings of FedAdaGrad, FedAdam and FedYogi. */
export const adaptiveSettings = {
  beta1: { ...decay, default: 0.9, kwarg: 'beta_1', help: 'β₁: decay of the mean of deltas' },
  beta2: { ...decay, default: 0.99, kwarg: 'beta_2', help: 'β₂: decay of the mean of their squares' },
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
} as const

/**
 * The adaptive server step. With Δ̄ the weighted mean of the clients' deltas, in the units of the weights:
 *
 * m ← β₁m + (1 − β₁)Δ̄;  v ← accumulated(v, Δ̄);  w ← w + η m / (√v + τ)
 *
 * m starts at 0, and v at `initialAccumulator`. No bias correction, as in the paper, also not in the first round.
 *
 * @see Reddi et al., Adaptive Federated Optimization, ICLR 2021, algorithm 2.
 */
export function adaptiveServer(
  {
    beta1,
    eta,
    tau,
    initialAccumulator,
  }: { readonly beta1: number; readonly eta: number; readonly tau: number; readonly initialAccumulator: number },
  accumulated: (v: number, delta: number) => number,
): ServerPart<Moments> {
  return {
    init: ({ size }) => ({ m: new Float32Array(size), v: new Float32Array(size).fill(initialAccumulator) }),
    step(weights, aggregate, { m, v }) {
      const mean = aggregate.mean()
      for (let i = 0; i < mean.length; i++) {
        const delta = mean[i]!
        m[i] = beta1 * m[i]! + (1 - beta1) * delta
        v[i] = accumulated(v[i]!, delta)
        weights[i]! += (eta * m[i]!) / (Math.sqrt(v[i]!) + tau)
      }
    },
  }
}
