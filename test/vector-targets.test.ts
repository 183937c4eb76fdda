import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { runJob } from '../simulations/index.ts'
import scores, { scoresCsv } from './support/scores.workload.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const module = new URL('./support/scores.workload.js', import.meta.url)

for (const loss of ['squared', 'absolute', 'huber', 'labels', 'several'])
  test(`a job trains and evaluates on three targets of a csv file as on those of memory: ${loss}`, async (t) => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'scores.csv')
    await writeFile(path, scoresCsv(loss))
    const roundsOf = async (from: string, more: object) => {
      const run = await runJob(from === 'file' ? module.href : scores, { settings: { loss, from }, ...more })
      const { state, history } = await run.result
      t.is(state, 'completed')
      return history.map(({ hash, metrics }) => ({ hash, metrics }))
    }
    const expected = await roundsOf('memory', {})
    t.true(Number.isFinite(expected[1]?.metrics.loss))
    t.true(Number.isFinite(expected[1]?.metrics['client-loss']))
    if (loss === 'several')
      for (const name of ['loss-mood', 'loss-others', 'client-loss-mood'])
        t.true(Number.isFinite(expected[1]?.metrics[name]), JSON.stringify(expected[1]?.metrics))
    t.deepEqual(await roundsOf('text', {}), expected)
    t.deepEqual(await roundsOf('file', { workers: 1, data: { scores: path } }), expected)
  })

test('a partition that deals examples by labels refuses targets of a csv file without labels', async (t) => {
  for (const partition of ['shards', 'dirichlet:0.5', 'draw:5:labels:1', 'draw:5:dirichlet:1'])
    await t.throwsAsync(
      runJob(scores, { settings: { from: 'text', partition } }).then(({ result }) => result),
      { code: 'DATA_UNLABELLED', message: new RegExp(`partition '${partition}' deals examples by their labels`) },
    )
  const drawn = await (await runJob(scores, { settings: { from: 'text', partition: 'draw:5', rounds: 1 } })).result
  t.is(drawn.state, 'completed')
})
