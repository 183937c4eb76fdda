import type { Ability } from '../learn/learner.ts'
import { plainLearningRate, type Steps } from '../learn/steps.ts'
import type { Algorithm, LearnerNeed } from './algorithm.ts'
import { strategyError } from './errors.ts'

interface LearnerFacts {
  readonly ownSteps?: Steps | undefined
  readonly abilities?: readonly Ability[] | undefined
}

const stepNeeds: Readonly<Partial<Record<LearnerNeed, { readonly needs: string; readonly mend: string }>>> = {
  'plain-sgd': {
    needs: 'steps w −= η·g and nothing else',
    mend: 'use a layersLearner with sgd, and without momentum, weightDecay, clipNorm and clipValue',
  },
  sgd: { needs: 'steps by SGD', mend: "use a layersLearner with optimizer: 'sgd', with or without momentum" },
  'own-steps': {
    needs: 'settings of its steps, and the number of steps after a training',
    mend: 'use a layersLearner, or state ownSteps in your own learner, and steps in its updates',
  },
}

/** The error about a learner that doesn't meet a need: STRATEGY_LEARNER. */
export function learnerError(need: LearnerNeed): Error {
  return strategyError(
    'STRATEGY_LEARNER',
    stepNeeds[need] ?? {
      needs: `the ability ${need}`,
      mend: 'use a layersLearner that runs on the engine, or implement the ability in your own learner',
    },
  )
}

/** @throws STRATEGY_LEARNER where an algorithm needs another learner. */
export function requireLearner({ client }: Algorithm, { ownSteps, abilities = [] }: LearnerFacts): void {
  const meets = (need: LearnerNeed) => {
    if (need === 'own-steps') return ownSteps !== undefined
    if (need === 'sgd') return ownSteps !== undefined && (ownSteps.optimizer ?? 'sgd') === 'sgd'
    if (need === 'plain-sgd') return ownSteps !== undefined && plainLearningRate(ownSteps) !== undefined
    return abilities.includes(need)
  }
  const missing = client.needs?.find((need) => !meets(need))
  if (missing !== undefined) throw learnerError(missing)
}
