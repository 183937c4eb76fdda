import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { unzipSync } from 'fflate'
import { apiClient } from '../../api/client/index.ts'
import { hierarchical, twoTier } from '../../sdk/index.ts'
import { loadWorkload } from '../../sdk/node/index.ts'
import { apiStage } from '../../test/support/api-stage.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { createJob, jobsOf, workloadArchive } from './workload-job.ts'

const trivial = () => loadWorkload('examples/trivial')
const settings = { rounds: 3, clients: 3, fraction: 0.5 }

test('a job of a workload is created with its design, and the next one takes what is there', async (t) => {
  await using api = await apiStage('memory')
  const connection = { client: apiClient({ endpoint: api.url }), user: 'u' }
  const { client, user } = connection
  const loaded = await trivial()
  const plan = { seed: 7, settings, topology: twoTier(settings) }
  t.is(await createJob(connection, loaded, plan), 'trivial-1')
  t.is(await createJob(connection, loaded, { ...plan, seed: 8 }), 'trivial-2')
  const of = { user, designId: 'trivial' }
  t.deepEqual(await client.getDesignCodeRevision(of), { revision: 1 })
  t.is((await client.getDesignSchema(of)).revision, 1)
  const { items: datasets } = await client.getDatasets({ user })
  t.is(datasets.length, 1)
  const spec = await client.getJob({ user, jobId: 'trivial-2' })
  t.deepEqual(spec.modelSpec, { hyperparameters: { ...settings, seed: 8 } })
  const id = String(datasets[0]?.id)
  t.deepEqual(spec.dataSpec, [{ role: 'trainer', datasetGroups: { default: [{ dataset: id, count: 3 }] } }])
  t.is((await client.getTasks({ user, jobId: 'trivial-2' })).items.length, 4)

  const optimizer = { sort: 'fedadam', kwargs: { eta: 0.05 } }
  await createJob(connection, loaded, { ...plan, topology: hierarchical(settings), choices: { optimizer } })
  t.deepEqual((await client.getJob({ user, jobId: 'trivial-3' })).modelSpec?.optimizer, optimizer)
  t.is((await client.getDesignSchema(of)).revision, 2)
  t.is((await client.getDesignCodeRevision(of)).revision, 2, 'it has a folder for another role')
  t.deepEqual(
    (await jobsOf(connection, 'trivial')).map(({ id }) => id),
    ['trivial-1', 'trivial-2', 'trivial-3'],
  )
})

test('jobs are numbered after those of the workload, though others are named alike or are those of another user', async (t) => {
  await using api = await apiStage('memory')
  const client = apiClient({ endpoint: api.url })
  const loaded = await trivial()
  const plan = { seed: 1, settings, topology: twoTier(settings) }
  await createJob({ client, user: 'v' }, loaded, plan)
  const body = { ...(await client.getJob({ user: 'v', jobId: 'trivial-1' })), userId: 'v' }
  for (const id of ['trivial-x-9', 'trivial-09', 'trivial-10'])
    await client.createJob({ user: 'v', body: { ...body, id } })
  t.is(await createJob({ client, user: 'v' }, loaded, plan), 'trivial-11')
  t.is(await createJob({ client, user: 'u' }, loaded, plan), 'trivial-2')
})

test('the archive has the sources for each role, and neither data, nor libraries, nor what is hidden', async (t) => {
  await using folder = await temporaryFolder()
  const at = (path: string) => join(folder.path, path)
  for (const made of ['lib', 'data', 'node_modules/x', '.git']) await mkdir(at(made), { recursive: true })
  const files = ['workload.js', 'lib/model.ts', 'data/huge.json', 'node_modules/x/index.js', '.git/a.js', 'image.png']
  for (const file of files) await writeFile(at(file), `// ${file}`)
  const module = pathToFileURL(at('workload.js'))
  const archive = await workloadArchive(module, ['a', 'b'])
  t.deepEqual(Object.keys(unzipSync(archive)).toSorted(), [
    'a/lib/model.ts',
    'a/workload.js',
    'b/lib/model.ts',
    'b/workload.js',
  ])
  t.deepEqual(await workloadArchive(module, ['a', 'b']), archive)

  await writeFile(at('odd.workload.ts'), '')
  const odd = unzipSync(await workloadArchive(pathToFileURL(at('odd.workload.ts')), ['a']))
  t.is(new TextDecoder().decode(odd['a/workload.mjs']), "export { default } from './odd.workload.ts'\n")
  for (let i = 0; i < 1000; i++) await writeFile(at(`${i}.js`), '')
  await t.throwsAsync(workloadArchive(module, ['a']), { code: 'CODE_SIZE' })
})
