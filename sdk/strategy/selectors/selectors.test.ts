import test from 'ava'
import { virtualClock } from '../../../runtime/index.ts'
import { randomStream } from '../../random/random-stream.ts'
import { hierarchical, twoTier } from '../../tag/topologies.ts'
import { rehearse, tinyPool } from '../../testing/index.ts'
import type { FinishedRound, Selector } from '../algorithm.ts'
import { fedAvg } from '../algorithms/server/index.ts'
import { choicesOf, chosenAlgorithm } from '../chosen-algorithm.ts'
import { requireTopology } from '../fitting-algorithm.ts'
import { type KnownNumbers, knownWith, namedPopulation } from '../population.ts'
import { askedPowerOfChoice } from './asking-selectors.ts'
import { rowsByWeight } from './draws.ts'
import { oortSelector } from './oort-selector.ts'
import { fairSelector, powerOfChoice, samplesSelector, tierSelector } from './remembering-selectors.ts'

const ends = Array.from({ length: 10 }, (_, index) => `trainer-${index}`)

/** The ends of each round, if every selected end reports by its index. */
function selections<Memory>(
  selector: Selector<Memory>,
  rounds: number,
  report: (index: number) => Partial<FinishedRound['reports'][string]> = () => ({}),
) {
  let memory: Memory | undefined
  let known: KnownNumbers = {}
  return Array.from({ length: rounds }, (_, index) => {
    const population = namedPopulation(ends, known)
    const selected = selector.select(population, randomStream(1, index), memory)
    const reports = Object.fromEntries(
      selected.map((end) => [end, { samples: 1, metrics: {}, seconds: 1, ...report(ends.indexOf(end)) }]),
    )
    const learnt = selector.remember?.(memory, { round: index + 1, selected, reports }, population)
    memory = learnt?.memory
    known = knownWith(known, learnt?.known ?? {})
    return selected
  })
}

test('each selector gives a sorted subset without repetition, and the same for the same stream and memory', (t) => {
  const oort = oortSelector({ count: 3, roundThreshold: 30, alpha: 2, pacerStep: 2, pacerDelta: 5 })
  const all: readonly Selector[] = [
    oort,
    fairSelector({ count: 3 }),
    samplesSelector({ count: 3 }),
    powerOfChoice({ count: 3, candidates: 5 }),
    tierSelector({ count: 3, tiers: 3 }),
  ]
  for (const selector of all) {
    const found = selections(selector, 12)
    for (const selected of found) {
      t.deepEqual(selected, [...new Set(selected)].toSorted())
      t.is(selected.length, 3)
    }
    t.deepEqual(selections(selector, 12), found)
  }
})

test('the fair selector lets every end take part equally often', (t) => {
  const found = selections(fairSelector({ count: 3 }), 10).flat()
  t.true(ends.every((end) => found.filter((each) => each === end).length === 3))
})

test('power-of-choice and Oort prefer large losses, samples large data, tiers ends of about one speed', (t) => {
  const metrics = (index: number) => ({ metrics: { loss: index, utility: index } })
  const power = selections(powerOfChoice({ count: 2, candidates: 10 }), 20, metrics)
  t.deepEqual(power.at(-1), ['trainer-8', 'trainer-9'])
  const choices = { count: 2, roundThreshold: 100, alpha: 2, pacerStep: 20, pacerDelta: 5 }
  const oort = selections(oortSelector(choices), 300, metrics).flat()
  const times = (end: string) => oort.filter((each) => each === end).length
  t.true(times('trainer-9') > times('trainer-1'))
  const samples = selections(samplesSelector({ count: 2 }), 300, (index) => ({ samples: 1 + 20 * index })).flat()
  t.true(samples.filter((end) => end === 'trainer-9').length > samples.filter((end) => end === 'trainer-1').length)
  const tiers = selections(tierSelector({ count: 2, tiers: 5 }), 30, (index) => ({ seconds: index })).slice(5)
  t.true(tiers.every(([a = '', b = '']) => Math.abs(ends.indexOf(a) - ends.indexOf(b)) === 1))
})

test('Oort takes a slow end less often than a fast one of the same utility', (t) => {
  const choices = { count: 2, roundThreshold: 30, alpha: 2, pacerStep: 1000, pacerDelta: 5 }
  const report = (index: number) => ({ metrics: { utility: 5 }, seconds: index < 5 ? 1 : 100 })
  const found = selections(oortSelector(choices), 200, report).flat()
  const fast = found.filter((end) => ends.indexOf(end) < 5).length
  t.true(fast > 0.9 * found.length)
})

test('a tier is drawn as often as it has credits, and then all have them anew', (t) => {
  const selector = tierSelector({ count: 2, tiers: 5, credits: 2 })
  // The first five rounds are for ends that are not known.
  const found = selections(selector, 25, (index) => ({ seconds: index })).slice(5)
  const tiers = found.map(([end = '']) => Math.floor(ends.indexOf(end) / 2))
  for (const from of [0, 10]) {
    const times = [0, 1, 2, 3, 4].map((tier) => tiers.slice(from, from + 10).filter((each) => each === tier).length)
    t.deepEqual(times, [2, 2, 2, 2, 2], `${tiers}`)
  }
})

test('with an interval, tiers of great losses are drawn more often', (t) => {
  const selector = tierSelector({ count: 2, tiers: 5, interval: 5 })
  const found = selections(selector, 600, (index) => ({
    seconds: index,
    metrics: { loss: index === 9 ? Number.NaN : index },
  }))
  const times = (tier: number) => found.filter(([end = '']) => Math.floor(ends.indexOf(end) / 2) === tier).length
  t.true(times(3) > 1.5 * times(0), `${[0, 1, 2, 3, 4].map(times)}`)
})

test('losses and utilities that are not finite select nobody, and zero weights leave all alike', (t) => {
  const nan = (index: number) => ({ metrics: { loss: index < 8 ? Number.NaN : 1, utility: index < 8 ? Infinity : 1 } })
  const power = selections(powerOfChoice({ count: 2, candidates: 10 }), 20, nan)
  t.deepEqual(power.at(-1), ['trainer-8', 'trainer-9'])
  const told = ends.map((end, index) => ({ end, samples: 1, numbers: { loss: index < 8 ? Number.NaN : 1 } }))
  t.deepEqual(
    askedPowerOfChoice({ count: 2, candidates: 10 }).select(namedPopulation(ends), randomStream(1), {}, told),
    ['trainer-8', 'trainer-9'],
  )
  const taken = new Set(
    Array.from({ length: 200 }, (_, seed) => rowsByWeight(namedPopulation(ends), 1, () => 0, randomStream(seed))[0]),
  )
  t.is(taken.size, 10)
})

test('over-commitment counts K updates, also where fewer ends are there than seats', async (t) => {
  for (const clients of [8, 5, 3]) {
    const run = await rehearse({
      strategy: chosenAlgorithm(fedAvg(), choicesOf({ selector: 'over-commitment,k=5,o=1.6' })),
      topology: twoTier({ clients }),
      system: { clock: virtualClock() },
    })
    t.is(run.state, 'completed', String(run.cause))
    for (const { members } of run.rounds) t.is(members.length, Math.min(5, clients))
  }
})

test('a job remembers what ends told, and over-commitment ends a round with the first updates', async (t) => {
  for (const [selector, selected, counted] of [
    ['fair,k=2', 2, 2],
    ['power-of-choice,k=2,d=4', 2, 2],
    ['over-commitment,k=2,o=1.5', 3, 2],
    ['oort,aggr_num=2', 2, 2],
  ] as const) {
    const strategy = chosenAlgorithm(fedAvg(), choicesOf({ selector }))
    const pool = tinyPool({ clients: 6 })
    const run = await rehearse({
      strategy,
      topology: twoTier({ clients: 6 }),
      pool: { ...pool, evaluateClient: async () => ({ samples: 2, losses: Float32Array.of(1, 2), metrics: {} }) },
      rounds: 5,
      system: { clock: virtualClock() },
      checkDeterminism: true,
    })
    t.is(run.state, 'completed', `${selector}: ${run.cause}`)
    for (const { members, notCounted = [] } of run.rounds) {
      t.true(members.length >= counted, selector)
      t.is(members.length + notCounted.length, selected, selector)
    }
    if (selector.startsWith('fair')) t.is(new Set(run.rounds.slice(0, 3).flatMap(({ members }) => members)).size, 6)
  }
})

test('a selector that learns from updates is refused where sums hide them', (t) => {
  const strategy = chosenAlgorithm(fedAvg(), choicesOf({ selector: 'fair,k=2' }))
  t.throws(() => requireTopology(strategy, hierarchical({ clients: 4 }).schema), { code: 'STRATEGY_TOPOLOGY' })
})
