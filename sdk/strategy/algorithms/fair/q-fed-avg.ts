import { power } from '../../../random/elementary.ts'
import type { ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { learnerError } from '../../learner-needs.ts'
import { roundParts, roundSettings, withScalars } from '../server/index.ts'

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
  make: ({ q, lipschitz, ...values }) => ({
    ...withScalars(roundParts(values)),
    server: server(q),
    client: weighedByLoss(q, lipschitz, values.quantumBits),
  }),
})

/** The loss in whose units clients state theirs, so that the sums keep their precision at any loss. */
interface Scale {
  unit: number
}

/** A unit u multiplies all F_k^q and h_k by u^−q, which cancels in the step. */
function server(q: number): ServerPart<Scale> {
  return {
    init: () => ({ unit: 1 }),
    assign: ({ unit }) => ({ scalars: { unit } }),
    step(weights, { members, scalars, ...aggregate }, scale) {
      const sum = aggregate.sum()
      const { divisor = 1, factors = 0 } = scalars
      if (divisor > 0) for (let i = 0; i < sum.length; i++) weights[i]! += sum[i]! / divisor
      // Next time the factors are about 2⁻⁶, which leaves room for losses that rise. Below q = 1 they are about 1 anyway.
      if (q >= 1) scale.unit = Math.max(leastLoss, scale.unit * power((64 * factors) / members.length, 1 / q))
    },
  }
}

/** Sends F_k^q Δ_k, rounded to float32, and the client's summand of the divisor. */
function weighedByLoss(q: number, lipschitz: number | undefined, quantumBits: number): ClientPart<null> {
  return {
    needs: lipschitz === undefined ? ['own-steps', 'fixed-rate'] : [],
    async train({ round, weights, terms }, own, learner) {
      const { ownSteps } = learner
      if (lipschitz === undefined && !ownSteps) throw learnerError('own-steps')
      const inverse = lipschitz ?? 1 / (ownSteps?.learningRate ?? 1)
      const evaluation = await learner.loss(weights, { round })
      const loss = (evaluation.metrics.loss ?? Number.NaN) + leastLoss
      const { delta, samples, metrics } = await learner.train({ round, weights, terms: {} })
      // A loss far above those of the last members would exceed the range. At the bound it outweighs all others as well.
      const most = 2 ** (50 - quantumBits) / delta.reduce((peak, value) => Math.max(peak, Math.abs(value)), 1)
      const factor = Math.min(power(loss / (terms.scalars?.unit ?? 1), q), most)
      const divisor = (q * factor * inverse * squares(delta)) / loss + factor
      const vectors = { delta: delta.map((moved) => factor * moved) }
      return { contribution: { vectors, weight: 1, scalars: { divisor, factors: factor }, samples, metrics }, own }
    },
  }
}

function squares(delta: Float32Array): number {
  let sum = 0
  for (let i = 0; i < delta.length; i++) sum += delta[i]! * delta[i]!
  return sum
}
