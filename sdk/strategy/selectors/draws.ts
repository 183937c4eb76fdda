import { exp, log } from '../../random/elementary.ts'
import type { RandomStream } from '../../random/random-stream.ts'
import type { Selector } from '../algorithm.ts'
import { endsIn, freeEnds, namedPopulation, type Population } from '../population.ts'
import { LeastKeys } from './least-keys.ts'

/** Most rows of a population in which not all are free for a draw to ask for each. */
const fewRows = 1024
/** Number of draws in vain after which a draw looks at all rows. */
const mostInVain = 4096

/** A uniformly random subset of `count` of the numbers below `size`, or all of them if there are fewer, ascending. */
export function drawnNumbers(size: number, count: number, random: RandomStream): Uint32Array {
  const drawn = new Uint32Array(Math.max(0, Math.min(size, count)))
  // The first steps of a Fisher–Yates shuffle of all numbers. The map has those that aren't at their own place.
  const moved = new Map<number, number>()
  for (let place = 0; place < drawn.length; place++) {
    const other = place + random.below(size - place)
    drawn[place] = moved.get(other) ?? other
    moved.set(other, moved.get(place) ?? place)
  }
  return drawn.toSorted()
}

/**
 * Uniformly random rows that are free and fit, ascending: `count` of them, or all if there are fewer. Without `fits` every
 * row fits.
 *
 * To ask for each row of many costs much. There, rows are drawn until enough of them are free and fit, which is uniform
 * too. Only after many draws in vain are all rows asked.
 */
export function drawnRows(
  population: Population,
  count: number,
  random: RandomStream,
  fits?: (row: number) => boolean,
): Uint32Array {
  const { size, allFree } = population
  if (allFree && !fits) return drawnNumbers(size, count, random)
  if (count <= 0) return new Uint32Array()
  const isOpen = (row: number) => (!fits || fits(row)) && (allFree || population.isFree(row))
  const taken = new Set<number>()
  if (size > fewRows && count < size / 4) {
    for (let inVain = 0; taken.size < count && inVain < mostInVain; inVain++) {
      const row = random.below(size)
      if (taken.has(row) || !isOpen(row)) continue
      taken.add(row)
      inVain = 0
    }
    if (taken.size === count) return Uint32Array.from(taken).toSorted()
  }
  const open: number[] = []
  for (let row = 0; row < size; row++) if (isOpen(row) && !taken.has(row)) open.push(row)
  const others = drawnNumbers(open.length, count - taken.size, random)
  return Uint32Array.from([...taken, ...Array.from(others, (number) => open[number]!)]).toSorted()
}

/** Names of uniformly random free ends, sorted: `count` of them, or all if there are fewer. */
export function drawnEnds(population: Population, count: number, random: RandomStream): readonly string[] {
  return endsIn(population, drawnRows(population, count, random))
}

/** A uniformly random free end. Undefined if none is free. */
export function drawnEnd(population: Population, random: RandomStream): string | undefined {
  const { allFree, size } = population
  // As `drawnRows` for a single row, without its set.
  const tries = size > fewRows ? mostInVain : 0
  for (let inVain = 0; inVain < tries; inVain++) {
    const row = random.below(size)
    if (allFree || population.isFree(row)) return population.endAt(row)
  }
  return drawnEnds(population, 1, random)[0]
}

/** A draw from the exponential distribution of mean 1. */
const exponential = (random: RandomStream) => -log(1 - random.uniform())

/** Below this number, the functions of the next two lines are the first two terms of their series. */
const small = 1e-5
const oneMinusExp = (x: number) => (x < small ? x * (1 - x / 2) : 1 - exp(-x))
const minusLogOneMinus = (x: number) => (x < small ? x * (1 + x / 2) : -log(1 - x))

/**
 * `count` of the numbers below `size`, ascending, drawn one after another without replacement, each in proportion to its
 * weight among those left. Where all that have a weight are drawn, there are fewer than `count`.
 *
 * A race: each number has an arrival time from the exponential distribution with its weight as rate, and the first arrivals
 * are drawn. Once `count` numbers are there, one draw says after how much weight a number comes that arrives before the
 * last of them; so most numbers need none. Only for such a number is `isOpen` asked.
 *
 * @see Efraimidis, Spirakis, Weighted random sampling with a reservoir, Information Processing Letters 2006, A-ExpJ.
 */
export function drawnByWeight(
  size: number,
  count: number,
  weightOf: (number: number) => number,
  random: RandomStream,
  isOpen: (number: number) => boolean = () => true,
): Uint32Array {
  const first = new LeastKeys(count)
  // No number arrives before the time 0.
  const weightUntilNext = () => (first.greatest > 0 ? exponential(random) / first.greatest : Number.POSITIVE_INFINITY)
  let skipped = count < 1 ? Number.POSITIVE_INFINITY : 0
  for (let number = 0; number < size; number++) {
    const weight = weightOf(number)
    if (!(weight > 0)) continue
    if (!first.isFull) {
      if (!isOpen(number)) continue
      first.offer(number, exponential(random) / weight)
      if (first.isFull) skipped = weightUntilNext()
      continue
    }
    skipped -= weight
    if (skipped > 0) continue
    // Of the times before the last arrival, that of this number.
    if (isOpen(number))
      first.offer(number, minusLogOneMinus(random.uniform() * oneMinusExp(first.greatest * weight)) / weight)
    skipped = weightUntilNext()
  }
  return first.members()
}

/** Free rows by weight, as `drawnByWeight`. Rows without a weight are as likely as each other, and come after the others. */
export function rowsByWeight(
  population: Population,
  count: number,
  weightOf: (row: number) => number,
  random: RandomStream,
): Uint32Array {
  const { allFree, size } = population
  const drawn = drawnByWeight(size, count, weightOf, random, (row) => allFree || population.isFree(row))
  if (drawn.length >= Math.min(count, size)) return drawn
  const others = drawnRows(population, count - drawn.length, random, (row) => !(weightOf(row) > 0))
  return Uint32Array.from([...drawn, ...others]).toSorted()
}

/** One of the ends that a selector may select, as `Selector.one`. */
export function oneSelected(selector: Selector, population: Population, random: RandomStream): string | undefined {
  return selector.one ? selector.one(population, random) : oneOfSelection(selector.select, population, random)
}

/** An end of a selection among the free ends, each as likely. Undefined if nothing is selected. */
export function oneOfSelection(
  select: Selector['select'],
  population: Population,
  random: RandomStream,
): string | undefined {
  const free = population.allFree ? population : namedPopulation(freeEnds(population))
  const selected = free.size === 0 ? [] : select(free, random)
  return selected.length === 0 ? undefined : selected[random.below(selected.length)]
}

/** One end of a uniformly random selection: of many ends each is as likely, and needs no selection. */
export function oneOfRandom(
  select: Selector['select'],
  population: Population,
  random: RandomStream,
): string | undefined {
  if (population.size <= fewRows) return oneOfSelection(select, population, random)
  return drawnEnd(population, random)
}
