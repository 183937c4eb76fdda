import type { ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundParts, roundSettings } from '../server/index.ts'

/** h at the server. */
interface Drift {
  readonly h: Float32Array
}

/** g_k at client k: the gradient of its loss where its last counted training ended. */
interface OwnGradient {
  readonly gradient: Float32Array
}

/**
 * FedDyn: a dynamic regulariser lets the clients' optima agree with that of all data.
 *
 * Client k: u = argmin F_k(u) − ⟨g_k, u⟩ + α/2 ‖u − w‖², by the learner's steps from w; then g_k ← g_k − α(u − w).
 *
 * Server: h ← h − α (1/N) Σ Δ_k over the members;  w ← w + mean Δ_k − h/α, where N is the number of all clients of the
 * job and h the new one. h and all g_k start at 0, and h = (1/N) Σ g_k at all times.
 *
 * Clients have equal weights. With α = 0 the step is FedAvg's with equal weights. The weights that clients get are the
 * evaluated ones, as in the paper; its authors' code evaluates the mean without −h/α.
 *
 * @see Acar et al., Federated Learning Based on Dynamic Regularization, ICLR 2021, algorithm 1.
 */
export const fedDyn = defineAlgorithm({
  name: 'feddyn',
  summary: 'clients add −⟨g_k, u⟩ + α/2 ‖u − w‖² to their loss; h ← h − (α/N) Σ Δ_k; w ← w + mean Δ_k − h/α',
  source: 'Acar et al., ICLR 2021, algorithm 1',
  settings: {
    alpha: {
      kind: 'number',
      least: 0,
      default: 0.01,
      help: 'α of the regulariser; the paper tries 0.1, 0.01 and 0.001; 0: FedAvg with equal weights',
    },
    ...roundSettings,
  },
  make({ alpha, ...values }) {
    const server: ServerPart<Drift> = {
      init: ({ size }) => ({ h: new Float32Array(size) }),
      step(weights, aggregate, { h }) {
        const mean = aggregate.mean()
        const share = aggregate.members.length / aggregate.population
        for (let i = 0; i < mean.length; i++) {
          h[i]! -= alpha * share * mean[i]!
          weights[i]! += mean[i]! - (alpha === 0 ? 0 : h[i]! / alpha)
        }
      },
    }
    return { ...roundParts(values), server, client: regularised(alpha) }
  },
})

function regularised(alpha: number): ClientPart<OwnGradient> {
  return {
    init: ({ size }) => ({ gradient: new Float32Array(size) }),
    async train({ round, weights }, { gradient }, learner) {
      const terms = { dynamic: { alpha, gradient } }
      const { delta, samples, metrics } = await learner.train({ round, weights, terms })
      return {
        contribution: { vectors: { delta }, weight: 1, samples, metrics },
        own: { gradient: gradient.map((value, i) => value - alpha * delta[i]!) },
      }
    },
  }
}
