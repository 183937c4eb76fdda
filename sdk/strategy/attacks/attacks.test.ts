import test from 'ava'
import { virtualClock } from '../../../runtime/index.ts'
import { randomStream } from '../../random/random-stream.ts'
import { memoryRegistry } from '../../registry/memory-registry.ts'
import { hierarchical, twoTier } from '../../tag/topologies.ts'
import { rehearse, tinyPool } from '../../testing/index.ts'
import { clientLearner, type TrainingPool } from '../../training/training-pool.ts'
import type { Algorithm } from '../algorithm.ts'
import { fedBuff } from '../algorithms/asynchronous/index.ts'
import { scaffold } from '../algorithms/client/index.ts'
import { qFedAvg } from '../algorithms/fair/index.ts'
import { bulyan, flTrust, geometricMedian, krum, median, trimmedMean } from '../algorithms/robust/index.ts'
import { fedAvg } from '../algorithms/server/index.ts'
import { choicesOf, chosenAlgorithm } from '../chosen-algorithm.ts'
import { requireTopology } from '../fitting-algorithm.ts'
import { requireLearner } from '../learner-needs.ts'
import { attackersOf } from './attacks.ts'

const clients = 11
const attacks = [
  'sign-flip:0.2:scale=5',
  'scaled:0.2',
  'gaussian:0.2:deviation=5',
  'inner-product:0.2:epsilon=5',
  'alie:0.2',
]

const under = (attack: string, own: Algorithm) => chosenAlgorithm(own, choicesOf({ attack }))

/** How far from the honest mean, which moves every weight by 1, a round of clients near it ends. */
async function distance(strategy: Algorithm): Promise<number> {
  const registry = memoryRegistry()
  const pool: TrainingPool = tinyPool({
    clients,
    distort: (update, { client }) => ({
      ...update,
      delta: update.delta.map((_, i) => 1 + (((client + i) % 5) - 2) / 100),
    }),
  })
  const run = await rehearse({
    ...{ strategy, pool: { ...pool, trainRoot }, registry, topology: twoTier({ clients }), rounds: 1 },
    system: { clock: virtualClock() },
    checkDeterminism: true,
  })
  if (run.state !== 'completed') throw run.cause
  const { weights } = await registry.load('job-1', 1)
  return Math.max(...weights.map((value) => Math.abs(value - 2)))
}

/** The server's own training, near the honest mean, by the stream of the aggregator. */
const trainRoot: TrainingPool['trainRoot'] = async ({ end, round, weights }) => {
  const random = randomStream(1, round, end)
  return { delta: weights.map(() => 1 + (random.uniform() - 0.5) / 10), samples: 100, metrics: {} }
}

test('FLTrust stands more than half of attackers, by what the server learns from its root set', async (t) => {
  for (const attack of ['sign-flip:0.7:scale=5', 'gaussian:0.2:deviation=5', 'inner-product:0.7:epsilon=5'])
    t.true((await distance(under(attack, flTrust()))) < 0.1, attack)
  t.true((await distance(under('sign-flip:0.7:scale=5', median()))) > 1)
})

test('a fifth of attackers move the mean, and not the robust rules', async (t) => {
  for (const attack of attacks.slice(0, -1)) {
    t.true((await distance(under(attack, fedAvg()))) > 0.3, attack)
    for (const rule of [
      krum({ f: 2 }),
      bulyan({ f: 2 }),
      median(),
      trimmedMean({ f: 2 }),
      geometricMedian({ iterations: 20 }),
    ])
      t.true((await distance(under(attack, rule))) < 0.1, `${rule.name} under ${attack}`)
  }
})

test('a little is enough stays within the spread of honest updates', async (t) => {
  const found = await distance(under('alie:0.2', fedAvg()))
  t.true(found > 0 && found < 0.03, `${found}`)
})

test('attackers are the given fraction of the members, and mostly the same ends', (t) => {
  const ends = Array.from({ length: 20 }, (_, index) => `trainer-${index}`)
  const all = attackersOf(ends, 0.2)
  t.is(all.size, 4)
  t.is(attackersOf(ends, 0).size, 0)
  t.deepEqual(attackersOf(ends.toReversed(), 0.2), all)
  for (const end of attackersOf(ends.slice(0, 10), 0.1))
    t.true(all.has(end) || !ends.slice(0, 10).some((each) => all.has(each)))
})

test('without attackers an attack changes nothing', async (t) => {
  t.is(await distance(under('scaled:0', fedAvg())), await distance(fedAvg()))
})

test('an attack needs each update and rounds, and its faults say what was expected', (t) => {
  t.throws(() => requireTopology(under('scaled:0.2', fedAvg()), hierarchical({ clients: 4 }).schema), {
    code: 'STRATEGY_TOPOLOGY',
  })
  t.throws(() => under('scaled:0.2', fedBuff()), { code: 'STRATEGY_MISFIT' })
  t.throws(() => under('scaled:1', fedAvg()), { code: 'STRATEGY_SETTING' })
  t.throws(() => under('scaled', fedAvg()), { code: 'STRATEGY_SETTING' })
  t.throws(() => under('bribe:0.2', fedAvg()), { code: 'STRATEGY_UNKNOWN' })
})

test('with flipped labels the same fraction of all clients trains on other labels, by any algorithm', async (t) => {
  for (const own of [fedAvg(), fedBuff(), qFedAvg({ lipschitz: 1 }), scaffold()]) {
    const { client } = under('label-flip:0.2', own)
    t.deepEqual(client.needs?.at(-1), 'classes')
    const flipping = new Set<number>()
    for (let index = 0; index < clients; index++) {
      const asked: (boolean | undefined)[] = []
      const pool = tinyPool({ clients })
      const learner = clientLearner(
        {
          ...pool,
          ownSteps: { learningRate: 1, epochs: 1, batch: 1 },
          async train(request) {
            asked.push(request.flipLabels)
            return { ...(await pool.train(request)), steps: 1 }
          },
          evaluateClient(request) {
            asked.push(request.flipLabels)
            return pool.evaluateClient(request)
          },
        },
        index,
        `trainer-${index}`,
      )
      const weights = await pool.initialWeights()
      const assignment = { end: `trainer-${index}`, round: 1, weights, terms: {} }
      await client.train(assignment, client.init?.(pool.layout), learner, randomStream(1))
      t.is(new Set(asked).size, 1)
      if (asked[0]) flipping.add(index)
    }
    const expected = attackersOf(
      Array.from({ length: clients }, (_, index) => `trainer-${index}`),
      0.2,
    )
    t.deepEqual(
      [...flipping].map((index) => `trainer-${index}`),
      [...expected].toSorted((a, b) => Number(a.slice(8)) - Number(b.slice(8))),
    )
  }
  t.notThrows(() => requireTopology(under('label-flip:0.2', fedAvg()), hierarchical({ clients: 4 }).schema))
  t.throws(() => requireLearner(under('label-flip:0.2', fedAvg()), {}), {
    code: 'STRATEGY_LEARNER',
    message: /classes/,
  })
})
