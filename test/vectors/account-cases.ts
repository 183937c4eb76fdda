import { epsilonOf } from '../../sdk/strategy/privacy/accountant.ts'
import { updateNoiseMultiplier } from '../../sdk/strategy/privacy/private-stages.ts'
import { renyiDivergence } from '../../sdk/strategy/privacy/renyi.ts'
import { inputs, numberOf, type VectorCase } from './cases.ts'

/** The facts of an account, as the server's part computes them. */
export function account(given: VectorCase): Record<string, unknown> {
  const { orders = [] } = inputs.orders.parse(given.inputs)
  const noiseMultiplier = numberOf(given, 'noiseMultiplier')
  const mechanism = { noiseMultiplier, samplingProbability: numberOf(given, 'samplingProbability', 1) }
  const ledger = [{ ...mechanism, rounds: numberOf(given, 'rounds', 1) }]
  const delta = numberOf(given, 'delta', 1e-5)
  return {
    renyi: orders.map((order) => renyiDivergence(mechanism, order)),
    epsilonRenyi: epsilonOf(ledger, delta, 'renyi'),
    epsilonLossDistribution: epsilonOf(ledger, delta, 'loss-distribution'),
    updateNoiseMultiplier: updateNoiseMultiplier(noiseMultiplier, numberOf(given, 'countStddev', noiseMultiplier)),
    stddevOfMean: (noiseMultiplier * numberOf(given, 'clippingNorm', 1)) / numberOf(given, 'sampled', 1),
  }
}
