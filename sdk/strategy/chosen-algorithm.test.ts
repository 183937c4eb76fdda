import test from 'ava'
import { randomStream } from '../random/random-stream.ts'
import { expand } from '../tag/expand.ts'
import { gossip, hierarchical, split, twoTier } from '../tag/topologies.ts'
import type { Topology } from '../tag/topology.ts'
import type { Algorithm } from './algorithm.ts'
import { krum } from './algorithms/robust/index.ts'
import { fedAvg } from './algorithms/server/index.ts'
import { type Choices, choiceFaults, choicesOf, chosenAlgorithm, requireChoices } from './chosen-algorithm.ts'
import { fewestTrainers, requireTopology, requireUpdates } from './fitting-algorithm.ts'
import { namedPopulation } from './population.ts'

const ends = ['a', 'b', 'c', 'd']
const selected = ({ select }: Algorithm) => select.select(namedPopulation(ends), randomStream(1)).length

test("a named algorithm takes the place of the workload's, whose selection, waiting and quantum stay unless they are given", (t) => {
  const own = fedAvg({ fraction: 0.5, quorum: 0.7, quantumBits: 30 })
  const kept = chosenAlgorithm(own, choicesOf({ optimizer: 'fedadam,eta=0.05' }))
  t.is(kept.name, 'fedadam')
  t.is(selected(kept), 2)
  t.like(kept, { waiting: { quorum: 0.7 }, aggregation: { vectors: { delta: { quantumBits: 30 } } } })
  const given = chosenAlgorithm(own, choicesOf({ optimizer: 'fedadam,fraction=1,quorum=1,quantumBits=20' }))
  t.is(selected(given), 4)
  t.like(given, { waiting: { quorum: 1 }, aggregation: { vectors: { delta: { quantumBits: 20 } } } })
})

test('the settings of waiting that are not given stay the workload’s, and one that is undefined is not given', (t) => {
  const own = fedAvg({ fraction: 0.5, quorum: 0.7, deadlineMs: 500, minimumUpdates: 3, quantumBits: 30 })
  const { waiting } = chosenAlgorithm(own, choicesOf({ optimizer: 'fedavg,quorum=0.9' }))
  t.deepEqual(waiting, { kind: 'quorum', quorum: 0.9, deadlineMs: 500, minimumUpdates: 3 })
  t.like(chosenAlgorithm(own, choicesOf({ optimizer: 'fedavg,minimumUpdates=1' })).waiting, { minimumUpdates: 1 })
  t.like(chosenAlgorithm(own, choicesOf({ optimizer: 'krum,f=1,minimumUpdates=1' })).waiting, { minimumUpdates: 5 })
  const kwargs = { fraction: undefined, quorum: undefined, quantumBits: undefined }
  const kept = chosenAlgorithm(own, { optimizer: { sort: 'fedadam', kwargs } })
  t.is(selected(kept), 2)
  t.deepEqual([kept.waiting, kept.aggregation], [own.waiting, own.aggregation])
})

test('a selector selects in place of the workload’s, under the name of its setting or that of Flame', (t) => {
  for (const selector of ['random,k=3', 'random,count=3'])
    t.is(selected(chosenAlgorithm(fedAvg(), choicesOf({ selector }))), 3)
  t.is(selected(chosenAlgorithm(fedAvg({ fraction: 0.5 }), { selector: { sort: 'default' } })), 4)
})

test('every fault of a choice is found, with the names that were meant', (t) => {
  const faults = choiceFaults({
    optimizer: { sort: 'fedadam', kwargs: { beta_1: 1, bta_2: 0.9, weighting: 'odd' } },
    selector: { sort: 'random' },
    privacy: { sort: 'toString' },
  })
  t.deepEqual(
    faults.map(({ kind, problem, name }) => `${kind} ${problem} ${name}`),
    [
      'optimizer range beta_1',
      'optimizer unknown bta_2',
      'optimizer range weighting',
      'selector missing k',
      'privacy sort toString',
    ],
  )
  t.is(faults[0]?.expected, 'a number at least 0 and below 1')
  t.regex(faults[1]?.expected ?? '', /did you mean beta_2/)
  t.is(faults[2]?.expected, 'one of samples, equal')
})

test('a choice that is none is refused', (t) => {
  for (const [text, code] of [
    ['fedadm', 'STRATEGY_UNKNOWN'],
    ['fedadam,etta=1', 'STRATEGY_SETTING_UNKNOWN'],
    ['fedadam,eta=0', 'STRATEGY_SETTING'],
    ['fedprox', 'STRATEGY_SETTING'],
    ['fedadam,eta', 'STRATEGY_SYNTAX'],
    ['eta=1', 'STRATEGY_SYNTAX'],
    ['fedadam,eta=1,eta=2', 'STRATEGY_SYNTAX'],
    ['fedadam,beta1=0.5,beta_1=0.9', 'STRATEGY_SETTING'],
    ['', 'STRATEGY_SYNTAX'],
  ] as const)
    t.throws(() => chosenAlgorithm(fedAvg(), choicesOf({ optimizer: text })), { code }, text)
})

test('choices of a program that nobody would read are refused', (t) => {
  t.notThrows(() => requireChoices({ optimizer: { sort: 'krum', kwargs: { f: 1 } }, selector: undefined }))
  t.throws(() => requireChoices({ optimiser: { sort: 'krum' } }), { code: 'STRATEGY_KIND' })
  for (const optimizer of ['krum', null, { kwargs: {} }, { sort: 'krum', kwarg: {} }, { sort: 'krum', kwargs: null }])
    t.throws(() => requireChoices({ optimizer }), { code: 'STRATEGY_CHOICE' })
})

test('an algorithm that needs each contribution runs without middle aggregators only', (t) => {
  const each: Algorithm = { ...fedAvg(), name: 'each', aggregation: { ...fedAvg().aggregation, needs: 'each' } }
  const [flat, tree] = [twoTier({ clients: 4 }).schema, hierarchical({ clients: 4 }).schema]
  t.notThrows(() => requireTopology(each, flat))
  t.notThrows(() => requireTopology(fedAvg(), tree))
  t.like(
    t.throws(() => requireTopology(each, tree)),
    {
      code: 'STRATEGY_TOPOLOGY',
      message: 'each needs each contribution, and the role middle-aggregator passes sums on',
      hint: 'choose a topology on which it runs, such as two-tier, parallel, or another algorithm',
    },
  )
})

test('an algorithm that needs a server is refused where ends gossip, with what to change', (t) => {
  const { schema } = gossip({ clients: 4 })
  const chosen = (sort: string, kwargs = {}) => chosenAlgorithm(fedAvg(), { optimizer: { sort, kwargs } })
  for (const fitting of ['fedavg', 'moon', 'ditto', 'fedper'])
    t.notThrows(() => requireTopology(chosen(fitting), schema), fitting)
  t.notThrows(() => requireTopology(chosen('fedprox', { mu: 0.1 }), schema))
  for (const [algorithm, reason] of [
    [chosen('krum', { f: 1 }), /needs each contribution at a server/],
    [chosen('fedbuff'), /fills a buffer at a server/],
    [chosen('scaffold'), /sums delta and control at a server/],
    [chosen('fedadam'), /keeps a state at a server, .*: use fedavg or fedprox/],
    [chosen('feddyn'), /keeps a state at a server/],
    [chosen('fedgft'), /asks clients before each round/],
    [fedAvg({ quorum: 0.5 }), /set deadlineMs in place of quorum/],
    [fedAvg({ minimumUpdates: 2 }), /leave minimumUpdates out/],
  ] as const)
    t.regex(t.throws(() => requireTopology(algorithm, schema), { code: 'STRATEGY_TOPOLOGY' })?.message ?? '', reason)
})

test('an algorithm that needs updates of a whole model is refused where the model is split, with what to change', (t) => {
  const { schema } = split({ clients: 4 })
  const chosen = (choices: Choices) => chosenAlgorithm(fedAvg(), choices)
  const optimizer = (sort: string, kwargs = {}) => chosen({ optimizer: { sort, kwargs } })
  for (const fitting of ['fedavg', 'fedavgm', 'fedadam', 'fedyogi', 'fedadagrad'])
    t.notThrows(() => requireTopology(optimizer(fitting), schema), fitting)
  t.notThrows(() => requireTopology(chosen({ selector: { sort: 'random', kwargs: { k: 2 } } }), schema))
  for (const [algorithm, reason] of [
    [optimizer('krum', { f: 1 }), /krum needs each update of a whole model, .*: use fedavg/],
    [optimizer('fedbuff'), /fills a buffer, .* in rounds: use fedavg/],
    [optimizer('scaffold'), /train a whole model in a way of their own, .*: use fedavg/],
    [optimizer('fedprox', { mu: 0.1 }), /in a way of their own/],
    [optimizer('feddyn'), /in a way of their own/],
    [optimizer('ditto'), /in a way of their own/],
    [optimizer('norm-clipping', { norm: 1 }), /stages of .* change updates .*: leave out clip/],
    [
      chosenAlgorithm(
        fedAvg({ weighting: 'equal' }),
        choicesOf({ privacy: 'dp-fixed-clipping,clippingNorm=1,noiseMultiplier=1' }),
      ),
      /privacy bounds .*: leave the privacy out/,
    ],
    [
      chosen({ selector: { sort: 'oort', kwargs: { aggr_num: 2 } } }),
      /selector of .* learns .*: use the selector random/,
    ],
    [fedAvg({ clientEvaluation: 1 }), /leave clientEvaluation out/],
  ] as const)
    t.regex(t.throws(() => requireTopology(algorithm, schema), { code: 'STRATEGY_TOPOLOGY' })?.message ?? '', reason)
})

test('an algorithm that needs more updates than its selection or its quorum can give is refused', (t) => {
  const refused = (algorithm: Algorithm, topology: Topology) => {
    const tasks = expand(topology, { jobId: 'j', newKey: () => '' })
    return t.throws(() => requireUpdates(algorithm, topology.schema, () => fewestTrainers(topology.schema, tasks)), {
      code: 'STRATEGY_CLIENTS',
    })?.message
  }
  const accepted = (algorithm: Algorithm, topology: Topology) => {
    const tasks = expand(topology, { jobId: 'j', newKey: () => '' })
    t.notThrows(() => requireUpdates(algorithm, topology.schema, () => fewestTrainers(topology.schema, tasks)))
  }
  t.is(refused(krum({ f: 1 }), twoTier({ clients: 4 })), 'krum needs 5 updates a round, but selects 4 of 4 trainers')
  t.is(
    refused(krum({ f: 1, fraction: 0.5 }), twoTier({ clients: 8 })),
    'krum needs 5 updates a round, but selects 4 of 8 trainers',
  )
  t.is(
    refused(krum({ f: 1, quorum: 0.6 }), twoTier({ clients: 6 })),
    'krum needs 5 updates a round, but selects 6 of 6 trainers, of which a round awaits 4',
  )
  accepted(krum({ f: 1 }), twoTier({ clients: 5 }))
  accepted(krum({ f: 1, fraction: 0.5 }), twoTier({ clients: 10 }))
  accepted(fedAvg(), twoTier({ clients: 1 }))
  refused(fedAvg({ minimumUpdates: 5 }), hierarchical({ clients: 4 }))
  // Two groups of three count two each.
  accepted(fedAvg({ minimumUpdates: 4, quorum: 0.5 }), hierarchical({ clients: 6, groups: 2 }))

  const { schema } = twoTier({ clients: 1 })
  const groupAssociation = [{ param: 'red' }, { param: 'blue' }]
  const parallel: Topology = {
    schema: {
      ...schema,
      roles: schema.roles.map((role) => ({ ...role, groupAssociation })),
      channels: schema.channels.map((channel) => ({
        ...channel,
        name: 'param',
        groupBy: { type: 'tag', value: ['red', 'blue'] },
      })),
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { red: ['0', '1', '2', '3', '4'], blue: ['5', '6'] } }],
  }
  t.regex(refused(krum({ f: 1 }), parallel) ?? '', /selects 2 of 2 trainers$/)
  accepted(krum({ f: 1 }), {
    ...parallel,
    dataSpec: [{ role: 'trainer', datasetGroups: { red: ['0', '1', '2', '3', '4'], blue: ['5', '6', '7', '8', '9'] } }],
  })
})
