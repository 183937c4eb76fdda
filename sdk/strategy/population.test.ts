import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../random/random-stream.ts'
import type { Answer, FinishedRound, Selector } from './algorithm.ts'
import {
  freeEnds,
  type KeptPopulation,
  type KnownNumbers,
  knownWith,
  namedPopulation,
  type Population,
  populationWithout,
} from './population.ts'
import { allSelector } from './selectors/all-selector.ts'
import { askedPowerOfChoice, stratifiedSelector } from './selectors/asking-selectors.ts'
import { deadlineSelector } from './selectors/deadline-selector.ts'
import { type OortMemory, oortScores, oortSeats, oortSelector } from './selectors/oort-selector.ts'
import { poissonSelector } from './selectors/poisson-selector.ts'
import { countSelector, randomSelector } from './selectors/random-selector.ts'
import { fairSelector, powerOfChoice, samplesSelector, tierSelector } from './selectors/remembering-selectors.ts'

const endAt = (row: number) => `trainer-${String(row).padStart(5, '0')}`
const names = (size: number) => Array.from({ length: size }, (_, row) => endAt(row))

/** A population in arrays, as a fleet has. */
class ArrayPopulation implements KeptPopulation {
  readonly size: number
  readonly allFree: boolean
  readonly #isFree: (row: number) => boolean
  readonly #columns = new Map<string, Float32Array>()

  constructor(size: number, isFree?: (row: number) => boolean) {
    this.size = size
    this.allFree = isFree === undefined
    this.#isFree = isFree ?? (() => true)
  }

  isFree(row: number): boolean {
    return this.#isFree(row)
  }

  endAt(row: number): string {
    return endAt(row)
  }

  rowOf(end: string): number | undefined {
    const row = Number(end.slice('trainer-'.length))
    return row < this.size ? row : undefined
  }

  known(column: string): Float32Array {
    const known = this.#columns.get(column) ?? new Float32Array(this.size).fill(Number.NaN)
    this.#columns.set(column, known)
    return known
  }

  learn(known: KnownNumbers): void {
    for (const [column, numbers] of Object.entries(known))
      for (const [end, number] of Object.entries(numbers)) this.known(column)[this.rowOf(end) ?? 0] = number
  }

  count(): void {}

  lastCounted(): undefined {
    return undefined
  }

  holderOf(end: string): string {
    return end
  }
}

const selectors: Readonly<Record<string, Selector>> = {
  all: allSelector(),
  poisson: poissonSelector({ probability: 0.2 }),
  count: countSelector({ count: 5 }),
  fraction: randomSelector({ fraction: 0.1 }),
  fair: fairSelector({ count: 6 }),
  samples: samplesSelector({ count: 6 }),
  'power-of-choice': powerOfChoice({ count: 4, candidates: 9 }),
  'power-of-choice, asked': askedPowerOfChoice({ count: 4, candidates: 9 }),
  stratified: stratifiedSelector({ count: 7 }),
  deadline: deadlineSelector({ deadlineSeconds: 3, candidates: 20, uploadShare: 0.3 }),
  tiers: tierSelector({ count: 4, tiers: 5, credits: 3, interval: 4 }),
  oort: oortSelector({ count: 6, roundThreshold: 30, alpha: 2, pacerStep: 3, pacerDelta: 5 }),
}

/** Numbers of an end, the same in each run. */
const report = (row: number, round: number): FinishedRound['reports'][string] => ({
  samples: 1 + (row % 11),
  metrics: { loss: 1 / (1 + ((row * 7) % 13)) / round, utility: ((row * 31) % 97) / 3 },
  seconds: 0.1 + ((row * 17) % 29) / 7,
})

const told = (ends: readonly string[]): readonly Answer[] =>
  ends.map((end) => {
    const row = Number(end.slice('trainer-'.length))
    return { end, samples: 1 + (row % 5), numbers: { loss: (row * 3) % 17, stratum: (row % 4) / 3 } }
  })

/** What is selected round by round, if each selected end is counted. */
function selections(
  selector: Selector,
  rounds: number,
  before: (known: KnownNumbers) => Population,
  learn: (known: KnownNumbers) => Population,
): readonly (readonly string[])[] {
  let memory: unknown
  let known: KnownNumbers = {}
  return Array.from({ length: rounds }, (_, index) => {
    const population = before(known)
    const candidates = selector.candidates?.(population, randomStream(1, index, 'candidates'), memory)
    const answers = candidates && told(candidates)
    const selected = selector.select(population, randomStream(1, index, 'select'), memory, answers)
    const reports = Object.fromEntries(
      selected.map((end) => [end, report(Number(end.slice('trainer-'.length)), index + 1)]),
    )
    const round = { round: index + 1, selected, reports, ...(answers && { told: answers }) }
    const learnt = selector.remember?.(memory, round, learn(known))
    memory = learnt?.memory
    known = knownWith(known, learnt?.known ?? {})
    return selected
  })
}

for (const [name, selector] of Object.entries(selectors))
  test(`${name}: selects the same ends of a population by name and of one in arrays, free or not, few or many`, (t) => {
    for (const size of [30, 2500])
      for (const isFree of [undefined, (row: number) => row % 3 > 0]) {
        const named = (known: KnownNumbers) => namedPopulation(names(size), known)
        const free = (known: KnownNumbers) =>
          isFree ? populationWithout(named(known), (end) => !isFree(Number(end.slice(8)))) : named(known)
        const byName = selections(selector, 12, free, named)
        const kept = new ArrayPopulation(size, isFree)
        const learning = (known: KnownNumbers) => {
          kept.learn(known)
          return kept
        }
        t.deepEqual(selections(selector, 12, learning, learning), byName)
        for (const selected of byName) {
          t.deepEqual(selected, [...new Set(selected)].toSorted())
          t.true(selected.length > 0)
          t.true(selected.every((end) => isFree?.(Number(end.slice(8))) ?? true))
        }
        // Once the selector has learnt, it selects others.
        if (name !== 'all') t.true(new Set(byName.map((selected) => selected.join())).size > 1)
      }
  })

for (const name of ['all', 'count', 'fair', 'stratified'])
  test(`${name}: ends that are not free have no effect on the selection among few`, (t) => {
    const selector = selectors[name]
    if (!selector) return t.fail()
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), fc.nat(), (mask, seed) => {
        const free = names(mask.length).filter((_, row) => mask[row])
        const known = selector.remember?.(
          undefined,
          {
            round: 1,
            selected: free,
            reports: Object.fromEntries(free.filter((_, at) => at % 2).map((end, at) => [end, report(at, 1)])),
            told: told(free),
          },
          namedPopulation(free),
        ).known
        const among = (population: Population) =>
          selector.select(population, randomStream(seed), undefined, selector.candidates && told(free))
        const some = populationWithout(namedPopulation(names(mask.length), known), (end) => !mask[Number(end.slice(8))])
        t.deepEqual(among(some), among(namedPopulation(free, known)))
        t.deepEqual(freeEnds(some), free)
      }),
    )
  })

test('what is known is rounded to float32, and replaced by what is learnt', (t) => {
  const known = knownWith({ seconds: { a: 0.1, b: 2 }, times: { a: 1 } }, { seconds: { b: 3, c: 4 } })
  t.deepEqual(known, { seconds: { a: 0.1, b: 3, c: 4 }, times: { a: 1 } })
  const population = namedPopulation(['a', 'b', 'c', 'd'], known)
  t.deepEqual([...population.known('seconds')], [Math.fround(0.1), 3, 4, Number.NaN])
  t.deepEqual([...population.known('losses')], [Number.NaN, Number.NaN, Number.NaN, Number.NaN])
  t.is(population.rowOf('c'), 2)
  t.is(population.rowOf('e'), undefined)
})

test('of many ends Oort takes unknown ones for a share of its seats, and for the others known ones near the best', (t) => {
  const [count, size] = [40, 5000]
  const choices = { roundThreshold: 30, alpha: 1.5, pacerStep: 20, pacerDelta: 5 }
  const selector = oortSelector({ count, ...choices })
  const random = randomStream(3)
  const kept = new ArrayPopulation(size)
  const [utility, seconds, last] = [kept.known('utility'), kept.known('seconds'), kept.known('last')]
  for (let row = 0; row < size; row++) {
    if (row % 3 === 0) continue
    utility[row] = 10 * random.uniform()
    seconds[row] = 1 + 9 * random.uniform()
    last[row] = 1 + random.below(19)
  }
  const memory: OortMemory = { round: 19, exploration: 0.25, threshold: 30, exploited: [] }
  const { scoreOf, boundOf } = oortScores({ utility, seconds, last }, { round: 20, threshold: 30, alpha: 1.5 })
  const rows = Array.from({ length: size }, (_, row) => row).filter((row) => row % 3 > 0)
  t.true(rows.every((row) => scoreOf(row) <= boundOf(row)))
  const seats = oortSeats(count)
  const toExploit = seats - Math.floor(0.25 * seats)
  const best = rows.map(scoreOf).toSorted((a, b) => b - a)
  const times = new Map<number, number>()
  for (let seed = 0; seed < 300; seed++) {
    const selected = selector.select(kept, randomStream(seed), memory).map((end) => Number(end.slice(8)))
    const known = selected.filter((row) => row % 3 > 0)
    t.is(selected.length, seats)
    t.is(known.length, toExploit)
    for (const row of known) {
      t.true(scoreOf(row) >= 0.95 * (best[toExploit - 1] ?? 0))
      times.set(row, (times.get(row) ?? 0) + 1)
    }
  }
  // Ends a little below the last seat are taken, too.
  t.true([...times.keys()].some((row) => scoreOf(row) < (best[toExploit - 1] ?? 0)))
})

test('where known ends are busy, Oort gives their seats to unknown ones, and the other way round', (t) => {
  const selector = selectors.oort
  for (const isFree of [(row: number) => row % 2 === 0, (row: number) => row % 2 === 1]) {
    const kept = new ArrayPopulation(3000, isFree)
    for (let row = 0; row < kept.size; row += 2)
      kept.learn({ utility: { [endAt(row)]: 1 }, seconds: { [endAt(row)]: 1 }, last: { [endAt(row)]: 1 } })
    const selected = selector?.select(kept, randomStream(1), {
      round: 1,
      exploration: 0.5,
      threshold: 30,
      exploited: [],
    })
    t.is(selected?.length, oortSeats(6))
  }
})
