import type { LocalTerms, TrainingChoices } from '../../../learn/learner.ts'
import type { RoleLearner } from '../../../learn/role-learner.ts'
import type { RandomStream } from '../../../random/random-stream.ts'
import type {
  Aggregation,
  Algorithm,
  ClientPart,
  Contribution,
  LearnerNeed,
  ServerPart,
  Waiting,
} from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { allSelector } from '../../selectors/all-selector.ts'
import { randomSelector } from '../../selectors/random-selector.ts'
import type { SettingValues } from '../../settings.ts'

/** Settings of every synchronous algorithm. */
export const roundSettings = {
  fraction: {
    kind: 'number',
    above: 0,
    most: 1,
    default: 1,
    help: 'C: fraction of the trainers that are selected for each round',
  },
  quorum: {
    kind: 'number',
    above: 0,
    most: 1,
    default: 1,
    help: 'fraction of the selected trainers whose updates end the waiting',
  },
  deadlineMs: {
    kind: 'number',
    above: 0,
    optional: true,
    help: 'milliseconds after which a round goes on with the updates so far',
  },
  minimumUpdates: {
    kind: 'whole',
    least: 1,
    default: 1,
    help: 'fewest updates of a round; with fewer the round fails',
  },
  clientEvaluation: {
    kind: 'whole',
    least: 1,
    optional: true,
    help: 'number of rounds between evaluations by clients on their own held-out examples; none: never',
  },
  quantumBits: {
    kind: 'whole',
    least: 0,
    most: 51,
    default: 34,
    help: "s: updates are summed in quanta of 2^−s; a delta's values must be below 2^(51−s), their products with the weight below 2^(71−s)",
  },
} as const

export type RoundSettings = SettingValues<typeof roundSettings>

/** Setting for the weight of clients, whose default is the paper's. */
export const weighting = (otherwise: 'samples' | 'equal') =>
  ({
    kind: 'choice',
    choices: ['samples', 'equal'],
    default: otherwise,
    help: "a client's weight in the mean: its number of samples, or equal for all",
  }) as const

/** The parts of a synchronous algorithm with one exact sum: selection, waiting, aggregation. */
export function roundParts(values: RoundSettings) {
  const { fraction, quorum, deadlineMs, minimumUpdates, clientEvaluation, quantumBits } = values
  const waiting: Extract<Waiting, { kind: 'quorum' }> = {
    kind: 'quorum',
    quorum,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    minimumUpdates,
  }
  const aggregation: Aggregation = { needs: 'sum', vectors: { delta: { quantumBits } } }
  return {
    select: fraction === 1 ? allSelector() : randomSelector({ fraction }),
    waiting,
    aggregation,
    ...(clientEvaluation === undefined ? {} : { clientEvaluation }),
    stages: [],
  } satisfies Partial<Algorithm>
}

/** The parts of an algorithm whose contributions have scalars besides. */
export function withScalars(parts: ReturnType<typeof roundParts>) {
  const aggregation: Aggregation = { ...parts.aggregation, scalars: true }
  return { ...parts, aggregation }
}

/** Setting for clients that do unequal amounts of work. */
export const unequalWork = {
  leastEpochs: {
    kind: 'whole',
    least: 1,
    optional: true,
    help: "each client draws its number of epochs in a round from this number to the learner's, each as likely; none: all do the learner's",
  },
} as const

/** Draws a client's work for one round. Empty without `leastEpochs`: the learner's own epochs. */
export function drawnWork(
  leastEpochs: number | undefined,
  { ownSteps }: Pick<RoleLearner, 'ownSteps'>,
  random: RandomStream,
): Pick<TrainingChoices, 'work'> {
  if (leastEpochs === undefined || !ownSteps) return {}
  const choices = Math.max(1, ownSteps.epochs - leastEpochs + 1)
  return { work: { epochs: leastEpochs + random.below(choices) } }
}

/** The needs of a client that draws its work. */
export function workNeeds(leastEpochs: number | undefined): readonly LearnerNeed[] {
  return leastEpochs === undefined ? [] : ['work', 'own-steps']
}

/** A client that trains with fixed terms and keeps no state. Its delta stays in the thread that trained it. */
export function plainClient(
  weighting: 'samples' | 'equal',
  terms: LocalTerms = {},
  leastEpochs?: number,
): ClientPart<null> {
  return {
    needs: workNeeds(leastEpochs),
    ...(leastEpochs === undefined && Object.keys(terms).length === 0 && { plain: weighting }),
    // Not an async function, whose frame each of a fleet's many trainings would keep.
    train({ round, weights }, own, learner, random) {
      const work = leastEpochs === undefined ? undefined : drawnWork(leastEpochs, learner, random)
      return learner.trainHeld({ round, weights, terms, ...work }).then(({ delta, samples, metrics }) => {
        const weight = weighting === 'equal' ? 1 : samples
        return { contribution: { vectors: { delta }, weight, samples, metrics } satisfies Contribution, own }
      })
    },
  }
}

/** Adds the mean delta to the weights. */
export const averaging: ServerPart<null> = {
  init: () => null,
  step(weights, aggregate) {
    const mean = aggregate.mean()
    for (let i = 0; i < mean.length; i++) weights[i]! += mean[i]!
  },
}

/**
 * Federated averaging: weights += Σ (n_k / n) Δ_k. With `weighting: 'equal'`: weights += mean of Δ_k.
 *
 * @see McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017, algorithm 1.
 */
export const fedAvg = defineAlgorithm({
  name: 'fedavg',
  summary: 'federated averaging: w ← w + Σ (n_k / n) Δ_k',
  source: 'McMahan et al., AISTATS 2017, algorithm 1',
  settings: { ...roundSettings, weighting: weighting('samples') },
  make: (values) => ({ ...roundParts(values), server: averaging, client: plainClient(values.weighting) }),
})
