import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../random/random-stream.ts'
import { fedAvg } from './fed-avg.ts'
import { fedProx } from './fed-prox.ts'
import { allSelector } from './selectors/all-selector.ts'
import { randomSelector } from './selectors/random-selector.ts'

const ends = (count: number) => Array.from({ length: count }, (_, index) => `trainer-${index}`).toSorted()

test('FedAvg moves the weights by the mean delta', (t) => {
  const { optimizer } = fedAvg()
  const weights = Float32Array.of(1, 2)
  optimizer.step(weights, Float32Array.of(0.5, -0.25), optimizer.init(2))
  t.deepEqual(weights, Float32Array.of(1.5, 1.75))
})

test('FedProx is FedAvg with a proximal term for the trainers', (t) => {
  t.like(fedProx({ mu: 0.1, quorum: 0.5 }), { name: 'fedprox', localTerms: { proximal: 0.1 }, quorum: 0.5 })
})

test('settings out of range are refused, named with what was expected', (t) => {
  for (const [settings, name] of [
    [{ fraction: 0 }, 'fraction'],
    [{ fraction: 1.1 }, 'fraction'],
    [{ fraction: Number.NaN }, 'fraction'],
    [{ quorum: 0 }, 'quorum'],
    [{ deadlineMs: 0 }, 'deadlineMs'],
    [{ minimumUpdates: 0 }, 'minimumUpdates'],
    [{ quantumBits: 52 }, 'quantumBits'],
  ] as const) {
    t.like(
      t.throws(() => fedAvg(settings)),
      { code: 'STRATEGY_SETTING', values: { name } },
    )
  }
  t.throws(() => fedProx({ mu: -1 }), { code: 'STRATEGY_SETTING' })
})

test('a random selection is a sorted subset of max(round(C·K), 1) ends, the same for the same stream', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      fc.nat(),
      (count, fraction, seed) => {
        const selector = randomSelector({ fraction })
        const selected = selector.select(ends(count), randomStream(seed, 1))
        t.is(selected.length, Math.max(1, Math.round(fraction * count)))
        t.is(new Set(selected).size, selected.length)
        t.deepEqual(selected, selected.toSorted())
        t.true(selected.every((end) => ends(count).includes(end)))
        t.deepEqual(selector.select(ends(count), randomStream(seed, 1)), selected)
      },
    ),
  )
})

test('over many rounds each end is selected about equally often', (t) => {
  const counts = new Map<string, number>()
  const rounds = 4000
  for (let round = 0; round < rounds; round++) {
    for (const end of randomSelector({ fraction: 0.3 }).select(ends(10), randomStream(7, round)))
      counts.set(end, (counts.get(end) ?? 0) + 1)
  }
  // Six standard deviations of a binomial count.
  for (const count of counts.values()) t.true(Math.abs(count - 0.3 * rounds) < 6 * Math.sqrt(rounds * 0.3 * 0.7))
  t.is(counts.size, 10)
})

test('of nobody nobody is selected; all means all', (t) => {
  t.deepEqual(randomSelector({ fraction: 0.5 }).select([], randomStream(1)), [])
  t.deepEqual(allSelector().select(ends(3), randomStream(1)), ends(3))
})
