import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeFolder } from '../../runtime/node/index.ts'
import { type Experiment, fedAvgMnist, type Run } from './experiments.ts'
import { plot } from './plot.ts'
import { runToTarget } from './run-to-target.ts'
import { table } from './table.ts'

const suites: Readonly<Record<string, readonly Experiment[]>> = { 'fedavg-mnist': fedAvgMnist }
const folder = fileURLToPath(new URL('../../../docs/reproduction/', import.meta.url))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string', default: '1,2,3' },
    rates: { type: 'string', default: '' },
  },
})
const [suite = ''] = positionals
const experiments = suites[suite]
const listed = (text: string) => text.split(',').filter((part) => part !== '')
const only = listed(values.only)
const unknown = only.filter((name) => !experiments?.some((experiment) => experiment.name === name))
if (!experiments || unknown.length > 0) {
  console.error(
    `usage: npm run repro -- <${Object.keys(suites).join('|')}> [--only name,…] [--seeds 1,2] [--rates 0.1]`,
  )
  if (experiments) console.error(`experiments: ${experiments.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

await makeFolder(folder)
const file = `${folder}${suite}.json`
let runs: readonly Run[] = await readFile(file, 'utf8').then(
  (text): Run[] => JSON.parse(text),
  () => [],
)
for (const experiment of experiments) {
  if (only.length > 0 && !only.includes(experiment.name)) continue
  for (const rate of values.rates === '' ? experiment.rates : listed(values.rates).map(Number)) {
    for (const seed of listed(values.seeds).map(Number)) {
      const run = await runToTarget(experiment, seed, rate, console.log)
      console.log(
        `${experiment.name} seed ${seed} rate ${rate}: ${run.reached ? '' : '> '}${run.accuracies.length} rounds`,
      )
      const same = (other: Run) =>
        other.experiment === run.experiment && other.seed === run.seed && other.rate === run.rate
      runs = [...runs.filter((other) => !same(other)), run]
      await writeResults(experiments)
    }
  }
}
await writeResults(experiments)

/** Writes the results. Called after each run, so that a long series can be stopped at any time. */
async function writeResults(of: readonly Experiment[]): Promise<void> {
  await writeFile(file, `[\n${runs.map((run) => JSON.stringify(run)).join(',\n')}\n]\n`)
  await writeFile(`${folder}${suite}.svg`, plot(of, runs))
  await writeFile(
    `${folder}${suite}.md`,
    `# ${suite}: published rounds, and ours\n\nWritten by \`npm run repro -- ${suite}\`, which adds to it run by run; every run is in [${suite}.json](${suite}.json).\n\n${table(of, runs)}\n\n![error on the test set over the rounds](${suite}.svg)\n`,
  )
}
