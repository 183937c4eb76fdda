import type { TrainingChoices, Update } from '../../../learn/learner.ts'
import type { RoleLearner } from '../../../learn/role-learner.ts'
import { plainLearningRate } from '../../../learn/steps.ts'
import type { ClientAssignment, ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { learnerError } from '../../learner-needs.ts'
import { roundParts, roundSettings, weighting } from '../server/index.ts'

/** c at the server, c_k at client k. */
interface Control {
  readonly control: Float32Array
}

/**
 * SCAFFOLD: control variates correct the drift of clients whose data differ.
 *
 * Client k: K steps y ← y − η(g(y) − c_k + c) from w; then c_k⁺ is (option I) the gradient of its whole data at w, or
 * (option II) c_k − c + (w − y)/(Kη). The client sends Δ = y − w and δc = c_k⁺ − c_k.
 *
 * Server: w ← w + η_g · mean Δ;  c ← c + (1/N) Σ δc over the members, where N is the number of all clients of the job.
 *
 * Clients have equal weights by default, as in the paper. (w − y)/(Kη) is the mean of gradients only for steps w −= η·g
 * and nothing else, so option II refuses other learners. The learner states its η, and K after each training. Option I
 * takes any learner with passes through its model, at the cost of one more pass over the data.
 *
 * @see Karimireddy et al., SCAFFOLD: Stochastic Controlled Averaging for Federated Learning, ICML 2020, algorithm 1.
 */
export const scaffold = defineAlgorithm({
  name: 'scaffold',
  summary: 'clients correct their drift: y ← y − η(g − c_k + c); w ← w + η_g · mean Δ; c ← c + (1/N) Σ δc',
  source: 'Karimireddy et al., ICML 2020, algorithm 1',
  settings: {
    localSteps: {
      kind: 'whole',
      least: 1,
      optional: true,
      kwarg: 'k',
      help: "K: number of each client's steps; none: the steps of the learner's epochs",
    },
    option: {
      kind: 'whole',
      least: 1,
      most: 2,
      default: 2,
      help: "a client's new control: 1, the gradient of its data at w, for any learner; 2, the mean of its steps' gradients, for plain SGD",
    },
    serverLearningRate: { kind: 'number', above: 0, default: 1, help: "η_g: the server's learning rate" },
    ...roundSettings,
    weighting: weighting('equal'),
  },
  make({ localSteps, option, serverLearningRate, ...values }) {
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
      client: corrected(values.weighting, option === 1 ? 1 : 2, localSteps),
    }
  },
})

function corrected(weighting: 'samples' | 'equal', option: 1 | 2, localSteps: number | undefined): ClientPart<Control> {
  const choices: TrainingChoices = localSteps === undefined ? {} : { work: { steps: localSteps } }
  return {
    needs: [option === 1 ? 'parts' : 'plain-sgd', ...(localSteps === undefined ? [] : (['work'] as const))],
    init: ({ size }) => ({ control: new Float32Array(size) }),
    async train(assignment, { control: own }, learner) {
      const { round, weights, terms } = assignment
      const { control: shared = new Float32Array(own.length) } = terms.vectors ?? {}
      const correction = shared.map((value, i) => value - own[i]!)
      const update = await learner.train({ round, weights, terms: { correction }, ...choices })
      const { delta, samples, steps, metrics } = update
      const change =
        option === 1
          ? (await gradientAt(assignment, samples, learner)).map((value, i) => value - own[i]!)
          : meanGradientChange(update, shared, learner)
      const weight = weighting === 'equal' ? 1 : samples
      return {
        contribution: {
          vectors: { delta, control: change },
          weight,
          samples,
          ...(steps === undefined ? {} : { steps }),
          metrics,
        },
        own: { control: own.map((value, i) => value + change[i]!) },
      }
    },
  }
}

/** Option II: δc = −c + (w − y)/(Kη). */
function meanGradientChange({ delta, steps }: Update, shared: Float32Array, { ownSteps }: RoleLearner): Float32Array {
  const rate = ownSteps && plainLearningRate(ownSteps)
  if (rate === undefined) throw learnerError('plain-sgd')
  if (steps === undefined) throw learnerError('own-steps')
  return delta.map((moved, i) => -shared[i]! - moved / (steps * rate))
}

/** Number of examples in one pass for a gradient. */
const passExamples = 1_000

/** Option I: the gradient of the mean loss over all of the client's examples at w, without dropout. */
async function gradientAt(
  { round, weights }: ClientAssignment,
  examples: number,
  learner: RoleLearner,
): Promise<Float32Array> {
  const gradient = new Float64Array(weights.length)
  for (let from = 0; from < examples; from += passExamples) {
    const length = Math.min(passExamples, examples - from)
    const indices = Uint32Array.from({ length }, (_, index) => from + index)
    const part = await learner.lossOfPart({ round, weights, part: {}, of: { indices }, training: false })
    for (let i = 0; i < gradient.length; i++) gradient[i]! += (length / examples) * part.gradient[i]!
  }
  return Float32Array.from(gradient)
}
