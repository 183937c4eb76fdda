import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../../random/random-stream.ts'
import { namedPopulation } from '../population.ts'
import { randomSelector } from './random-selector.ts'

const ends = (count: number) => Array.from({ length: count }, (_, index) => `trainer-${index}`).toSorted()
const population = (count: number) => namedPopulation(ends(count))

test('a random selection is a sorted subset of max(round(C·K), 1) ends, the same for the same stream', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      fc.nat(),
      (count, fraction, seed) => {
        const selector = randomSelector({ fraction })
        const selected = selector.select(population(count), randomStream(seed, 1))
        t.is(selected.length, Math.max(1, Math.round(fraction * count)))
        t.is(new Set(selected).size, selected.length)
        t.deepEqual(selected, selected.toSorted())
        t.true(selected.every((end) => ends(count).includes(end)))
        t.deepEqual(selector.select(population(count), randomStream(seed, 1)), selected)
      },
    ),
  )
})

test('over many rounds each end is selected about equally often', (t) => {
  const counts = new Map<string, number>()
  const rounds = 4000
  for (let round = 0; round < rounds; round++) {
    for (const end of randomSelector({ fraction: 0.3 }).select(population(10), randomStream(7, round)))
      counts.set(end, (counts.get(end) ?? 0) + 1)
  }
  // Six standard deviations of a binomial count.
  for (const count of counts.values()) t.true(Math.abs(count - 0.3 * rounds) < 6 * Math.sqrt(rounds * 0.3 * 0.7))
  t.is(counts.size, 10)
})

test('of nobody nobody is selected, and of one always that one', (t) => {
  t.deepEqual(randomSelector({ fraction: 0.5 }).select(population(0), randomStream(1)), [])
  t.deepEqual(randomSelector({ fraction: 0.001 }).select(population(1), randomStream(1)), ends(1))
})

test('another round, or another seed, selects others', (t) => {
  const select = (seed: number, round: number) =>
    randomSelector({ fraction: 0.1 }).select(population(1000), randomStream(seed, round)).join()
  t.is(new Set([select(1, 1), select(1, 2), select(2, 1)]).size, 3)
})

test('the ends given are left as they are', (t) => {
  const given = ends(20)
  randomSelector({ fraction: 0.5 }).select(namedPopulation(given), randomStream(3))
  t.deepEqual(given, ends(20))
})
