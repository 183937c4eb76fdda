import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { makeFolder } from '../runtime/node/index.ts'
import { runJob } from '../simulations/index.ts'
import { flamectlUp } from './support/flamectl-up.ts'
import { startProcess } from './support/flamelet-stage.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { wardFiles } from './support/ward-files.ts'

const flamelet = fileURLToPath(new URL('../flamectl/flamelet-main.js', import.meta.url))
const wards = new URL('../../test/support/wards.workload.ts', import.meta.url)

const schema = {
  name: 'two-tier',
  roles: [{ name: 'top-aggregator' }, { name: 'trainer', isDataConsumer: true }],
  channels: [
    {
      name: 'param-channel',
      pair: ['top-aggregator', 'trainer'],
      funcTags: { 'top-aggregator': ['distribute', 'aggregate'], trainer: ['fetch', 'upload'] },
    },
  ],
}

test('code that its author signs trains on a device whose owner trusts the author, by commands alone', async (t) => {
  await using folder = await temporaryFolder()
  const at = (name: string) => join(folder.path, name)
  const paths = await wardFiles(folder.path, 2)
  await using up = await flamectlUp(at('state'), '--data', `test=${paths.test}`)
  const command = async (...args: readonly string[]) => {
    const { status, out, err } = await up.command(...args)
    t.is(status, 0, `${args.join(' ')}: ${err}`)
    return out
  }
  const keys = ['--keys', at('keys')]
  const key = (await command('keys', 'create', 'author', ...keys)).trim()
  await makeFolder(at('code/trainer'))
  await makeFolder(at('code/top-aggregator'))
  await copyFile(wards, at('code/trainer/workload.ts'))
  await writeFile(at('code/top-aggregator/index.js'), '// the stock role\n')
  await writeFile(at('schema.json'), JSON.stringify(schema))
  await command('create', 'design', 'wards')
  await command('create', 'schema', 'wards', at('schema.json'))
  await command('create', 'code', 'wards', at('code'))

  const args = ['join', up.url, '--name', 'clinic', '--realm', 'eu/clinic', '--state', at('clinic'), '-o', 'json']
  // One dataset is named by its id in the catalogue, the other by its URL there.
  const data = ['--data', `ward-0=${paths[0]}`, `file:///ward-1.csv=${paths[1]}`, '--trust', key]
  const joined = startProcess(process.execPath, [flamelet, ...args, ...data])
  try {
    await joined.line(({ state }) => state === 'joined')
    for (const id of ['ward-0', 'ward-1']) {
      const dataset = { id, url: `file:///${id}.csv`, dataFormat: 'csv', realm: 'eu/clinic', isPublic: false }
      await writeFile(at('dataset.json'), JSON.stringify(dataset))
      await command('create', 'dataset', at('dataset.json'))
    }
    const dataSpec = [{ role: 'trainer', datasetGroups: { default: ['ward-0', 'ward-1'] } }]
    const modelSpec = { hyperparameters: { rounds: 3, seed: 5 } }
    await writeFile(at('job.json'), JSON.stringify({ designId: 'wards', dataSpec, modelSpec }))
    const started = async () => {
      const job = (await command('create', 'job', at('job.json'), '-o', 'name')).trim()
      await command('start', 'job', job)
      return up.command('logs', '-f', job)
    }
    const refused = await started()
    t.is(refused.status, 1)
    t.regex(refused.out, /trainer-0: CODE_UNSIGNED .*clinic/)
    t.regex(refused.out, /failed: CODE_UNSIGNED/)

    await command('sign', at('code'), '--key', 'author', ...keys)
    await command('update', 'code', 'wards', at('code'))
    const completed = await started()
    t.is(completed.status, 0, completed.err + completed.out)
    const shown = [...completed.out.matchAll(/round \d .*? ([\da-f]{16})…/g)].map(([, hash]) => hash)
    const compiled = new URL('support/wards.workload.js', import.meta.url)
    const settings = { rounds: 3, clients: 2 }
    const alone = await (await runJob(compiled, { settings, seed: 5, workers: 0, data: paths })).result
    t.deepEqual(
      shown,
      alone.history.map(({ hash }) => hash.slice(0, 16)),
    )
    t.is(await joined.end('SIGTERM'), 0)
  } finally {
    await joined.end('SIGKILL')
  }
})
