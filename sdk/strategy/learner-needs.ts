import type { Ability, ModelSection } from '../learn/learner.ts'
import { isScheduled, plainLearningRate, type Steps } from '../learn/steps.ts'
import type { Layout } from '../weights/layout.ts'
import type { Algorithm, LearnerNeed } from './algorithm.ts'
import { strategyError } from './errors.ts'
import { summedLayout } from './shared-part.ts'

interface LearnerFacts {
  readonly ownSteps?: Steps | undefined
  readonly abilities?: readonly Ability[] | undefined
  /** Present if the data have a root set. */
  readonly trainRoot?: unknown
  readonly layout?: Layout
  /** As `Learner.runsOn`. */
  readonly runsOn?: string | undefined
  readonly sections?: readonly ModelSection[] | undefined
  /** Number of clients that the job has. */
  readonly clients?: number
}

const stepNeeds: Readonly<Partial<Record<LearnerNeed, { readonly needs: string; readonly mend: string }>>> = {
  'plain-sgd': {
    needs: 'steps w −= η·g and nothing else',
    mend: 'use a layersLearner with sgd, and without momentum, weightDecay, clipNorm, clipValue and schedule',
  },
  sgd: { needs: 'steps by SGD', mend: "use a layersLearner with optimizer: 'sgd', with or without momentum" },
  'own-steps': {
    needs: 'settings of its steps, and the number of steps after a training',
    mend: 'use a layersLearner, or state ownSteps in your own learner, and steps in its updates',
  },
  'fixed-rate': {
    needs: 'steps whose learning rate no schedule changes, since the algorithm computes with the rate',
    mend: "leave the learner's schedule out, or take an algorithm without such steps",
  },
  root: {
    needs: 'a root set for the server to train on',
    mend: "give root, a few trusted examples, in the workload's data",
  },
  'no-batch-norm': {
    needs: 'a model that shares no batch normalization, whose moving variances noise and clipping would make useless',
    mend: 'normalize with groupNormalization or layerNormalization instead, or keep it at the clients with fedbn',
  },
  classes: {
    needs: 'labels that are classes, whose number the learner states',
    mend: 'use a layersLearner with softmaxCrossEntropy or sigmoidCrossEntropy, or state classes in your own learner',
  },
  stepwise: {
    needs:
      'settings of its steps, without a schedule, and without clipNorm, which needs the norm of the gradient over all parties',
    mend: 'leave schedule and clipNorm out, or bound each value with clipValue instead',
  },
  parties: {
    needs: 'a part of the model for each client of the job, the first with the labels',
    mend: 'use a verticalLearner with as many parties as the job has clients',
  },
}

/** The error about a learner that doesn't meet a need: STRATEGY_LEARNER. */
export function learnerError(need: LearnerNeed, runsOn?: string): Error {
  const where = runsOn === undefined ? '' : `, and this learner runs on ${runsOn}`
  return strategyError(
    'STRATEGY_LEARNER',
    stepNeeds[need] ?? {
      needs: `the ability ${need}${where}`,
      mend: 'use a layersLearner that runs on the engine, or implement the ability in your own learner',
    },
  )
}

/** @throws STRATEGY_LEARNER where an algorithm needs another learner. */
export function requireLearner({ client, aggregation }: Algorithm, facts: LearnerFacts): void {
  const { ownSteps, abilities = [], layout, trainRoot, runsOn, sections, clients } = facts
  const meets = (need: LearnerNeed) => {
    if (need === 'own-steps') return ownSteps !== undefined
    if (need === 'sgd') return ownSteps !== undefined && (ownSteps.optimizer ?? 'sgd') === 'sgd'
    if (need === 'plain-sgd') return ownSteps !== undefined && plainLearningRate(ownSteps) !== undefined
    if (need === 'root') return trainRoot !== undefined
    if (need === 'no-batch-norm') return !layout || !hasMovingVariance(summedLayout(aggregation, layout))
    if (need === 'fixed-rate') return ownSteps !== undefined && !isScheduled(ownSteps)
    if (need === 'stepwise') return ownSteps !== undefined && ownSteps.clipNorm === undefined && !isScheduled(ownSteps)
    if (need === 'parties') return sections?.length === clients
    return abilities.includes(need)
  }
  const missing = client.needs?.find((need) => !meets(need))
  if (missing !== undefined) throw learnerError(missing, runsOn)
}

function hasMovingVariance({ tensors }: Layout): boolean {
  return tensors.some(({ name }) => name.endsWith('/moving_variance'))
}
