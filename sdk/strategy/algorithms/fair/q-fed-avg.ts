import { power } from '../../../random/elementary.ts'
import type { ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { learnerError } from '../../learner-needs.ts'
import { roundParts, roundSettings } from '../server/index.ts'

/** Added to each loss, whose power below 1 has no bound at 0. */
const leastLoss = 1e-10

/**
 * q-FedAvg, for the objective q-FFL, Σ F_k^{q+1}/(q + 1): clients with a greater loss have a greater weight.
 *
 * w ← w + Σ F_k^q Δ_k / Σ (q F_k^{q−1} L ‖Δ_k‖² + F_k^q)
 *
 * F_k is the loss of w, as received, on client k's examples, and L the inverse of the learner's η. That is the paper's
 * step −Σ F_k^q d_k / Σ h_k with d_k = −L Δ_k. The number of samples has no effect. q = 0 is FedAvg with equal weights.
 *
 * @see Li, Sanjabi, Beirami, Smith, Fair Resource Allocation in Federated Learning, ICLR 2020, algorithm 2.
 */
export const qFedAvg = defineAlgorithm({
  name: 'qfedavg',
  alias: 'q-fedavg',
  summary: 'fair: w ← w + Σ F_k^q Δ_k / Σ (q F_k^{q−1} L ‖Δ_k‖² + F_k^q), with F_k the loss of w at client k',
  source: 'Li et al., ICLR 2020, algorithm 2',
  settings: {
    q: {
      kind: 'number',
      least: 0,
      default: 1,
      help: 'q: fairness; the paper tries 0 to 5; 0: FedAvg with equal weights',
    },
    lipschitz: { kind: 'number', above: 0, optional: true, help: "L; none: 1/η, with η of the learner's steps" },
    ...roundSettings,
  },
  make: ({ q, lipschitz, ...values }) => ({ ...roundParts(values), server, client: weighedByLoss(q, lipschitz) }),
})

const server: ServerPart<null> = {
  init: () => null,
  step(weights, aggregate) {
    const sum = aggregate.sum()
    const { divisor = 1 } = aggregate.scalars
    for (let i = 0; i < sum.length; i++) weights[i]! += sum[i]! / divisor
  },
}

/** Sends F_k^q Δ_k, rounded to float32, and the client's summand of the divisor. */
function weighedByLoss(q: number, lipschitz: number | undefined): ClientPart<null> {
  return {
    needs: lipschitz === undefined ? ['own-steps'] : [],
    async train({ round, weights }, own, learner) {
      const { ownSteps } = learner
      if (lipschitz === undefined && !ownSteps) throw learnerError('own-steps')
      const inverse = lipschitz ?? 1 / (ownSteps?.learningRate ?? 1)
      const evaluation = await learner.loss(weights, { round })
      const loss = (evaluation.metrics.loss ?? Number.NaN) + leastLoss
      const { delta, samples, metrics } = await learner.train({ round, weights, terms: {} })
      const factor = power(loss, q)
      const divisor = q * power(loss, q - 1) * inverse * squares(delta) + factor
      const vectors = { delta: delta.map((moved) => factor * moved) }
      return { contribution: { vectors, weight: 1, scalars: { divisor }, samples, metrics }, own }
    },
  }
}

function squares(delta: Float32Array): number {
  let sum = 0
  for (let i = 0; i < delta.length; i++) sum += delta[i]! * delta[i]!
  return sum
}
