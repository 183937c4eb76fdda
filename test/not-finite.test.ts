import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { runFlamectl } from './flamectl-process.ts'
import { flamectlUp } from './support/flamectl-up.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const sdk = new URL('../sdk/index.js', import.meta.url).href

/** A workload whose test set lacks a value. */
const lacking = `
import { fedAvg, inMemoryExamples, layersLearner, twoTier, workload } from '${sdk}'
const make = (valueOf) => inMemoryExamples({
  features: Float32Array.from({ length: 20 }, (_, index) => valueOf(index)),
  labels: Uint8Array.from({ length: 10 }, (_, index) => index % 2),
  shape: [2],
})
export default workload({
  name: 'lacking',
  settings: { rounds: 2, clients: 2 },
  learner: () => layersLearner({
    model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ inputShape: [2], units: 2 })] }),
    loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch: 4,
  }),
  data: ({ clients }) => ({
    clients,
    client: () => make(Math.sin),
    test: make((index) => (index === 5 ? NaN : Math.sin(index))),
  }),
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg(),
})
`

test('a job whose test set lacks a value runs, is resumed and told of, and says where the value is missing', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'workload.mjs'), lacking)
  const store = join(folder.path, 'store')
  const args = ['run', folder.path, '--store', store, '--workers', '0', '--json', '--user', 'u']
  const run = await runFlamectl(args)
  t.is(run.status, 0, run.err)
  t.is(run.rounds.size, 2)
  for (const round of [1, 2])
    t.regex(
      run.err,
      new RegExp(`loss of top-aggregator-0 in round ${round} is NaN.*test example 2 has NaN at index 1 of`),
    )
  const again = await runFlamectl([...args, '--resume'])
  t.is(again.status, 0, again.err)
  t.deepEqual(again.done, run.done)

  await using up = await flamectlUp(store)
  for (const command of [
    ['logs', '-f', 'lacking-1'],
    ['jobs', 'watch', 'lacking-1'],
  ]) {
    const { status, out, err } = await up.command(...command)
    t.is(status, 0, err)
    t.regex(out, /ROLE_METRIC_LEFT_OUT[^]*completed\n$/)
  }
})
