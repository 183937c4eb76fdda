import type { TrainingChoices } from '../../../learn/learner.ts'
import type { ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { strategyError } from '../../errors.ts'
import { roundParts, roundSettings, weighting } from '../server/index.ts'

/** c at the server, c_k at client k. */
interface Control {
  readonly control: Float32Array
}

/**
 * SCAFFOLD: control variates correct the drift of clients whose data differ.
 *
 * Client k: K steps y ← y − η(g(y) − c_k + c) from w; then (option II) c_k⁺ = c_k − c + (w − y)/(Kη). The client sends
 * Δ = y − w and δc = c_k⁺ − c_k.
 *
 * Server: w ← w + η_g · mean Δ;  c ← c + (1/N) Σ δc over the members, where N is the number of all clients of the job.
 *
 * Clients have equal weights by default, as in the paper. (w − y)/(Kη) is the mean of gradients only for steps w −= η·g
 * and nothing else, so other learners are refused. The learner states its η, and K after each training.
 *
 * @see Karimireddy et al., SCAFFOLD: Stochastic Controlled Averaging for Federated Learning, ICML 2020, algorithm 1.
 */
export const scaffold = defineAlgorithm({
  name: 'scaffold',
  summary: 'clients correct their drift: y ← y − η(g − c_k + c); w ← w + η_g · mean Δ; c ← c + (1/N) Σ δc',
  source: 'Karimireddy et al., ICML 2020, algorithm 1, option II',
  settings: {
    localSteps: {
      kind: 'whole',
      least: 1,
      optional: true,
      kwarg: 'k',
      help: "K: number of each client's steps; none: the steps of the learner's epochs",
    },
    serverLearningRate: { kind: 'number', above: 0, default: 1, help: "η_g: the server's learning rate" },
    ...roundSettings,
    weighting: weighting('equal'),
  },
  make({ localSteps, serverLearningRate, ...values }) {
    const parts = roundParts(values)
    const { delta } = parts.aggregation.vectors
    const server: ServerPart<Control> = {
      init: ({ size }) => ({ control: new Float32Array(size) }),
      assign: ({ control }) => ({ vectors: { control } }),
      step(weights, aggregate, { control }) {
        const [moved, changed] = [aggregate.mean(), aggregate.mean('control')]
        const share = aggregate.members.length / aggregate.population
        for (let i = 0; i < moved.length; i++) {
          weights[i]! += serverLearningRate * moved[i]!
          control[i]! += share * changed[i]!
        }
      },
    }
    return {
      ...parts,
      aggregation: { ...parts.aggregation, vectors: { delta, control: delta } },
      server,
      client: corrected(values.weighting, localSteps === undefined ? {} : { work: { steps: localSteps } }),
    }
  },
})

function corrected(weighting: 'samples' | 'equal', choices: TrainingChoices): ClientPart<Control> {
  return {
    needs: 'plain-sgd',
    init: ({ size }) => ({ control: new Float32Array(size) }),
    async train({ round, weights, terms }, { control: own }, learner) {
      const { control: shared = new Float32Array(own.length) } = terms.vectors ?? {}
      const rate = learner.plainLearningRate
      const correction = shared.map((value, i) => value - own[i]!)
      const { delta, samples, steps, metrics } = await learner.train({
        round,
        weights,
        terms: { correction },
        ...choices,
      })
      if (rate === undefined || steps === undefined)
        throw strategyError('STRATEGY_LEARNER', { needs: 'steps w −= η·g and nothing else, and their number' })
      const change = delta.map((moved, i) => -shared[i]! - moved / (steps * rate))
      const weight = weighting === 'equal' ? 1 : samples
      return {
        contribution: { vectors: { delta, control: change }, weight, samples, steps, metrics },
        own: { control: own.map((value, i) => value + change[i]!) },
      }
    },
  }
}
