import { type PlotAxis, plot } from '../../../simulations/index.ts'
import type { Column, Result, Study, Table } from './study.ts'

/** The page of a study: its set-up, and a table of means over the seeds beside the published values. */
export function pageOf(study: Study, results: readonly Result[]): string {
  const command = `npm run repro -- ${study.name}`
  const pictures = study.tables.filter((table) => curvesOf(table, results).length > 0)
  return [
    `# ${study.title}`,
    `Written by \`${command}\`, which adds to it run by run; every run is in [${study.name}.json](${study.name}.json). A value is the mean over the seeds, ± their standard deviation; published values are in parentheses.`,
    study.about,
    ...study.tables.flatMap((table) => [
      `## ${table.title}`,
      tableOf(table, results),
      ...(pictures.includes(table) ? [`![${table.title}, by ${axisOf(table)}](${pictureName(study, table)})`] : []),
    ]),
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n')
}

/** The pictures of a study, by file name: a line for each row of a table, the mean over the seeds. */
export function picturesOf(study: Study, results: readonly Result[]): ReadonlyMap<string, string> {
  return new Map(
    study.tables.flatMap((table) => {
      const curves = curvesOf(table, results)
      return curves.length === 0
        ? []
        : [[pictureName(study, table), plot(curves, { title: table.title, by: axisOf(table) })] as const]
    }),
  )
}

function axisOf({ curveHours }: Table): PlotAxis {
  return curveHours === undefined ? 'round' : 'hours'
}

function pictureName({ name, tables }: Study, table: Table): string {
  return tables.length === 1 ? `${name}.svg` : `${name}-${table.name}.svg`
}

/** A Markdown table, with a row for each row of which something was run or published. */
export function tableOf(table: Table, results: readonly Result[]): string {
  const own = results.filter((result) => result.table === table.name)
  const rows = rowsOf(table).map((row) => {
    const ofRow = own.filter((result) => result.row === row)
    const counts = table.columns.map(({ name }) => ofRow.filter(({ values }) => values[name] !== undefined).length)
    const [fewest, most] = [Math.min(...counts), Math.max(...counts)]
    const seeds = fewest === most ? String(most) : `${fewest} to ${most}`
    return [row, ...table.columns.map((column) => cell(column, row, ofRow)), seeds]
  })
  const head = ['', ...table.columns.map(({ name }) => name), 'seeds']
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function cell({ name, unit, published }: Column, row: string, results: readonly Result[]): string {
  const values = results.flatMap(({ values: { [name]: value } }) => (value === undefined ? [] : [value]))
  const known = published?.[row]
  const own = values.length === 0 ? (known === undefined ? '–' : 'not run') : meanText(values, unit)
  return known === undefined ? own : `${own} (${known})`
}

function meanText(values: readonly number[], unit: Column['unit']): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1))
  const text = (value: number) => (unit === 'percent' ? (100 * value).toFixed(1) : String(Number(value.toPrecision(3))))
  const deviation = unit === 'percent' ? (100 * spread).toFixed(1) : String(Number(spread.toPrecision(2)))
  return `${text(mean)}${values.length > 1 ? ` ± ${deviation}` : ''}${unit === 'percent' ? ' %' : ''}`
}

/** The rows of a table, in the order of its trials. */
function rowsOf({ trials, columns }: Table): readonly string[] {
  return [
    ...new Set([...trials.map(({ row }) => row), ...columns.flatMap(({ published = {} }) => Object.keys(published))]),
  ]
}

/** Means over the seeds, as the history of one job with a part for each row. */
function curvesOf(table: Table, results: readonly Result[]) {
  const own = results.filter((result) => result.table === table.name)
  const panels = [...new Set(own.flatMap(({ curves = {} }) => Object.keys(curves)))]
  return rowsOf(table).flatMap((part) =>
    panels.flatMap((panel) => {
      const curves = own.flatMap(({ row, curves: { [panel]: curve } = {} }) => (row === part && curve ? [curve] : []))
      const rounds = Math.min(...curves.map(({ length }) => length))
      return Array.from({ length: curves.length === 0 ? 0 : rounds }, (_, index) => ({
        round: index + 1,
        ...(table.curveHours !== undefined && { at: (index + 1) * table.curveHours * 3_600_000 }),
        part,
        metrics: { [panel]: curves.reduce((sum, curve) => sum + (curve[index] ?? Number.NaN), 0) / curves.length },
      }))
    }),
  )
}
