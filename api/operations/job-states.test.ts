import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { twoTier } from '../../sdk/index.ts'
import { fileRegistry } from '../../sdk/node/index.ts'
import { type ApiStage, apiStage, codeForm } from '../../test/support/api-stage.ts'
import { zipped } from '../../test/support/stored-job.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

const clients = 20
const rounds = 60
const workload = new URL('../../../examples/trivial/workload.ts', import.meta.url)

/** A job of the trivial example, ready. */
async function readyJob(api: ApiStage, job: string): Promise<string> {
  const design = `/users/u/designs/${job}`
  await api.call('POST', '/users/u/designs', { id: job })
  await api.call('POST', `${design}/schema`, twoTier({ clients }).schema)
  const code = zipped({ 'top-aggregator/README': '-', 'trainer/workload.ts': await readFile(workload, 'utf8') })
  await api.call('POST', `${design}/code`, codeForm(code))
  const dataset = { url: 'file:///any', dataFormat: 'none', realm: 'default' }
  const id = String((await api.call('POST', '/users/u/datasets', dataset)).body)
  const created = await api.call('POST', '/users/u/jobs', {
    id: job,
    designId: job,
    backend: 'ws',
    dataSpec: [{ role: 'trainer', datasetGroups: { default: Array.from({ length: clients }, () => id) } }],
    modelSpec: { hyperparameters: { rounds, fraction: 0.5 } },
  })
  if (created.status !== 201) throw new Error(JSON.stringify(created.body))
  return `/users/u/jobs/${job}`
}

async function stateOf(api: ApiStage, job: string): Promise<string> {
  const { body } = await api.call('GET', `${job}/status`)
  return typeof body === 'object' && body !== null && 'state' in body ? String(body.state) : ''
}

async function reaches(api: ApiStage, job: string, ...states: readonly string[]): Promise<string> {
  for (;;) {
    const state = await stateOf(api, job)
    if (states.includes(state)) return state
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a job is started over the API, and goes on where it was when the server is started again', async (t) => {
  await using folder = await temporaryFolder()
  await using api = await apiStage('lmdb', { inProcess: { folder: folder.path, workers: 0 } })
  const registry = fileRegistry(join(folder.path, 'models'))
  const [calm, interrupted] = [await readyJob(api, 'calm'), await readyJob(api, 'interrupted')]
  for (const job of [calm, interrupted])
    t.deepEqual((await api.call('PUT', `${job}/status`, { id: job.split('/').at(-1), state: 'starting' })).body, null)
  await reaches(api, calm, 'completed')
  t.is((await api.call('PUT', `${interrupted}/status`, { state: 'ready' })).status, 422)

  t.is((await api.call('PUT', `${calm}/status`, { state: 'starting' })).status, 200, 'once more, to be interrupted')
  await reaches(api, calm, 'running', 'completed')
  await api.restart()
  t.is(await reaches(api, calm, 'completed', 'failed'), 'completed')
  t.is(await reaches(api, interrupted, 'completed', 'failed'), 'completed')
  const last = await registry.latest('calm')
  t.is(last?.round, rounds)
  for (const run of ['calm~2', 'interrupted']) t.is((await registry.latest(run))?.hash, last?.hash, run)
  t.deepEqual(api.faults, [])
})

test('a state that may not be asked for, or not now, is refused', async (t) => {
  await using api = await apiStage('memory')
  const job = await readyJob(api, 'j')
  const ask = (body: unknown, at = job) => api.call('PUT', `${at}/status`, body)
  t.like(await ask({ state: 'stopping' }), { status: 409, body: { code: 'JOB_STATE' } })
  t.like(await ask({ state: 'completed' }), { status: 422, body: { code: 'MODEL_INVALID' } })
  t.like(await ask({}), { status: 422, body: { code: 'MODEL_INVALID' } })
  t.like(await ask({ id: 'another', state: 'starting' }), { status: 422, body: { code: 'FIELD_DIFFERS' } })
  t.like(await ask({ state: 'starting' }, '/users/u/jobs/unknown'), { status: 404, body: { code: 'JOB_NOT_FOUND' } })
  t.like(await ask({ state: 'starting' }, '/users/v/jobs/j'), { status: 404, body: { code: 'JOB_NOT_FOUND' } })
  t.is(await stateOf(api, job), 'ready')
})

test("an agent reports with its task's key, or with none where nobody is asked who they are", async (t) => {
  await using api = await apiStage('memory')
  const job = await readyJob(api, 'j')
  const tasks = (await api.call('GET', `${job}/tasks?limit=1`)).body
  const task = Array.isArray(tasks) ? String(tasks[0]?.taskId) : ''
  const report = (query: string) => api.call('PUT', `/jobs/j/${task}/task/status${query}`, { state: 'running' })
  t.like(await report('?key='), { status: 400, body: { code: 'TASK_KEY_MISSING' } })
  t.like(await report(''), { status: 409, body: { code: 'JOB_STATE' } })
  t.like(await report('?key=wrong'), { status: 403, body: { code: 'TASK_KEY_WRONG' } })
})
