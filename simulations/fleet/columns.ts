import type { FleetRound } from './fleet-run.ts'

const hourMs = 3_600_000

/** A fleet's history as columns that plot directly: a number for each round, NaN where a round has none. */
export interface FleetColumns {
  readonly round: readonly number[]
  /** Virtual hours from the start of the run to each commit. */
  readonly hours: readonly number[]
  readonly asked: readonly number[]
  readonly counted: readonly number[]
  readonly lost: readonly number[]
  readonly wasted: readonly number[]
  /** Bytes. */
  readonly received: readonly number[]
  readonly sent: readonly number[]
  /** Mean staleness of the updates. */
  readonly staleness: readonly number[]
  /** Each metric by its name, such as `accuracy`. */
  readonly [metric: string]: readonly number[]
}

/** Makes columns of a history. A metric with the name of another column is left out. */
export function columnsOf(history: readonly FleetRound[]): FleetColumns {
  const column = (value: (round: FleetRound) => number | undefined) =>
    history.map((round) => value(round) ?? Number.NaN)
  const metrics = new Set(history.flatMap((round) => Object.keys(round.metrics)))
  return {
    ...Object.fromEntries([...metrics].map((name) => [name, column((round) => round.metrics[name])])),
    round: column(({ round }) => round),
    hours: column(({ at }) => at / hourMs),
    asked: column(({ asked }) => asked),
    counted: column(({ counted }) => counted),
    lost: column(({ lost }) => lost),
    wasted: column(({ wasted }) => wasted),
    received: column(({ received }) => received),
    sent: column(({ sent }) => sent),
    staleness: column(({ staleness }) => staleness?.mean),
  }
}

/** Figures by which runs are compared. NaN: the run has none. */
export interface FleetFigures {
  readonly rounds: number
  /** Virtual hours of the run. */
  readonly hours: number
  /** The metric of the last round. */
  readonly last: number
  /** The metric after some virtual hours: that of the last round by then. NaN beyond the end of the run. */
  readonly after: readonly number[]
  /** Virtual hours to the first round whose metric reaches a value. NaN: not reached. */
  readonly to: readonly number[]
  readonly asked: number
  /** Updates that were counted. */
  readonly counted: number
  readonly wasted: number
  readonly lost: number
  /** Bytes that devices received and sent. */
  readonly received: number
  readonly sent: number
  /** Mean staleness of the counted updates. */
  readonly staleness: number
  /** Share of the counted updates by quarter of the devices, from the slowest. Empty where devices have no ranks. */
  readonly quarters: readonly number[]
}

export interface FiguresOptions {
  /** Default: accuracy. A metric whose name ends with `loss` reaches a value from above. */
  readonly metric?: string
  /** Virtual hours. */
  readonly at?: readonly number[]
  /** Values of the metric. */
  readonly to?: readonly number[]
  /** Virtual milliseconds of the run. Default: up to the last round. */
  readonly until?: number
}

/** The figures of a run. */
export function figuresOf(
  history: readonly FleetRound[],
  { metric = 'accuracy', at = [], to = [], until }: FiguresOptions = {},
): FleetFigures {
  const columns = columnsOf(history)
  const end = (until ?? history.at(-1)?.at ?? 0) / hourMs
  const values = columns[metric] ?? history.map(() => Number.NaN)
  const reaches = metric.endsWith('loss')
    ? (value: number, aim: number) => value <= aim
    : (value: number, aim: number) => value >= aim
  const valueAfter = (hours: number) =>
    values[columns.hours.findLastIndex((each, index) => each <= hours && !Number.isNaN(values[index]))] ?? Number.NaN
  const counted = sum(columns.counted)
  const staleness = history.reduce((total, round) => total + (round.staleness?.mean ?? 0) * round.counted, 0)
  const quarters = [0, 1, 2, 3].map((quarter) => sum(history.map((round) => round.quarters?.[quarter] ?? 0)))
  const ranked = sum(quarters)
  return {
    rounds: history.length,
    hours: end,
    last: values.at(-1) ?? Number.NaN,
    after: at.map((hours) => (hours > end ? Number.NaN : valueAfter(hours))),
    to: to.map((aim) => columns.hours[values.findIndex((value) => reaches(value, aim))] ?? Number.NaN),
    asked: sum(columns.asked),
    counted,
    wasted: sum(columns.wasted),
    lost: sum(columns.lost),
    received: sum(columns.received),
    sent: sum(columns.sent),
    staleness: history.some((round) => round.staleness) && counted > 0 ? staleness / counted : Number.NaN,
    quarters: ranked === 0 ? [] : quarters.map((count) => count / ranked),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** A figure over several runs. */
export interface Spread {
  /** Number of runs that have the figure. */
  readonly count: number
  readonly mean: number
  /** Standard deviation of a sample. 0 for one run. */
  readonly deviation: number
  readonly least: number
  readonly most: number
}

/** The spread of a figure over runs, of which those with NaN don't count. All numbers are NaN where none counts. */
export function spreadOf(figures: readonly number[]): Spread {
  const values = figures.filter((value) => !Number.isNaN(value))
  const count = values.length
  const [nothing] = count === 0 ? [Number.NaN] : []
  const mean = nothing ?? sum(values) / count
  const squares = sum(values.map((value) => (value - mean) ** 2))
  return {
    count,
    mean,
    deviation: nothing ?? Math.sqrt(squares / Math.max(1, count - 1)),
    least: nothing ?? Math.min(...values),
    most: nothing ?? Math.max(...values),
  }
}
