import type { ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { learnerError } from '../../learner-needs.ts'
import { roundParts, roundSettings } from '../server/index.ts'

/** θ of the client's last local round. Empty before the first counted round. */
interface OwnModel {
  readonly personal: Float32Array
}

/**
 * pFedMe: personal models by Moreau envelopes. Client: R times, on one batch each,
 *
 * θ ≈ argmin F(θ; batch) + λ/2 ‖θ − u‖², by K of the learner's steps from u;  u ← u − ηλ(u − θ)
 *
 * from u = w. Server: w ← (1 − β)w + β · mean u. η is that of the learner's steps; θ has its own.
 *
 * @see Dinh, Tran, Nguyen, Personalized Federated Learning with Moreau Envelopes, NeurIPS 2020, algorithm 1.
 */
export const pFedMe = defineAlgorithm({
  name: 'pfedme',
  summary: 'R times θ ≈ argmin F(θ) + λ/2 ‖θ − u‖², u ← u − ηλ(u − θ) at each client; w ← (1 − β)w + β · mean u',
  source: 'Dinh et al., NeurIPS 2020, algorithm 1',
  settings: {
    lambda: { kind: 'number', above: 0, default: 15, help: 'λ: pull of θ to u' },
    K: { kind: 'whole', least: 1, default: 5, help: 'K: steps for θ in a local round' },
    R: { kind: 'whole', least: 1, default: 20, help: 'R: local rounds, with one batch each' },
    beta: { kind: 'number', above: 0, default: 1, help: 'β: share of the mean of the clients in the new weights' },
    personalLearningRate: {
      kind: 'number',
      above: 0,
      optional: true,
      help: "learning rate of θ; none: the learner's η",
    },
    ...roundSettings,
  },
  make({ lambda, K, R, beta, personalLearningRate, ...values }) {
    const server: ServerPart<null> = {
      init: () => null,
      step(weights, aggregate) {
        const mean = aggregate.mean()
        for (let i = 0; i < mean.length; i++) weights[i]! += beta * mean[i]!
      },
    }
    const client: ClientPart<OwnModel> = {
      needs: ['start', 'work', 'own-steps', 'fixed-rate'],
      init: () => ({ personal: new Float32Array() }),
      personal: (weights, { personal }) => (personal.length === 0 ? weights : personal),
      async train({ round, weights }, _, learner, random) {
        const { ownSteps } = learner
        if (!ownSteps) throw learnerError('own-steps')
        const { samples, metrics } = await learner.loss(weights, { round })
        const batches = batchesOf(samples, ownSteps.batch, (order) => random.shuffle(order))
        const work = { steps: K, learningRate: personalLearningRate ?? ownSteps.learningRate }
        const rate = ownSteps.learningRate * lambda
        const u = weights.slice()
        let personal = u
        for (let local = 1; local <= R; local++) {
          const at = u.slice()
          const { delta } = await learner.train({
            round,
            weights: at,
            terms: { proximal: lambda },
            work,
            indices: batches.next().value,
            label: local,
          })
          personal = at.map((value, i) => value + delta[i]!)
          for (let i = 0; i < u.length; i++) u[i]! += rate * delta[i]!
        }
        const delta = u.map((value, i) => value - weights[i]!)
        return { contribution: { vectors: { delta }, weight: 1, samples, metrics }, own: { personal } }
      },
    }
    return { ...roundParts(values), server, client }
  },
})

/** Batches without end: passes over all examples, each in an order of its own. */
function* batchesOf(
  examples: number,
  size: number,
  shuffle: (order: Uint32Array) => void,
): Generator<Uint32Array, never> {
  const order = Uint32Array.from({ length: examples }, (_, index) => index)
  for (;;) {
    shuffle(order)
    for (let from = 0; from < examples; from += size) yield order.slice(from, from + size)
  }
}
