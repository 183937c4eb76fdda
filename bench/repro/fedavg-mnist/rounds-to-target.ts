import { readFile, writeFile } from 'node:fs/promises'
import { makeFolder } from '../../../runtime/node/index.ts'
import { fedAvgMnist, type Run } from './experiments.ts'
import { plot } from './plot.ts'
import { runToTarget } from './run-to-target.ts'
import { table } from './table.ts'

const name = 'fedavg-mnist'

/** Names of the experiments. */
export const experimentNames = fedAvgMnist.map((experiment) => experiment.name)

export interface RoundsToTargetOptions {
  /** Experiments that are run. Empty: all. */
  readonly only: readonly string[]
  readonly seeds: readonly number[]
  /** Learning rates. Empty: those of each experiment. */
  readonly rates: readonly number[]
  /** Folder of the results. */
  readonly folder: string
}

/** Counts rounds until a test accuracy is reached, and writes the results after each run, so that a long series can be stopped at any time. */
export async function roundsToTarget({ only, seeds, rates, folder }: RoundsToTargetOptions): Promise<void> {
  await makeFolder(folder)
  let runs: readonly Run[] = await readFile(`${folder}${name}.json`, 'utf8').then(
    (text): Run[] => JSON.parse(text),
    () => [],
  )
  for (const experiment of fedAvgMnist) {
    if (only.length > 0 && !only.includes(experiment.name)) continue
    for (const rate of rates.length === 0 ? experiment.rates : rates) {
      for (const seed of seeds) {
        const run = await runToTarget(experiment, seed, rate, console.log)
        const rounds = `${run.reached ? '' : '> '}${run.accuracies.length} rounds`
        console.log(`${experiment.name} seed ${seed} rate ${rate}: ${rounds}`)
        const same = (other: Run) =>
          other.experiment === run.experiment && other.seed === run.seed && other.rate === run.rate
        runs = [...runs.filter((other) => !same(other)), run]
        await writeResults(folder, runs)
      }
    }
  }
  await writeResults(folder, runs)
}

async function writeResults(folder: string, runs: readonly Run[]): Promise<void> {
  await writeFile(`${folder}${name}.json`, `[\n${runs.map((run) => JSON.stringify(run)).join(',\n')}\n]\n`)
  await writeFile(`${folder}${name}.svg`, plot(fedAvgMnist, runs))
  await writeFile(
    `${folder}${name}.md`,
    `# ${name}: published rounds, and ours\n\nWritten by \`npm run repro -- ${name}\`, which adds to it run by run; every run is in [${name}.json](${name}.json).\n\n${table(fedAvgMnist, runs)}\n\n![error on the test set over the rounds](${name}.svg)\n`,
  )
}
