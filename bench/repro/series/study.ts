/** Published results that are repeated: tables of our values beside the published ones. */
export interface Study {
  readonly name: string
  readonly title: string
  /** The set-up, its differences from the publication, and what was left out: Markdown. */
  readonly about: string
  readonly tables: readonly Table[]
  /** The seeds of a run without `--seeds`. */
  readonly seeds: readonly number[]
}

export interface Table {
  /** Distinguishes the tables of a study. */
  readonly name: string
  readonly title: string
  readonly columns: readonly Column[]
  /** Virtual hours between the values of a curve. Absent: a curve has a value for each round. */
  readonly curveHours?: number
  readonly trials: readonly Trial[]
}

export interface Column {
  readonly name: string
  readonly unit: 'percent' | 'number'
  /** Published values, by row, as they are printed. */
  readonly published?: Readonly<Record<string, string>>
}

/** Runs of one row of a table, or of the part of it in one column. */
export interface Trial {
  readonly row: string
  /** Distinguishes trials of one row. */
  readonly part?: string
  run(conditions: Conditions): Promise<Outcome>
}

export interface Conditions {
  readonly seed: number
  /** A small part of the work, that says whether everything runs. */
  readonly quick: boolean
}

export interface Outcome {
  /** By column. */
  readonly values: Readonly<Record<string, number>>
  /** By panel of the picture: a value for each round, or as the table's `curveHours` says. */
  readonly curves?: Readonly<Record<string, readonly number[]>>
}

/** An outcome as it is kept. */
export interface Result extends Outcome {
  readonly table: string
  readonly row: string
  readonly part?: string
  readonly seed: number
}

/** A column of fractions, which are told in percent. */
export function percent(name: string, published?: Column['published']): Column {
  return { name, unit: 'percent', ...(published && { published }) }
}

/** The names of a table's entries, in order. */
export function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table).filter((name): name is Name => Object.hasOwn(table, name))
}
