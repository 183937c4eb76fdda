import { type Spread, spreadOf } from '../../simulations/index.ts'
import { figure } from '../output/phrases.ts'
import { table } from '../output/printer.ts'
import type { ComparedFigures, ComparedRun } from './compare-variants.ts'
import { bytesText, rounds, virtualTime } from './fleet-phrases.ts'
import type { Variant } from './variants.ts'

/** A row of a comparison: a figure of each run, and how it is shown. */
interface Row {
  readonly name: string
  readonly of: (run: ComparedRun) => number
  readonly shown: (value: number) => string
  /** The figure was asked for: its row is shown whether a run has the figure or not. */
  readonly isAsked?: boolean
  /** What a variant has none of whose runs has the figure. */
  readonly none?: string
}

const quarterNames = ['slowest', 'second', 'third', 'fastest'] as const
const timeText = (hours: number) => virtualTime(hours * 3_600_000)
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const count = (value: number) => String(Number(value.toFixed(1)))

function rowsOf({ metric, at, to }: ComparedFigures): readonly Row[] {
  const value = (of: number) => figure(metric, of)
  return [
    ...at.map((hours, index): Row => {
      return {
        name: `${metric} after ${hours} h`,
        of: ({ figures }) => figures.after[index] ?? Number.NaN,
        shown: value,
        isAsked: true,
      }
    }),
    { name: `${metric} at the end`, of: ({ figures }) => figures.last, shown: value },
    ...to.map((aim, index): Row => {
      const name = `hours to ${metric} ${aim}`
      return {
        name,
        of: ({ figures }) => figures.to[index] ?? Number.NaN,
        shown: timeText,
        isAsked: true,
        none: 'not reached',
      }
    }),
    { name: 'virtual hours', of: ({ figures }) => figures.hours, shown: timeText },
    { name: 'rounds', of: ({ figures }) => figures.rounds, shown: count },
    { name: 'updates counted', of: ({ figures }) => figures.counted, shown: count },
    { name: 'updates wasted', of: ({ figures }) => figures.wasted, shown: count },
    { name: 'updates lost', of: ({ figures }) => figures.lost, shown: count },
    { name: 'down', of: ({ figures }) => figures.received, shown: bytesText },
    { name: 'up', of: ({ figures }) => figures.sent, shown: bytesText },
    { name: 'staleness', of: ({ figures }) => figures.staleness, shown: (steps) => steps.toFixed(2) },
    ...quarterNames.map((quarter, index): Row => {
      const name = `share of the ${quarter} quarter`
      return { name, of: ({ figures }) => figures.quarters[index] ?? Number.NaN, shown: percent }
    }),
  ]
}

/** The figures of each variant over its runs, by the names of the rows. */
export function spreads(
  variants: readonly Variant[],
  runs: readonly ComparedRun[],
  aims: ComparedFigures,
): readonly (readonly [variant: string, figures: Readonly<Record<string, Spread>>])[] {
  return variants.map(({ name }) => {
    const own = runs.filter(({ variant }) => variant === name)
    return [name, Object.fromEntries(rowsOf(aims).map((row) => [row.name, spreadOf(own.map(row.of))]))]
  })
}

/** A table with a row for each figure that any run has, and a column for each variant: mean ± standard deviation. */
export function comparisonTable(
  variants: readonly Variant[],
  runs: readonly ComparedRun[],
  aims: ComparedFigures,
): string {
  const byVariant = spreads(variants, runs, aims).map(([, figures]) => figures)
  const rows = rowsOf(aims).flatMap((row) => {
    const found = byVariant.map((figures) => figures[row.name])
    if (!row.isAsked && found.every((spread) => !spread || spread.count === 0)) return []
    return [[row.name, ...found.map((spread) => cellOf(row, spread, runs.length / variants.length))]]
  })
  return table(['', ...variants.map(({ name }) => name)], rows)
}

function cellOf({ shown, none = '–' }: Row, spread: Spread | undefined, of: number): string {
  if (!spread || spread.count === 0) return none
  const { mean, deviation, count: found } = spread
  const both = found > 1 ? `${shown(mean)} ± ${shown(deviation)}` : shown(mean)
  return found < of ? `${both} (${found} of ${of})` : both
}

/** A finished run for programs. */
export function runFacts({ variant, seed, figures, realSeconds }: ComparedRun, aims: ComparedFigures): object {
  const { after, to, ...others } = figures
  const named = (keys: readonly number[], values: readonly number[]) =>
    Object.fromEntries(keys.map((key, index) => [String(key), values[index]]))
  const { metric } = aims
  return { variant, seed, metric, ...others, after: named(aims.at, after), to: named(aims.to, to), realSeconds }
}

/** A finished run for people. */
export function runLine({ variant, seed, figures, realSeconds }: ComparedRun, { metric }: ComparedFigures): string {
  const last = Number.isNaN(figures.last) ? '' : `, ${metric} ${figure(metric, figures.last)}`
  const time = virtualTime(figures.hours * 3_600_000)
  return `${variant}, seed ${seed}: ${rounds(figures.rounds)} in ${time}${last} (${virtualTime(realSeconds * 1000)})`
}
