import test from 'ava'
import type { Steps } from '../learn/steps.ts'
import { ring, twoTier } from '../tag/topologies.ts'
import type { Algorithm, LearnerNeed } from './algorithm.ts'
import { fedDyn, fedNova, fedProx, moon, scaffold } from './algorithms/client/index.ts'
import { fedGft } from './algorithms/fair/index.ts'
import { fedAvg } from './algorithms/server/index.ts'
import { topologyMisfit } from './fitting-algorithm.ts'
import { requireLearner } from './learner-needs.ts'

const ownSteps: Steps = { learningRate: 0.1, epochs: 1, batch: 10 }
const momentum: Steps = { ...ownSteps, momentum: 0.9 }
const adam: Steps = { ...ownSteps, optimizer: 'adam' }

test('an algorithm whose learner lacks what the algorithm needs is refused, with what to change', (t) => {
  const refused = (
    algorithm: Algorithm,
    learner: Parameters<typeof requireLearner>[1],
    needs: RegExp,
    hint: RegExp,
  ) => {
    const error = t.throws(() => requireLearner(algorithm, learner), { code: 'STRATEGY_LEARNER' })
    t.regex(error?.message ?? '', needs)
    t.regex(String(Object(error).hint), hint)
  }
  refused(scaffold(), { ownSteps: momentum }, /w −= η·g/, /without momentum/)
  refused(scaffold({ option: 1 }), { ownSteps: adam }, /the ability parts/, /engine/)
  refused(fedNova(), { ownSteps: adam }, /steps by SGD/, /optimizer: 'sgd'/)
  refused(fedNova(), {}, /steps by SGD/, /optimizer: 'sgd'/)
  refused(fedProx({ mu: 1, leastEpochs: 1 }), { ownSteps }, /the ability work/, /engine/)
  refused(moon(), { ownSteps, abilities: ['work', 'start', 'losses'] }, /the ability contrastive/, /engine/)
  refused(fedGft(), { ownSteps, abilities: ['losses'] }, /the ability groups/, /engine/)
  refused(fedProx({ mu: 1, leastEpochs: 1 }), { abilities: ['work'] }, /settings of its steps/, /ownSteps/)
})

test('other learners are taken', (t) => {
  const abilities: readonly Exclude<LearnerNeed, 'plain-sgd' | 'sgd' | 'own-steps'>[] = ['work', 'parts']
  for (const algorithm of [fedAvg(), fedProx({ mu: 1 }), fedDyn()]) t.notThrows(() => requireLearner(algorithm, {}))
  t.notThrows(() => requireLearner(scaffold(), { ownSteps }))
  t.notThrows(() => requireLearner(scaffold({ option: 1 }), { ownSteps: adam, abilities }))
  t.notThrows(() => requireLearner(fedNova({ leastEpochs: 1 }), { ownSteps: momentum, abilities }))
})

test('an algorithm that asks clients before a round is refused where no aggregator asks', (t) => {
  t.regex(topologyMisfit(fedGft(), ring({ clients: 3 }).schema) ?? '', /fedgft asks clients before each round/)
  t.is(topologyMisfit(fedGft(), twoTier({ clients: 3 }).schema), undefined)
})

test('a setting may take a word in place of a number, and no other word', (t) => {
  t.notThrows(() => fedGft({ gamma: 'auto' }))
  t.throws(() => fedGft.from({ gamma: 'much' }), {
    code: 'STRATEGY_SETTING',
    message: 'fedgft: gamma is much, expected a number at least 0, or auto',
  })
})
