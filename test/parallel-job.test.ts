import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { fileRegistry } from '../sdk/node/index.ts'
import { type FinishedRun, runFlamectl } from './flamectl-process.ts'
import { driftingParts } from './support/stored-job.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const sdk = new URL('../sdk/index.js', import.meta.url).href

/** Three groups with an aggregator each, and nothing above the aggregators. */
const parallel = `
import { fedAvg, inMemoryExamples, workload } from '${sdk}'
const groups = ['blue', 'green', 'red']
export default workload({
  name: 'parallel',
  settings: { rounds: 20, clients: 6 },
  ${driftingParts}
  topology: () => ({
    schema: {
      name: 'parallel',
      roles: [
        { name: 'aggregator', groupAssociation: groups.map((param) => ({ param })) },
        { name: 'trainer', isDataConsumer: true, groupAssociation: groups.map((param) => ({ param })) },
      ],
      channels: [
        {
          name: 'param',
          pair: ['aggregator', 'trainer'],
          groupBy: { type: 'tag', value: groups },
          funcTags: { aggregator: ['distribute', 'aggregate'], trainer: ['fetch', 'upload'] },
        },
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { blue: ['0', '1', '2'], green: ['3'], red: ['4', '5'] } }],
  }),
  strategy: () => fedAvg({ fraction: 1 }),
})
`

/** Hashes of the models that a run reported, by part and round. */
function hashes(runs: readonly FinishedRun[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { lines } of runs)
    for (const line of lines) {
      const { part, round, hash } = Object(line)
      if (round !== undefined) found.set(`${part} ${round}`, hash)
    }
  return found
}

test('a job whose groups have nothing above them commits a model of each group a round, and killed it resumes to the same hashes', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'workload.mjs'), parallel)
  const run = (store: string, more: readonly string[] = [], conditions = {}) =>
    runFlamectl(
      ['run', folder.path, '--json', '--workers', '0', '--store', join(folder.path, store), ...more],
      conditions,
    )
  const calm = await run('calm')
  t.is(calm.status, 0, calm.err)
  const expected = hashes([calm])
  t.is(expected.size, 3 * 20)
  t.is(new Set(expected.values()).size, 3 * 20)
  const models = ['blue', 'green', 'red'].map((part) => ({ part, hash: expected.get(`${part} 20`) }))
  t.like(calm.done, { rounds: 20, models })

  const runs = [await run('killed', [], { signalAtFirstLine: 'SIGKILL' })]
  t.is(runs[0]?.signal, 'SIGKILL')
  runs.push(await run('killed', ['--resume'], { signalAtFirstLine: 'SIGKILL' }))
  const stopped = await run('killed', ['--resume'], { signalAtFirstLine: 'SIGINT' })
  t.regex(stopped.err, /stopped after round \d+; to go on: flamectl run .*--resume/)
  runs.push(stopped)
  const resumed = await run('killed', ['--resume'])
  t.is(resumed.status, 0, resumed.err)
  t.like(resumed.done, { rounds: 20, models })
  runs.push(resumed)
  for (const [model, hash] of hashes(runs)) t.is(hash, expected.get(model) ?? '', model)

  const registry = fileRegistry(join(folder.path, 'killed', 'models'))
  t.deepEqual(await registry.parts('parallel-1'), ['blue', 'green', 'red'])
  t.deepEqual((await readdir(join(folder.path, 'killed', 'models', 'parallel-1'))).toSorted(), [
    'part-blue',
    'part-green',
    'part-red',
  ])
  for (const part of ['blue', 'green', 'red']) {
    t.is((await registry.list('parallel-1', part)).length, 20)
    for (const round of [1, 10, 20])
      t.is((await registry.load('parallel-1', round, part)).hash, expected.get(`${part} ${round}`) ?? '')
  }
  const again = await run('killed', ['--resume'])
  t.deepEqual([again.status, again.done, again.lines.length], [0, resumed.done, 4])
})
