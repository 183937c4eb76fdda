import { readFile, writeFile } from 'node:fs/promises'
import { makeFolder } from '../../../runtime/node/index.ts'
import { pageOf, picturesOf, tableOf } from './page.ts'
import type { Outcome, Result, Study } from './study.ts'

export interface SeriesOptions {
  /** Trials whose name contains one of these texts are run. Empty: all. */
  readonly only: readonly string[]
  /** Empty: those of the study. */
  readonly seeds: readonly number[]
  /** Runs a small part, and writes nothing. */
  readonly quick: boolean
  /** Folder of the results. */
  readonly folder: string
  readonly report: (line: string) => void
}

/**
 * Runs the trials of a study, seed by seed, and writes page, picture and results after each run, so that a long series
 * can be stopped at any time. A run replaces an earlier one of the same trial and seed. Reports the tables at the end.
 */
export async function series(study: Study, options: SeriesOptions): Promise<readonly Result[]> {
  const { only, quick, folder, report } = options
  const seeds = options.seeds.length > 0 ? options.seeds : quick ? study.seeds.slice(0, 1) : study.seeds
  const before = quick ? [] : await earlier(study, folder)
  const results = new Map(before.map((result) => [keyOf(result), result]))
  for (const seed of seeds)
    for (const { name: table, trials } of study.tables)
      for (const { row, part, run } of trials) {
        const trial = { table, row, ...(part === undefined ? {} : { part }), seed }
        const name = [table, row, part].filter((word) => word !== undefined).join(', ')
        if (only.length > 0 && !only.some((text) => name.includes(text))) continue
        const began = performance.now()
        const result = { ...trial, ...rounded(await run({ seed, quick })) }
        const values = Object.entries(result.values).map(([column, value]) => `${column} ${value}`)
        const seconds = ((performance.now() - began) / 1000).toFixed(1)
        report(`${name}, seed ${seed}: ${values.join(', ')} (${seconds} s)`)
        results.set(keyOf(result), result)
        if (!quick) await write(study, folder, [...results.values()])
      }
  const all = [...results.values()]
  if (!quick) await write(study, folder, all)
  for (const table of study.tables) report(`\n${table.title}\n\n${tableOf(table, all)}`)
  return all
}

function keyOf({ table, row, part, seed }: Result): string {
  return JSON.stringify([table, row, part, seed])
}

/** Values with four digits after the point: more say nothing. */
function rounded({ values, curves = {} }: Outcome): Outcome {
  const round = (value: number) => Number(value.toFixed(4))
  const all = Object.entries(curves).map(([panel, curve]) => [panel, curve.map(round)] as const)
  return {
    values: Object.fromEntries(Object.entries(values).map(([column, value]) => [column, round(value)])),
    ...(all.length > 0 && { curves: Object.fromEntries(all) }),
  }
}

/** Results of trials that the study still has. */
async function earlier({ name, tables }: Study, folder: string): Promise<readonly Result[]> {
  const text = await readFile(`${folder}${name}.json`, 'utf8').catch(() => '[]')
  const found: readonly Result[] = JSON.parse(text)
  return found.filter((result) =>
    tables.some(
      ({ name: table, trials }) =>
        table === result.table && trials.some(({ row, part }) => row === result.row && part === result.part),
    ),
  )
}

async function write(study: Study, folder: string, results: readonly Result[]): Promise<void> {
  await makeFolder(folder)
  const lines = results.map((result) => JSON.stringify(result))
  await writeFile(`${folder}${study.name}.json`, `[\n${lines.join(',\n')}\n]\n`)
  for (const [file, picture] of picturesOf(study, results)) await writeFile(`${folder}${file}`, picture)
  await writeFile(`${folder}${study.name}.md`, pageOf(study, results))
}
