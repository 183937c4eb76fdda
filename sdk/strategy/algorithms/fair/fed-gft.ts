import type { GroupTerm } from '../../../learn/learner.ts'
import type { RoleLearner } from '../../../learn/role-learner.ts'
import { exp } from '../../../random/elementary.ts'
import type { Answer, ClientAssignment, ClientPart, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { strategyError } from '../../errors.ts'
import { averaging, roundParts, roundSettings, weighting } from '../server/index.ts'

type Fairness = 'SP' | 'EOP' | 'CAL'

/** A, B, C, D of the round: the clients' sums a, b, c, d, each divided by the number of all examples. */
interface GroupSums {
  a: number
  b: number
  c: number
  d: number
}

/**
 * FedGFT: two groups of examples, 0 and 1, are treated alike. With p the probability of class 1, a and b are sums over
 * the examples of group 0, and c and d over those of group 1:
 *
 * SP (statistical parity): a = Σ p, b their number. EOP (equal opportunity): the same over examples of class 1. CAL
 * (calibration): a = Σ p over examples of class 1, b = Σ p.
 *
 * Before a round's training each client sends the sums of w over its examples, the server adds them up, and the bias of w
 * is V = A/B − C/D. A client adds to each example's loss γ J'(V) times the derivative of V by p, times p. J'(V) is V
 * (l2) or its sign (id). For CAL the derivative is (1[y = 1] − A/B)/B in group 0, and −(1[y = 1] − C/D)/D in group 1. The
 * server's step is FedAvg's.
 *
 * V doesn't depend on how the examples are spread over clients. γ = 0 is FedAvg. The data have a column with each
 * example's group; the model has two classes.
 *
 * @see Wang, Payani, Lee, Kompella, Mitigating Group Bias in Federated Learning: Beyond Local Fairness, arXiv 2305.09931,
 *   2023.
 */
export const fedGft = defineAlgorithm({
  name: 'fedgft',
  summary:
    'fair among two groups of examples: clients add γ J(V) to their loss, with V the bias of w over all examples',
  source: 'Wang et al. 2023, arXiv 2305.09931',
  settings: {
    fair: {
      kind: 'choice',
      choices: ['SP', 'EOP', 'CAL'],
      default: 'SP',
      help: 'the fairness: statistical parity, equal opportunity or calibration',
    },
    gamma: {
      kind: 'number',
      least: 0,
      or: 'auto',
      default: 1,
      help: 'γ: weight of the bias in the loss; 50 in the example of the paper; auto: 2|V|',
    },
    reg: { kind: 'choice', choices: ['l2', 'id'], default: 'l2', help: 'J: V²/2 or |V|' },
    group: { kind: 'text', default: 'group', help: "the column with an example's group, 0 or 1" },
    ...roundSettings,
    weighting: weighting('samples'),
  },
  make({ fair, gamma, reg, group: column, ...values }) {
    const server: ServerPart<GroupSums> = {
      init: () => ({ a: 0, b: 0, c: 0, d: 0 }),
      hear(sums, answers) {
        const examples = answers.reduce((sum, { samples }) => sum + samples, 0)
        for (const name of ['a', 'b', 'c', 'd'] as const) {
          sums[name] = answers.reduce((sum, { numbers }) => sum + (numbers[name] ?? 0), 0) / examples
          if ((name === 'b' || name === 'd') && !(sums[name] > 0))
            throw strategyError('STRATEGY_GROUPS', { group: name === 'b' ? 0 : 1, fair })
        }
      },
      assign: (sums) => ({ scalars: { ...sums, bias: biasOf(sums) } }),
      step: (weights, aggregate, _, random) => averaging.step(weights, aggregate, null, random),
    }
    const client: ClientPart<null> = {
      needs: ['losses', 'groups'],
      answer: (assignment, learner) => groupSums(assignment, learner, { fair, column }),
      async train({ round, weights, terms: { scalars = {} } }, own, learner) {
        const { a = 0, b = 1, c = 0, d = 1, bias = 0 } = scalars
        const factor = (gamma === 'auto' ? 2 * Math.abs(bias) : gamma) * (reg === 'l2' ? bias : Math.sign(bias))
        const groups = { column, factors: factorsOf(fair, factor, { a, b, c, d }) }
        const terms = factor === 0 ? {} : { groups }
        const { delta, samples, metrics } = await learner.trainHeld({ round, weights, terms })
        const weight = values.weighting === 'equal' ? 1 : samples
        return { contribution: { vectors: { delta }, weight, samples, metrics: { ...metrics, bias } }, own }
      },
    }
    return { ...roundParts(values), server, client }
  },
})

function biasOf({ a, b, c, d }: GroupSums): number {
  return b === 0 || d === 0 ? 0 : a / b - c / d
}

/** `factor` times the derivative of V by an example's p, by group and label. */
function factorsOf(fair: Fairness, factor: number, { a, b, c, d }: GroupSums): GroupTerm['factors'] {
  const both = (sum: number, divisor: number, sign: number): readonly [number, number] => {
    const one = (sign * factor) / divisor
    switch (fair) {
      case 'SP':
        return [one, one]
      case 'EOP':
        return [0, one]
      case 'CAL':
        return [(-one * sum) / divisor, one * (1 - sum / divisor)]
    }
  }
  return [both(a, b, 1), both(c, d, -1)]
}

/** The sums a, b, c, d over the client's examples, not divided. The probabilities follow from the losses: −log p. */
async function groupSums(
  { round, weights }: ClientAssignment,
  learner: RoleLearner,
  { fair, column }: { readonly fair: Fairness; readonly column: string },
): Promise<Omit<Answer, 'end'>> {
  const options = { perExample: true, columns: [column, 'label'], round }
  const { samples, losses = new Float32Array(), columns = {} } = await learner.loss(weights, options)
  const { [column]: groups = new Float64Array(), label: labels = new Float64Array() } = columns
  const sums = { a: 0, b: 0, c: 0, d: 0 }
  for (const [index, group] of groups.entries()) {
    if (group !== 0 && group !== 1) throw strategyError('STRATEGY_GROUP_VALUE', { column, index, group })
    const ofLabel = exp(-losses[index]!)
    const isOne = labels[index] === 1
    const probability = isOne ? ofLabel : 1 - ofLabel
    const [over, under] = group === 0 ? (['a', 'b'] as const) : (['c', 'd'] as const)
    if (fair === 'SP' || isOne) sums[over] += probability
    if (fair === 'CAL') sums[under] += probability
    else if (fair === 'SP' || isOne) sums[under] += 1
  }
  return { samples, numbers: sums }
}
