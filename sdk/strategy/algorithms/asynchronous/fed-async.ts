import { power } from '../../../random/elementary.ts'
import type { ClientPart, ServerPart, Waiting } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { allSelector } from '../../selectors/all-selector.ts'
import { bufferLimits, bufferSettings, weightBits } from './fed-buff.ts'

type Staleness = 'constant' | 'polynomial' | 'hinge'

/**
 * FedAsync, asynchronous: each client's weights w_k are mixed into the server's as they come,
 *
 * w ← (1 − α_τ) w + α_τ w_k,  α_τ = α s(τ)
 *
 * τ is the number of steps since the weights from which the client started. s(τ) is 1 (constant), (τ + 1)^−a
 * (polynomial), or 1 up to τ = b and then 1/(a(τ − b) + 1) (hinge). α_τ is rounded to a multiple of 2^−24. A client sends
 * its weights whole, as the delta from 0, so that the server keeps no earlier weights. The number of samples has no
 * effect.
 *
 * @see Xie, Koyejo, Gupta, Asynchronous Federated Optimization, arXiv 1903.03934, 2019, algorithm 1.
 */
export const fedAsync = defineAlgorithm({
  name: 'fedasync',
  summary: 'asynchronous: with each contribution, w ← (1 − α s(τ)) w + α s(τ) w_k',
  source: 'Xie et al. 2019, arXiv 1903.03934, algorithm 1',
  settings: {
    alpha: { kind: 'number', above: 0, most: 1, default: 0.6, help: 'α: share of weights that are not stale' },
    staleness: {
      kind: 'choice',
      choices: ['constant', 'polynomial', 'hinge'],
      default: 'polynomial',
      help: 's(τ): factor of a contribution that is τ steps stale',
    },
    a: {
      kind: 'number',
      above: 0,
      optional: true,
      help: 'a: steepness of s(τ); none: 0.5 for polynomial, 10 for hinge',
    },
    b: { kind: 'number', least: 0, default: 4, help: 'b: greatest τ without an effect, for hinge' },
    rho: { kind: 'number', least: 0, default: 0, help: "ρ of the proximal term ρ/2 ‖u − w‖² of the clients' loss" },
    concurrency: bufferSettings.concurrency,
    mostStale: bufferSettings.mostStale,
    dispatchDeadlineMs: bufferSettings.dispatchDeadlineMs,
    quantumBits: {
      ...bufferSettings.quantumBits,
      help: 's: weights are summed in quanta of 2^−s; a value must be below 2^(51−s)',
    },
  },
  make({ alpha, staleness, a, b, rho, quantumBits, ...values }) {
    const factor = stalenessFactor(staleness, a, b)
    const waiting: Waiting = {
      kind: 'buffer',
      size: 1,
      ...bufferLimits(values),
      weigh: (tau) => alpha * factor(tau),
      // Under a tree, α is the top's.
      weighBelow: factor,
    }
    return {
      select: allSelector(),
      server,
      client: wholeWeights(rho),
      aggregation: { needs: 'sum', weightBits, wholeWeights: true, vectors: { delta: { quantumBits } } },
      waiting,
      stages: [],
    }
  },
})

const server: ServerPart<null> = {
  init: () => null,
  step(weights, aggregate) {
    const [sum, share] = [aggregate.sum(), aggregate.weight]
    for (let i = 0; i < sum.length; i++) weights[i] = (1 - share) * weights[i]! + sum[i]!
  },
}

function stalenessFactor(staleness: Staleness, a: number | undefined, b: number): (tau: number) => number {
  switch (staleness) {
    case 'constant':
      return () => 1
    case 'polynomial':
      return (tau) => 1 / power(tau + 1, a ?? 0.5)
    case 'hinge':
      return (tau) => (tau <= b ? 1 : 1 / ((a ?? 10) * (tau - b) + 1))
  }
}

/** Sends the trained weights: the delta from weights that are 0. */
function wholeWeights(rho: number): ClientPart<null> {
  const terms = rho === 0 ? {} : { proximal: rho }
  return {
    needs: ['start'],
    async train({ round, weights }, own, learner) {
      const base = new Float32Array(weights.length)
      const { delta, samples, metrics } = await learner.trainHeld({ round, weights, base, terms })
      return { contribution: { vectors: { delta }, weight: 1, samples, metrics }, own }
    },
  }
}
