import test, { type ExecutionContext } from 'ava'
import type { Ability } from '../learn/learner.ts'
import type { Steps } from '../learn/steps.ts'
import { gossip, hierarchical, ring, twoTier, vertical } from '../tag/topologies.ts'
import { layoutOf } from '../weights/layout.ts'
import type { Algorithm } from './algorithm.ts'
import { fedAsync, fedBuff } from './algorithms/asynchronous/index.ts'
import { fedDyn, fedNova, fedProx, moon, scaffold } from './algorithms/client/index.ts'
import { agnostic, fedGft, qFedAvg } from './algorithms/fair/index.ts'
import { fedBn } from './algorithms/personal/index.ts'
import { flTrust } from './algorithms/robust/index.ts'
import { fedAvg } from './algorithms/server/index.ts'
import { verticalTraining } from './algorithms/vertical/index.ts'
import { choicesOf, chosenAlgorithm } from './chosen-algorithm.ts'
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
  const scheduled = { ownSteps: { ...ownSteps, schedule: 'cosine:30' } }
  refused(fedNova(), scheduled, /no schedule changes/, /schedule out/)
  refused(qFedAvg(), scheduled, /no schedule changes/, /schedule out/)
  refused(scaffold(), scheduled, /w −= η·g/, /schedule/)
  refused(fedNova(), {}, /steps by SGD/, /optimizer: 'sgd'/)
  refused(fedProx({ mu: 1, leastEpochs: 1 }), { ownSteps }, /the ability work/, /engine/)
  refused(moon(), { ownSteps, abilities: ['work', 'start', 'losses'] }, /the ability contrastive/, /engine/)
  refused(fedGft(), { ownSteps, abilities: ['losses'] }, /the ability groups/, /engine/)
  refused(flTrust(), { ownSteps }, /a root set/, /give root/)
  const runsOn = 'TensorFlow.js (wasm): the engine cannot run this model: layer lstm'
  refused(
    scaffold({ option: 1 }),
    { ownSteps, runsOn },
    /ability parts, and this learner runs on .*layer lstm/,
    /engine/,
  )
  refused(fedProx({ mu: 1, leastEpochs: 1 }), { abilities: ['work'] }, /settings of its steps/, /ownSteps/)
  const abilities: readonly Ability[] = ['parts']
  const [bottom, label] = [1, 2].map((outputs) => ({ layout: layoutOf([]), outputs }))
  const sections = [label, bottom].filter((section) => section !== undefined)
  const parties = { ownSteps: momentum, abilities, sections, clients: 2 }
  t.notThrows(() => requireLearner(verticalTraining(), parties))
  refused(verticalTraining(), { ...parties, clients: 3 }, /a part of the model for each client/, /verticalLearner/)
  refused(verticalTraining(), { ...parties, ownSteps: { ...ownSteps, clipNorm: 1 } }, /clipNorm/, /clipValue/)
  refused(verticalTraining(), {}, /the ability parts/, /engine/)
})

test('an algorithm of one model is refused for parties with a part each, and the other way round', (t) => {
  const { schema } = vertical({ parties: 3 })
  t.is(topologyMisfit(verticalTraining(), schema), undefined)
  t.regex(topologyMisfit(fedAvg(), schema) ?? '', /fedavg aggregates updates .* set optimizer=vertical/)
  for (const topology of [twoTier, hierarchical, ring, gossip].map((topologyOf) => topologyOf({ clients: 3 })))
    t.regex(topologyMisfit(verticalTraining(), topology.schema) ?? '', /set topology=vertical/)
  const choices = { stages: { sort: 'clip:1' }, privacy: undefined, attack: undefined }
  t.regex(topologyMisfit(chosenAlgorithm(verticalTraining(), choices), schema) ?? '', /leave them out/)
  const attack = { sort: 'scaled', kwargs: { fraction: 0.5 } }
  t.regex(topologyMisfit(chosenAlgorithm(verticalTraining(), { attack }), schema) ?? '', /leave them out/)
})

test('other learners are taken', (t) => {
  const abilities: readonly Ability[] = ['work', 'parts']
  for (const algorithm of [fedAvg(), fedProx({ mu: 1 }), fedDyn()]) t.notThrows(() => requireLearner(algorithm, {}))
  t.notThrows(() => requireLearner(scaffold(), { ownSteps }))
  t.notThrows(() => requireLearner(scaffold({ option: 1 }), { ownSteps: adam, abilities }))
  t.notThrows(() => requireLearner(fedNova({ leastEpochs: 1 }), { ownSteps: momentum, abilities }))
})

test('privacy refuses a model with batch normalization, and takes one with other normalizations', (t) => {
  const normalized = (...tensors: readonly string[]) => ({
    layout: layoutOf(tensors.map((name) => ({ name, shape: [1] }))),
  })
  for (const privacy of [
    'dp',
    'dp-fixed-clipping,clippingNorm=1,noiseMultiplier=1',
    'dp-adaptive-clipping,noiseMultiplier=1',
  ]) {
    const algorithm = chosenAlgorithm(fedAvg(), choicesOf({ privacy }))
    const batch = normalized('b/gamma', 'b/moving_mean', 'b/moving_variance')
    t.throws(() => requireLearner(algorithm, batch), {
      code: 'STRATEGY_LEARNER',
      message: /shares no batch normalization/,
    })
    t.notThrows(() => requireLearner(algorithm, normalized('g/gamma', 'g/beta')))
    const personal = chosenAlgorithm(fedBn(), choicesOf({ privacy }))
    const model = normalized('d/kernel', 'b/gamma', 'b/moving_mean', 'b/moving_variance')
    t.notThrows(() => requireLearner(personal, { ...model, abilities: ['start'] }))
  }
})

const misfit = (own: Algorithm, choices: Parameters<typeof choicesOf>[0], message: RegExp) => (t: ExecutionContext) => {
  const error = t.throws(() => chosenAlgorithm(own, choicesOf(choices)), { code: 'STRATEGY_MISFIT' })
  t.regex(error?.message ?? '', message)
}

for (const privacy of ['dp', 'dp-fixed-clipping,clippingNorm=1,noiseMultiplier=1']) {
  for (const [own, message] of [
    [scaffold(), /more than one vector/],
    [fedNova(), /numbers|SGD/],
    [qFedAvg(), /numbers/],
    [agnostic(), /numbers/],
    [fedGft(), /answer before a round/],
    [fedBuff({ bufferSize: 2 }), /buffer, in which an end may count twice/],
  ] as const)
    test(`${privacy} with ${own.name} is refused, and says why`, misfit(own, { privacy }, message))
  for (const [choices, message] of [
    [{ datasampler: 'fedbalancer' }, /sampler/],
    [{ selector: 'power-of-choice,k=1,d=2' }, /selector/],
    [{ selector: 'oort,aggr_num=2' }, /selector/],
    [{ selector: 'deadline,deadline=2' }, /selector/],
  ] as const)
    test(
      `${privacy} with ${Object.values(choices)[0]} is refused, and says why`,
      misfit(fedAvg(), { ...choices, privacy }, message),
    )
}

for (const choices of [{ stages: 'clip:1' }, { stages: 'top-k:0.1' }, { privacy: 'dp' }])
  test(
    `${Object.values(choices)[0]} with FedAsync is refused: its clients send no updates`,
    misfit(fedAsync(), choices, /weights whole|buffer/),
  )

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
