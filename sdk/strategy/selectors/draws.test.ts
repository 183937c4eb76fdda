import test from 'ava'
import fc from 'fast-check'
import { type RandomStream, randomStream } from '../../random/random-stream.ts'
import { namedPopulation, type Population, populationWithout } from '../population.ts'
import { drawnByWeight, drawnEnd, drawnEnds, drawnNumbers, drawnRows, oneOfRandom, rowsByWeight } from './draws.ts'

const rowOf = (end: string | undefined) => Number(end?.slice(1))
const named = (size: number) =>
  namedPopulation(Array.from({ length: size }, (_, row) => `e${String(row).padStart(5, '0')}`))
const freeAt = (size: number, isFree: (row: number) => boolean): Population =>
  populationWithout(named(size), (end) => !isFree(rowOf(end)))

/** Whether counts of `draws` draws, each as likely as `expected` says, lie within six standard deviations. */
function agree(counts: readonly number[], expected: readonly number[], draws: number): boolean {
  return counts.every((count, index) => {
    const chance = expected[index] ?? 0
    return Math.abs(count - draws * chance) <= 6 * Math.sqrt(draws * chance * (1 - chance)) + 1e-9
  })
}

test('drawn numbers are the first ones of a shuffle of all numbers, whatever their share', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 70 }), fc.nat(), (size, count, seed) => {
      const all = Array.from({ length: size }, (_, place) => place)
      const random = randomStream(seed)
      const taken = Math.min(size, count)
      for (let place = 0; place < taken; place++) {
        const other = place + random.below(size - place)
        const held = all[place] ?? 0
        all[place] = all[other] ?? 0
        all[other] = held
      }
      t.deepEqual(
        [...drawnNumbers(size, count, randomStream(seed))],
        all.slice(0, taken).toSorted((a, b) => a - b),
      )
    }),
  )
})

test('drawn rows are free and fit, each once, and all of them where fewer fit than are wanted', (t) => {
  const masks = fc.array(fc.boolean(), { maxLength: 40 })
  fc.assert(
    fc.property(masks, masks, fc.integer({ min: 0, max: 50 }), fc.nat(), (free, fitting, count, seed) => {
      // Few rows are all asked, many are drawn until some fit.
      for (const size of [free.length, 2000]) {
        const isFree = (row: number) => free[row % 41] ?? false
        const fits = (row: number) => fitting[row % 41] ?? true
        const rows = [...drawnRows(freeAt(size, isFree), count, randomStream(seed), fits)]
        const open = Array.from({ length: size }, (_, row) => row).filter((row) => isFree(row) && fits(row))
        t.is(rows.length, Math.min(count, open.length))
        t.deepEqual(
          rows,
          [...new Set(rows)].toSorted((a, b) => a - b),
        )
        t.true(rows.every((row) => isFree(row) && fits(row)))
      }
    }),
  )
})

test('of a population in which few rows are free, each free one is as likely, also once draws in vain are given up', (t) => {
  // Of 20,000 rows, four: most series of draws end without one.
  for (const [size, step] of [
    [4000, 1000],
    [20_000, 5000],
  ] as const) {
    const population = freeAt(size, (row) => row % step === 7)
    const counts = [0, 0, 0, 0]
    const draws = 400
    for (let seed = 0; seed < draws; seed++) {
      const row = rowOf(drawnEnd(population, randomStream(seed)))
      t.is(row % step, 7)
      counts[Math.floor(row / step)]! += 1
    }
    t.true(agree(counts, [0.25, 0.25, 0.25, 0.25], draws), `${counts}`)
  }
})

test('pairs of rows that are drawn by rejection are as likely as each other', (t) => {
  const population = freeAt(2000, (row) => row % 500 === 0)
  const pairs = new Map<string, number>()
  const draws = 1200
  for (let seed = 0; seed < draws; seed++) {
    const drawn = drawnEnds(population, 2, randomStream(seed)).join()
    pairs.set(drawn, (pairs.get(drawn) ?? 0) + 1)
  }
  t.is(pairs.size, 6)
  t.true(
    agree(
      [...pairs.values()],
      Array.from({ length: 6 }, () => 1 / 6),
      draws,
    ),
    `${[...pairs.values()]}`,
  )
})

test('one end takes few draws, whatever the number of ends', (t) => {
  let asked = 0
  const busy = { ...freeAt(100_000, (row) => row % 2 === 0) }
  const population = {
    ...busy,
    isFree(row: number) {
      asked += 1
      return busy.isFree(row)
    },
  }
  for (let seed = 0; seed < 200; seed++) {
    t.is(rowOf(drawnEnd(population, randomStream(seed))) % 2, 0)
    t.is(rowOf(oneOfRandom((of, random) => drawnEnds(of, 50_000, random), population, randomStream(seed))) % 2, 0)
  }
  t.true(asked < 2000, `${asked}`)
  t.is(
    drawnEnd(
      freeAt(3000, () => false),
      randomStream(1),
    ),
    undefined,
  )
  t.is(drawnEnd(named(0), randomStream(1)), undefined)
})

/** The chance of each sorted pair, drawn one after another in proportion to weights. */
function chancesOfPairs(weights: readonly number[]): Map<string, number> {
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  const chances = new Map<string, number>()
  for (const [a, first] of weights.entries())
    for (const [b, second] of weights.entries()) {
      if (a === b) continue
      const pair = [a, b].toSorted((x, y) => x - y).join()
      chances.set(pair, (chances.get(pair) ?? 0) + (first / all) * (second / (all - first)))
    }
  return chances
}

test('a draw by weight gives the chances of draws one after another', (t) => {
  const weights = [1, 0.5, 4, 2, 0.25, 1]
  const draws = 6000
  const counts = new Map<string, number>()
  for (let seed = 0; seed < draws; seed++) {
    const pair = [...drawnByWeight(weights.length, 2, (row) => weights[row] ?? 0, randomStream(seed))].join()
    counts.set(pair, (counts.get(pair) ?? 0) + 1)
  }
  const chances = chancesOfPairs(weights)
  const pairs = [...chances.keys()]
  t.true(
    agree(
      pairs.map((pair) => counts.get(pair) ?? 0),
      pairs.map((pair) => chances.get(pair) ?? 0),
      draws,
    ),
    JSON.stringify([...counts]),
  )
})

test('a draw by weight among free rows gives the chances of the free rows alone', (t) => {
  const weights = [1, 9, 4, 2, 9, 1]
  const isOpen = (row: number) => weights[row] !== 9
  const draws = 3000
  const counts = [0, 0, 0, 0, 0, 0]
  for (let seed = 0; seed < draws; seed++)
    for (const row of drawnByWeight(6, 1, (each) => weights[each] ?? 0, randomStream(seed), isOpen)) counts[row]! += 1
  t.true(agree(counts, [1 / 8, 0, 4 / 8, 2 / 8, 0, 1 / 8], draws), `${counts}`)
})

test('a draw by weight takes few random numbers of many rows, and rows without a weight come last', (t) => {
  let taken = 0
  const counted = (random: RandomStream): RandomStream => ({
    uint32: () => random.uint32(),
    below: (bound) => random.below(bound),
    shuffle: (items) => random.shuffle(items),
    uniform() {
      taken += 1
      return random.uniform()
    },
  })
  const rows = drawnByWeight(100_000, 10, (row) => 1 + (row % 7), counted(randomStream(5)))
  t.is(rows.length, 10)
  t.true(taken < 1000, `${taken}`)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 12 }), fc.nat(), (count, seed) => {
      const found = [...rowsByWeight(named(10), count, (row) => (row < 4 ? 0 : row), randomStream(seed))]
      t.is(new Set(found).size, Math.min(10, count))
      t.is(found.filter((row) => row >= 4).length, Math.min(6, count))
    }),
  )
})
