/**
 * The ends from which a selector selects, as rows from 0 in the order of their names. A selector works on rows: where the
 * ends are a fleet's, nothing but a selected end has a name.
 */
export interface Population {
  /** Number of rows. */
  readonly size: number
  /** Whether every row is free, so that a selector needn't ask for each. */
  readonly allFree: boolean
  /** Whether the end of a row is there, and without work. */
  isFree(row: number): boolean
  /** The end's name. */
  endAt(row: number): string
  /** Undefined for an end that isn't in the population. */
  rowOf(end: string): number | undefined
  /**
   * By row: a number that the selector remembers of each end, rounded to float32. NaN where it remembers none. Don't change
   * the array.
   */
  known(column: string): Float32Array
}

/** By column and end: numbers that a selector remembers of ends. */
export type KnownNumbers = Readonly<Record<string, Readonly<Record<string, number>>>>

/** A population that keeps what is remembered of its ends, such as a fleet's. */
export interface KeptPopulation extends Population {
  /** Keeps numbers of ends, in place of those of the same column and end. */
  learn(known: KnownNumbers): void
  /** Keeps the round, or the dispatch, that counted each end last. */
  count(counted: Readonly<Record<string, number>>): void
  /** The round, or the dispatch, that counted an end last. Undefined: none did. */
  lastCounted(end: string): number | undefined
  /**
   * The end on the channel that is, or has below it, an end of the population. Undefined for an end of the population that
   * isn't there.
   */
  holderOf(end: string): string | undefined
}

/** The population of ends with names, which are sorted. All of them are free. */
export function namedPopulation(ends: readonly string[], known: KnownNumbers = {}): Population {
  const columns = new Map<string, Float32Array>()
  let rows: ReadonlyMap<string, number> | undefined
  return {
    size: ends.length,
    allFree: true,
    isFree: () => true,
    endAt: (row) => ends[row] ?? '',
    rowOf(end) {
      rows ??= new Map(ends.map((each, row) => [each, row] as const))
      return rows.get(end)
    },
    known(column) {
      const numbers = known[column] ?? {}
      const made = columns.get(column) ?? Float32Array.from(ends, (end) => numbers[end] ?? Number.NaN)
      columns.set(column, made)
      return made
    },
  }
}

/** A population in which ends that are taken aren't free. */
export function populationWithout(population: Population, isTaken: (end: string) => boolean): Population {
  return {
    size: population.size,
    allFree: false,
    isFree: (row) => population.isFree(row) && !isTaken(population.endAt(row)),
    endAt: (row) => population.endAt(row),
    rowOf: (end) => population.rowOf(end),
    known: (column) => population.known(column),
  }
}

/** The names of the ends in these rows, which are in ascending order. */
export function endsIn(population: Population, rows: Iterable<number>): string[] {
  return Array.from(rows, (row) => population.endAt(row))
}

/** Whether any end is free. */
export function hasFree(population: Population): boolean {
  for (let row = 0; row < population.size; row++) if (population.allFree || population.isFree(row)) return true
  return false
}

/** The names of all free ends whose rows fit, sorted. Absent: all free ends. */
export function freeEnds(population: Population, fits: (row: number) => boolean = () => true): string[] {
  const ends: string[] = []
  for (let row = 0; row < population.size; row++)
    if (fits(row) && (population.allFree || population.isFree(row))) ends.push(population.endAt(row))
  return ends
}

/** What is known after more was learnt. */
export function knownWith(before: KnownNumbers, learnt: KnownNumbers): KnownNumbers {
  const columns = Object.entries(learnt).map(
    ([column, numbers]) => [column, { ...before[column], ...numbers }] as const,
  )
  return { ...before, ...Object.fromEntries(columns) }
}
