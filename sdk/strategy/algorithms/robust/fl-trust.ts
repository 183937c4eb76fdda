import type { ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { learnerError } from '../../learner-needs.ts'
import { roundSettings } from '../server/index.ts'
import { squaredNorm } from './distances.ts'
import { addTo, combination, deltasOf, eachParts } from './each-parts.ts'

/** The trust in each member of the last step, sorted by end. */
interface Trusts {
  trust: readonly number[]
}

/**
 * FLTrust: the server trains on a root set of its own, a hundred examples or so, and trusts a member as far as its delta
 * points the way of the server's Δ_0:
 *
 * trust_k = max(0, cos(Δ_k, Δ_0));  w ← w + η_g Σ trust_k (‖Δ_0‖/‖Δ_k‖) Δ_k / Σ trust_k
 *
 * Without any trust the weights stay. Norms are over the whole array, in float64; a delta of length 0 is trusted by 0. The
 * number of samples has no effect. The server's training has the settings of the clients'. A workload gives the root set
 * as `root` of its data.
 *
 * @see Cao, Fang, Liu, Gong, FLTrust: Byzantine-robust Federated Learning via Trust Bootstrapping, NDSS 2021,
 *   algorithm 2.
 */
export const flTrust = defineAlgorithm({
  name: 'fltrust',
  summary:
    'robust: w ← w + η_g Σ trust_k (‖Δ_0‖/‖Δ_k‖) Δ_k / Σ trust_k, trust_k = max(0, cos(Δ_k, Δ_0)), Δ_0 the server’s',
  source: 'Cao, Fang, Liu, Gong, NDSS 2021, algorithm 2',
  settings: {
    serverLearningRate: { kind: 'number', above: 0, default: 1, help: "η_g: the server's learning rate" },
    ...roundSettings,
  },
  make({ serverLearningRate, ...values }) {
    const server: ServerPart<Trusts> = {
      init: () => ({ trust: [] }),
      async train({ round, weights }, { trainRoot }) {
        if (!trainRoot) throw learnerError('root')
        return (await trainRoot({ round, weights, terms: {} })).delta
      },
      step(weights, { each, root }, state) {
        if (!root) throw learnerError('root')
        const deltas = deltasOf(each)
        const length = Math.sqrt(squaredNorm(root))
        const lengths = deltas.map((delta) => Math.sqrt(squaredNorm(delta)))
        const trust = deltas.map((delta, member) => Math.max(0, cosine(delta, root, lengths[member]! * length)))
        const total = trust.reduce((sum, one) => sum + one, 0)
        state.trust = trust
        if (total === 0) return
        const factors = trust.map((one, member) => (one === 0 ? 0 : (one / total) * (length / lengths[member]!)))
        addTo(weights, combination(deltas, factors), serverLearningRate)
      },
    }
    const { client, ...parts } = eachParts(values)
    return { ...parts, client: { ...client, needs: ['root'] }, server }
  },
})

/** The cosine of two vectors whose lengths have the given product. 0 where a length is 0. */
function cosine(a: Float32Array, b: Float32Array, lengths: number): number {
  if (lengths === 0) return 0
  let product = 0
  for (let i = 0; i < a.length; i++) product += a[i]! * b[i]!
  return product / lengths
}
