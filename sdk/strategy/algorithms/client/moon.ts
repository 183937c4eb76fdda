import type { LocalTerms } from '../../../learn/learner.ts'
import type { ClientPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { averaging, roundParts, roundSettings, weighting } from '../server/index.ts'

/** The client's weights after its last counted training. Empty before the first. */
interface LastModel {
  readonly previous: Float32Array
}

/**
 * MOON: a contrastive term draws a client's representation z of each example to that of the round's weights, and away from
 * that of the client's last model:
 *
 * ℓ + μ ℓ_con,  ℓ_con = −log( e^{sim(z, z_w)/T} / (e^{sim(z, z_w)/T} + e^{sim(z, z_previous)/T}) )
 *
 * sim is the cosine. The server is FedAvg's. In a client's first training both similarities are the same function, so that
 * ℓ_con = log 2, without a gradient. The paper's models have a projection head of two layers before the output.
 *
 * @see Li, He, Song, Model-Contrastive Federated Learning, CVPR 2021, algorithm 1.
 */
export const moon = defineAlgorithm({
  name: 'moon',
  summary: 'FedAvg; clients add μ times a contrastive loss of their representations under y, w and their last model',
  source: 'Li, He, Song, CVPR 2021, algorithm 1',
  settings: {
    mu: {
      kind: 'number',
      least: 0,
      default: 1,
      help: 'μ: weight of the contrastive loss; the paper tries 0.1, 1, 5, 10',
    },
    temperature: { kind: 'number', above: 0, default: 0.5, help: 'T: temperature of the contrastive loss' },
    representation: {
      kind: 'text',
      optional: true,
      help: 'the layer whose output is the representation; none: the input of the last layer with weights',
    },
    ...roundSettings,
    weighting: weighting('samples'),
  },
  make({ mu, temperature, representation: layer, ...values }) {
    const client: ClientPart<LastModel> = {
      needs: ['contrastive'],
      init: () => ({ previous: new Float32Array() }),
      async train({ round, weights }, { previous: kept }, learner) {
        const previous = kept.length === 0 ? weights : kept
        const contrastive = { weight: mu, temperature, previous, ...(layer !== undefined && { layer }) }
        const terms: LocalTerms = mu === 0 ? {} : { contrastive }
        const { delta, samples, metrics } = await learner.train({ round, weights, terms })
        const weight = values.weighting === 'equal' ? 1 : samples
        return {
          contribution: { vectors: { delta }, weight, samples, metrics },
          own: { previous: weights.map((value, i) => value + delta[i]!) },
        }
      },
    }
    return { ...roundParts(values), server: averaging, client }
  },
})
