import test from 'ava'
import { randomStream } from '../random/random-stream.ts'
import { hierarchical, twoTier } from '../tag/topologies.ts'
import type { Algorithm } from './algorithm.ts'
import { fedAvg } from './algorithms/fed-avg.ts'
import { choiceFaults, choicesOf, chosenAlgorithm, requireTopology } from './chosen-algorithm.ts'

const ends = ['a', 'b', 'c', 'd']
const selected = ({ select }: Algorithm) => select.select(ends, randomStream(1)).length

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
    ['', 'STRATEGY_SYNTAX'],
  ] as const)
    t.throws(() => chosenAlgorithm(fedAvg(), choicesOf({ optimizer: text })), { code }, text)
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
    },
  )
})
