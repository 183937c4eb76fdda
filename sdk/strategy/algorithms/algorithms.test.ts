import test from 'ava'
import type { LocalTerms } from '../../learn/learner.ts'
import type { RoleLearner } from '../../learn/role-learner.ts'
import { randomStream } from '../../random/random-stream.ts'
import { arrayOf } from '../../sum/accumulator.ts'
import { layoutOf } from '../../weights/layout.ts'
import type { Aggregate, Algorithm } from '../algorithm.ts'
import { fedAvg } from './fed-avg.ts'
import { fedProx } from './fed-prox.ts'

const layout = layoutOf([{ name: 'w', shape: [2] }])

function aggregateOf(mean: Float32Array): Aggregate {
  return { round: 1, members: ['trainer-0'], population: 1, weight: 1, mean: () => mean }
}

/** The terms with which an algorithm's client trains, and the weight of its contribution. */
async function trained({ client }: Algorithm) {
  const asked: LocalTerms[] = []
  const update = { delta: Float32Array.of(1, 2), samples: 5, metrics: {} }
  const train: RoleLearner['train'] = async ({ terms }) => {
    asked.push(terms)
    return update
  }
  const evaluate = async () => ({ samples: 1, metrics: {} })
  const learner = {
    layout,
    initialWeights: async () => new Float32Array(2),
    train,
    trainHeld: train,
    take: arrayOf,
    evaluate,
  }
  const assignment = { round: 1, weights: new Float32Array(2), terms: {} }
  const { contribution } = await client.train(assignment, null, learner, randomStream(1))
  return { terms: asked, weight: contribution.weight }
}

test('FedAvg moves the weights by the mean delta', (t) => {
  const { server } = fedAvg()
  const weights = Float32Array.of(1, 2)
  server.step(weights, aggregateOf(Float32Array.of(0.5, -0.25)), server.init(layout), randomStream(1))
  t.deepEqual(weights, Float32Array.of(1.5, 1.75))
})

test('FedAvg weighs clients by their samples, or equally', async (t) => {
  t.deepEqual(await trained(fedAvg()), { terms: [{}], weight: 5 })
  t.deepEqual(await trained(fedAvg({ weighting: 'equal' })), { terms: [{}], weight: 1 })
})

test('FedProx is FedAvg with a proximal term for the trainers', async (t) => {
  const algorithm = fedProx({ mu: 0.1, quorum: 0.5 })
  t.like(algorithm, { name: 'fedprox', server: fedAvg().server, waiting: { quorum: 0.5 } })
  t.deepEqual(await trained(algorithm), { terms: [{ proximal: 0.1 }], weight: 5 })
})

test('settings out of range are refused, named with what was expected', (t) => {
  for (const [settings, name] of [
    [{ fraction: 0 }, 'fraction'],
    [{ fraction: 1.1 }, 'fraction'],
    [{ fraction: Number.NaN }, 'fraction'],
    [{ quorum: 0 }, 'quorum'],
    [{ deadlineMs: 0 }, 'deadlineMs'],
    [{ minimumUpdates: 0 }, 'minimumUpdates'],
    [{ minimumUpdates: 1.5 }, 'minimumUpdates'],
    [{ quantumBits: 52 }, 'quantumBits'],
    [{ quantumBits: 12.5 }, 'quantumBits'],
  ] as const) {
    t.like(
      t.throws(() => fedAvg(settings)),
      { code: 'STRATEGY_SETTING', values: { name } },
    )
  }
  t.like(
    t.throws(() => fedProx({ mu: -1 })),
    { code: 'STRATEGY_SETTING', message: 'fedprox: mu is -1, expected a number at least 0' },
  )
})

test('a setting that an algorithm has not is refused with those that it has, and one that is missing', (t) => {
  t.regex(
    t.throws(() => fedProx.from({ mu: 1, fractoin: 0.5 }), { code: 'STRATEGY_SETTING_UNKNOWN' })?.message ?? '',
    /fedprox has no setting fractoin; it has mu, fraction, .*did you mean fraction/,
  )
  t.like(
    t.throws(() => fedProx.from({}), { code: 'STRATEGY_SETTING' }),
    { values: { name: 'mu', expected: 'a number at least 0' } },
  )
})

test('FedAvg with fraction 1 selects all, and less a random subset', (t) => {
  const ends = ['a', 'b', 'c', 'd']
  t.deepEqual(fedAvg().select.select(ends, randomStream(1)), ends)
  t.is(fedAvg({ fraction: 0.5 }).select.select(ends, randomStream(1)).length, 2)
})
