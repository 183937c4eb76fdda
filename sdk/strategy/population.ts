/**
 * The ends from which a selector selects, as rows from 0 in the order of their names. A selector works on rows: where the
 * ends are a fleet's, nothing but a selected end has a name.
 */
export interface Population {
  /** Number of rows. */
  readonly size: number
  /** Whether every row may be selected, so that a selector needn't ask for each. */
  readonly allFree: boolean
  /** Whether the end of a row is there, and without work. */
  isFree(row: number): boolean
  /** The end's name. */
  endAt(row: number): string
  /** Undefined for an end that isn't in the population. */
  rowOf(end: string): number | undefined
  /** By row: a number that the selector remembers of each end, rounded to float32. NaN where it remembers none. */
  known(column: string): ArrayLike<number>
}

/** By column and end: numbers that a selector remembers of ends. */
export type KnownNumbers = Readonly<Record<string, Readonly<Record<string, number>>>>

/** A population that keeps the numbers that selectors remember, such as a fleet's. */
export interface KeptPopulation extends Population {
  /** Keeps numbers of ends, in place of those of the same column and end. */
  learn(known: KnownNumbers): void
}

/** The population of ends with names. */
export function namedPopulation(ends: readonly string[], known: KnownNumbers = {}): Population {
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
    known: (column) => Float32Array.from(ends, (end) => known[column]?.[end] ?? Number.NaN),
  }
}
