import type { ClientPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { averaging, roundParts, roundSettings, weighting } from '../server/index.ts'

/** v_k, the client's own model. Empty before the first counted round. */
interface OwnModel {
  readonly personal: Float32Array
}

/**
 * Ditto: FedAvg, and beside it a personal model v_k at each client that stays near the global one,
 *
 * v ← v − η_v (∇F_k(v) + λ(v − w))
 *
 * v begins at the first weights that the client gets. λ = 0 is local training alone.
 *
 * @see Li, Hu, Beirami, Smith, Ditto: Fair and Robust Federated Learning Through Personalization, ICML 2021, algorithm 1.
 */
export const ditto = defineAlgorithm({
  name: 'ditto',
  summary: 'FedAvg, and a personal model at each client: v ← v − η_v (∇F_k(v) + λ(v − w))',
  source: 'Li et al., ICML 2021, algorithm 1',
  settings: {
    lambda: { kind: 'number', least: 0, default: 0.1, help: 'λ: pull of v to w; the paper tries 0.05 to 2' },
    personalEpochs: { kind: 'whole', least: 1, optional: true, help: "epochs of v in a round; none: the learner's" },
    personalLearningRate: { kind: 'number', above: 0, optional: true, help: "η_v; none: the learner's η" },
    ...roundSettings,
    weighting: weighting('samples'),
  },
  make({ lambda, personalEpochs: epochs, personalLearningRate: learningRate, ...values }) {
    const work = { ...(epochs !== undefined && { epochs }), ...(learningRate !== undefined && { learningRate }) }
    const client: ClientPart<OwnModel> = {
      needs: Object.keys(work).length === 0 ? ['start'] : ['start', 'work'],
      init: () => ({ personal: new Float32Array() }),
      personal: (weights, { personal }) => (personal.length === 0 ? weights : personal),
      async train({ round, weights }, { personal }, learner) {
        const { delta, samples, metrics } = await learner.trainHeld({ round, weights, terms: {} })
        const own = await learner.train({
          round,
          weights,
          start: personal.length === 0 ? weights : personal,
          // The delta from 0 is the model itself.
          base: new Float32Array(weights.length),
          terms: { proximal: lambda },
          work,
          label: 'personal',
        })
        const weight = values.weighting === 'equal' ? 1 : samples
        return { contribution: { vectors: { delta }, weight, samples, metrics }, own: { personal: own.delta } }
      },
    }
    return { ...roundParts(values), server: averaging, client }
  },
})
