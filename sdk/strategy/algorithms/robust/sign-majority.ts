import type { SentVector } from '../../../sum/accumulator.ts'
import { packed } from '../../../sum/packed-vector.ts'
import type { ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundParts, roundSettings } from '../server/index.ts'

/**
 * signSGD with majority vote: each client sends the sign of each value of its delta, and the server steps by the sign of
 * the sum of signs: w ← w + η_g sign(Σ sign(Δ_k)). sign(0) = 0, and a tie moves nothing. The sums are of whole numbers
 * and merge through any tree.
 *
 * @see Bernstein et al., signSGD with Majority Vote is Communication Efficient and Fault Tolerant, ICLR 2019.
 */
export const signMajority = defineAlgorithm({
  name: 'sign-majority',
  summary: 'robust: w ← w + η_g sign(Σ sign(Δ_k))',
  source: 'Bernstein et al., ICLR 2019, algorithm 1',
  settings: {
    serverLearningRate: { kind: 'number', above: 0, default: 0.001, help: 'η_g: length of the step of each weight' },
    ...roundSettings,
  },
  make({ serverLearningRate, ...values }) {
    const server: ServerPart<null> = {
      init: () => null,
      step(weights, aggregate) {
        const votes = aggregate.sum()
        for (let i = 0; i < votes.length; i++) weights[i]! += serverLearningRate * Math.sign(votes[i]!)
      },
    }
    const client: ClientPart<null> = {
      async train({ round, weights }, own, learner) {
        const { delta, samples, metrics } = await learner.train({ round, weights, terms: {} })
        const signs = delta.map((value) => Math.sign(value))
        return { contribution: { vectors: { delta: packedSigns(signs) }, weight: 1, samples, metrics }, own }
      },
    }
    return { ...roundParts(values), server, client }
  },
})

/** Signs in one bit each. A sign that is no number stays, and is refused by the sum. */
function packedSigns(signs: Float32Array): SentVector {
  if (signs.some(Number.isNaN)) return signs
  const scale = { scales: Float64Array.of(1), bucket: Math.max(1, signs.length), divisor: 1 }
  return packed(signs, { levels: Int32Array.from(signs), ...scale })
}
