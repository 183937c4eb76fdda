import type { ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundParts, roundSettings, withScalars } from '../server/index.ts'

/** λ, times the number of clients: 1 for all at first. */
interface Mixture {
  /** By end, of the ends that were counted before. */
  shares: Record<string, number>
  /** Of each other end. */
  others: number
}

/**
 * Agnostic federated learning, for the greatest loss of any mixture of the clients: the weights descend, and the mixture
 * λ ascends.
 *
 * w ← w + Σ λ_k Δ_k / Σ λ_k over the members;  λ ← Π(λ + γ_λ F), with F_k = 0 for clients that are no members
 *
 * Π projects onto the simplex. F_k is the loss of w, as received, on client k's examples. λ is uniform at first. Each
 * client gets the whole λ, so that the algorithm is for few clients, such as hospitals.
 *
 * @see Mohri, Sivek, Suresh, Agnostic Federated Learning, ICML 2019, section 4, STOCHASTIC-AFL.
 */
export const agnostic = defineAlgorithm({
  name: 'afl',
  summary: 'fair: w ← w + Σ λ_k Δ_k / Σ λ_k; λ ← Π(λ + γ_λ F), with F_k the loss of w at client k',
  source: 'Mohri et al., ICML 2019, section 4',
  settings: {
    mixtureLearningRate: { kind: 'number', above: 0, default: 0.1, help: 'γ_λ: the learning rate of the mixture' },
    ...roundSettings,
  },
  make({ mixtureLearningRate: rate, ...values }) {
    const server: ServerPart<Mixture> = {
      init: () => ({ shares: {}, others: 1 }),
      assign: ({ shares, others }) => ({ scalars: { ...named('share', shares), others } }),
      step(weights, { members, population, scalars, ...aggregate }, mixture) {
        const sum = aggregate.sum()
        const { total = 0 } = scalars
        if (total > 0) for (let i = 0; i < sum.length; i++) weights[i]! += sum[i]! / total
        const { shares, others } = mixture
        const known = [...new Set([...Object.keys(shares), ...members])].toSorted()
        const raised = known.map((end) => (shares[end] ?? others) / population + rate * (scalars[`loss/${end}`] ?? 0))
        const unseen = Math.max(0, population - known.length)
        const least = simplexThreshold([...raised, ...Array.from({ length: unseen }, () => others / population)])
        const projected = (lambda: number) => population * Math.max(0, lambda - least)
        mixture.shares = Object.fromEntries(known.map((end, i) => [end, projected(raised[i]!)]))
        mixture.others = projected(others / population)
      },
    }
    return { ...withScalars(roundParts(values)), server, client }
  },
})

/** Sends λ_k N Δ_k, rounded to float32, the factor, and the loss under the client's name. */
const client: ClientPart<null> = {
  async train({ round, weights, terms, end }, own, learner) {
    const { [`share/${end}`]: share, others = 1 } = terms.scalars ?? {}
    const factor = share ?? others
    const evaluation = await learner.loss(weights, { round })
    const { delta, samples, metrics } = await learner.train({ round, weights, terms: {} })
    const vectors = { delta: delta.map((moved) => factor * moved) }
    const scalars = { total: factor, [`loss/${end}`]: evaluation.metrics.loss ?? Number.NaN }
    return { contribution: { vectors, weight: 1, scalars, samples, metrics }, own }
  },
}

function named(prefix: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]))
}

/** The θ for which Σ max(0, v − θ) = 1: the projection of v onto the simplex is max(0, v − θ). */
function simplexThreshold(values: readonly number[]): number {
  let [sum, threshold] = [0, 0]
  for (const [index, value] of values.toSorted((a, b) => b - a).entries()) {
    sum += value
    const next = (sum - 1) / (index + 1)
    if (index > 0 && value <= next) break
    threshold = next
  }
  return threshold
}
