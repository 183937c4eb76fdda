import test from 'ava'
import { memoryStore, virtualClock } from '../../../runtime/index.ts'
import { memoryRegistry } from '../../registry/memory-registry.ts'
import { hierarchical, twoTier } from '../../tag/topologies.ts'
import { type RehearsalOptions, rehearse, tinyPool } from '../../testing/index.ts'
import type { Algorithm } from '../algorithm.ts'
import { fedBuff } from '../algorithms/asynchronous/index.ts'
import { scaffold } from '../algorithms/client/index.ts'
import { median } from '../algorithms/robust/index.ts'
import { fedAvg } from '../algorithms/server/index.ts'
import { choicesOf, chosenAlgorithm } from '../chosen-algorithm.ts'

const clients = 5
const secret = new Uint8Array(32).fill(3)
const algorithm = (privacy: string, own: Algorithm = fedAvg({ weighting: 'equal' })) =>
  chosenAlgorithm(own, choicesOf({ privacy }))

async function run(options: Partial<RehearsalOptions>) {
  const registry = memoryRegistry()
  const system = { clock: virtualClock() }
  const outcome = await rehearse({
    ...{ topology: twoTier({ clients }), rounds: 4, registry, system, drawSecret: () => secret },
    ...options,
  })
  return { ...outcome, registry, hashes: outcome.rounds.map(({ hash }) => hash) }
}

test('without noise, and with a norm above all others, privacy changes nothing but what is published', async (t) => {
  // A division by four rounds nothing.
  const topology = twoTier({ clients: 4 })
  const plain = await run({ strategy: fedAvg({ weighting: 'equal' }), topology })
  for (const privacy of [
    'dp-fixed-clipping,clippingNorm=1000,noiseMultiplier=0',
    'dp-adaptive-clipping,initialClippingNorm=1000,noiseMultiplier=0,countStddev=0',
    'dp,clip_threshold=1000,noise_factor=0',
  ]) {
    const found = await run({ strategy: algorithm(privacy), topology: hierarchical({ clients: 4, groups: 2 }) })
    t.deepEqual(found.hashes, plain.hashes, `${privacy}: ${found.cause}`)
    t.false(Object.keys(found.rounds[0]?.metrics ?? {}).some((name) => name.startsWith('train-')))
  }
})

test('each round tells the privacy that is spent, and the same noise is drawn again after an end in between', async (t) => {
  for (const privacy of [
    'dp-fixed-clipping,clippingNorm=0.1,noiseMultiplier=1,samplingProbability=0.5,delta=1e-3',
    'dp-adaptive-clipping,noiseMultiplier=1,countStddev=2,delta=1e-3',
    'dp,clip_threshold=0.1,noise_factor=0.3,delta=1e-3',
  ]) {
    const strategy = algorithm(privacy)
    const whole = await run({ strategy, checkDeterminism: true })
    t.is(whole.state, 'completed', `${privacy}: ${whole.cause}`)
    const spent = await Promise.all([1, 2, 3, 4].map((round) => whole.registry.describe('job-1', round)))
    const epsilons = spent.map(({ privacy }) => privacy?.epsilon ?? Number.NaN)
    t.true(
      epsilons.every((epsilon, round) => epsilon > (epsilons[round - 1] ?? 0)),
      epsilons.join(),
    )
    t.is(spent[0]?.privacy?.delta, 1e-3)
    t.is(whole.rounds[3]?.metrics['privacy-epsilon'], epsilons[3])
    const store = memoryStore()
    await run({ strategy, store, onRound: ({ round }, system) => void (round === 2 && system.terminate()) })
    t.is(
      (await run({ strategy, store, drawSecret: () => secret.map((byte) => byte + 1) })).hashes.at(-1),
      whole.hashes.at(-1),
    )
    t.not((await run({ strategy, drawSecret: () => secret.map((byte) => byte + 1) })).hashes[0], whole.hashes[0])
  }
})

test('a job ends completed before the round that would exceed its budget, and resumed with more rounds it stays so', async (t) => {
  const strategy = algorithm('dp-fixed-clipping,clippingNorm=1,noiseMultiplier=2,delta=1e-3,budget=2.2')
  const store = memoryStore()
  const first = await run({ strategy, store, rounds: 50 })
  t.is(first.state, 'completed', String(first.cause))
  const last = first.rounds.at(-1)
  t.true(first.rounds.length > 0 && first.rounds.length < 50)
  t.true((last?.metrics['privacy-epsilon'] ?? 9) <= 2.2)
  t.true(first.notices.includes('ROLE_BUDGET'))
  const again = await run({ strategy, store, rounds: 60 })
  t.is(again.state, 'completed')
  t.deepEqual(again.rounds, [])
})

test('a budget that is too small for one round fails the job', async (t) => {
  const strategy = algorithm('dp-fixed-clipping,clippingNorm=1,noiseMultiplier=0.5,budget=0.1')
  const found = await run({ strategy })
  t.is(found.state, 'failed')
  t.like(found.cause, { code: 'ROLE_BUDGET' })
})

test('a round in which nobody takes part is noise alone', async (t) => {
  const strategy = algorithm('dp-fixed-clipping,clippingNorm=1,noiseMultiplier=1,samplingProbability=0.1')
  const found = await run({ strategy, rounds: 8 })
  t.is(found.state, 'completed', String(found.cause))
  t.true(found.rounds.some(({ members }) => members.length === 0))
})

test('the clipping norm follows the quantile of the norms', async (t) => {
  const pool = tinyPool({
    clients,
    distort: (update) => ({ ...update, delta: update.delta.map((_, i) => (i === 0 ? 1 : 0)) }),
  })
  // All deltas have norm 1: the norm rises by e^(η γ) while all are clipped, and falls by e^(−η(1 − γ)) when none is.
  const strategy = algorithm(
    'dp-adaptive-clipping,noiseMultiplier=0,countStddev=0,initialClippingNorm=0.5,quantile=0.5,learningRate=1',
  )
  const found = await run({ strategy, pool, rounds: 3 })
  const weights = await Promise.all([1, 2, 3].map(async (round) => (await found.registry.load('job-1', round)).weights))
  const steps = weights.map((each, round) => (each[0] ?? 0) - (weights[round - 1]?.[0] ?? 1))
  for (const [round, norm] of [0.5, 0.5 * Math.sqrt(Math.E), 1].entries())
    t.true(Math.abs((steps[round] ?? 0) - norm) < 1e-5, steps.join())
})

test('algorithms for which clipping is no bound of a client’s influence are refused, with the way out', (t) => {
  const privacy = 'dp-fixed-clipping,clippingNorm=1,noiseMultiplier=1'
  for (const own of [median(), fedBuff(), scaffold()])
    t.like(
      t.throws(() => algorithm(privacy, own)),
      { code: 'STRATEGY_MISFIT' },
    )
  t.throws(() => algorithm('dp-adaptive-clipping,noiseMultiplier=4,countStddev=2'), { code: 'STRATEGY_MISFIT' })
  t.throws(() => algorithm('dp-fixed-clipping,clippingNorm=1'), { code: 'STRATEGY_SETTING' })
})
