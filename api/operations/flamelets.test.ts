import test from 'ava'
import { unzipSync } from 'fflate'
import { apiStage } from '../../test/support/api-stage.ts'
import { keysOf, stagedJob } from '../../test/support/http-jobs.ts'

const key = { 'x-api-key': 'secret' }

for (const kind of ['memory', 'lmdb'] as const)
  test(`a flamelet that shows its task's key gets config and code of its role alone (${kind})`, async (t) => {
    await using api = await apiStage(kind, { workers: { brokers: [{ sort: 'mqtt', host: 'broker:1883' }] } })
    const { job, tasks } = await stagedJob(api, { modelSpec: { hyperparameters: { rounds: 5, mine: 'x' } } })
    const trainer = tasks.find(({ role }) => role === 'trainer')
    const id = String(trainer?.taskId)
    const keys = await keysOf(api, job)
    const taken = await fetch(`${api.url}/jobs/${job}/${id}/task?key=${keys[id]}`, {
      headers: { accept: 'multipart/form-data' },
    })
    t.is(taken.status, 200)
    t.regex(taken.headers.get('content-type') ?? '', /^multipart\/form-data; boundary=/)
    const form = await taken.formData()
    t.deepEqual([...form.keys()], ['config', 'code.zip'])
    const [config, code] = [form.get('config'), form.get('code.zip')]
    if (!(config instanceof File) || !(code instanceof File)) return t.fail('they are files')
    t.deepEqual(JSON.parse(await config.text()), {
      backend: 'mqtt',
      brokers: [{ sort: 'mqtt', host: 'broker:1883' }],
      registry: { sort: 'dummy', uri: '' },
      job: { id: job, name: 'd' },
      role: 'trainer',
      realm: 'eu/c1',
      channels: [{ name: 'param', pair: ['aggregator', 'trainer'], groupBy: { type: 'tag', value: ['default'] } }],
      groupAssociation: { param: 'default' },
      hyperparameters: { rounds: 5, epochs: 1, batchSize: 16, mine: 'x' },
      dependencies: [],
      dataset: 'file:///0',
      optimizer: { sort: 'fedavg', kwargs: {} },
      selector: { sort: 'default', kwargs: {} },
    })
    t.deepEqual(Object.keys(unzipSync(new Uint8Array(await code.arrayBuffer()))), ['trainer/index.js'])
    t.deepEqual(api.faults, [])
  })

test("what the server's owner says of flamelets reaches computes and the workers of their flamelets", async (t) => {
  const brokers = [{ sort: 'mqtt', host: 'broker:1883' }]
  const registry = { sort: 'mlflow', uri: 'http://models:5000' }
  await using api = await apiStage('memory', { workers: { brokers, registry, image: 'flamelets:1' } })
  const { job, tasks } = await stagedJob(api)
  const config = await api.call('GET', `/computes/c1/deployments/${job}/config`, undefined, key)
  t.like(config, { status: 200, body: { jobId: job, imageLoc: 'flamelets:1' } })
  const [id = ''] = tasks.map(({ taskId }) => taskId)
  const taken = await fetch(`${api.url}/jobs/${job}/${id}/task?key=${(await keysOf(api, job))[id]}`)
  const file = (await taken.formData()).get('config')
  t.like(JSON.parse(file instanceof File ? await file.text() : ''), { brokers, registry })
})

test("a task's flamelet is known by its key alone, and the key is in no answer", async (t) => {
  await using api = await apiStage('memory')
  const { job, tasks } = await stagedJob(api)
  const [id = '', other = ''] = tasks.map(({ taskId }) => taskId)
  const keys = await keysOf(api, job)
  const refused: readonly [path: string, query: string, status: number, code: string][] = [
    [`${job}/${id}`, '', 400, 'TASK_KEY_MISSING'],
    [`${job}/${id}`, '?key=', 400, 'TASK_KEY_MISSING'],
    [`${job}/${id}`, '?key=wrong', 403, 'TASK_KEY_WRONG'],
    [`${job}/${other}`, `?key=${keys[id]}`, 403, 'TASK_KEY_WRONG'],
    [`${job}/none`, `?key=${keys[id]}`, 404, 'TASK_UNKNOWN'],
    [`none/${id}`, `?key=${keys[id]}`, 404, 'JOB_NOT_FOUND'],
  ]
  for (const [path, query, status, code] of refused)
    for (const what of ['task', 'notifications']) {
      const heard = await api.call('GET', `/jobs/${path}/${what}${query}`)
      t.like(heard, { status, body: { code } }, `${path} ${what} ${query}`)
      t.false(JSON.stringify(heard.body).includes(String(keys[id])))
    }
})

test('a flamelet hears of nothing until it is told, and an acknowledgement of what never was is refused', async (t) => {
  await using api = await apiStage('memory')
  const { job, tasks } = await stagedJob(api)
  const [id = ''] = tasks.map(({ taskId }) => taskId)
  const path = `/jobs/${job}/${id}/notifications?key=${(await keysOf(api, job))[id]}`
  t.like(await api.call('GET', `${path}&waitMs=10`), { status: 200, body: [] })
  t.like(await api.call('GET', `${path}&acknowledged=1`), { status: 422, body: { code: 'ACKNOWLEDGED_UNKNOWN' } })
  t.like(await api.call('GET', `${path}&waitMs=-1`), { status: 400, body: { code: 'API_QUERY' } })
})

test('who waits for notifications does not hold up the closing of the server', async (t) => {
  await using api = await apiStage('memory')
  await stagedJob(api)
  const waiting = api.call('GET', '/computes/c1/notifications?waitMs=20000', undefined, key)
  await api.call('GET', '/computes/c1/notifications', undefined, key)
  const began = performance.now()
  await api.restart()
  t.like(await waiting, { status: 200, body: [] })
  t.true(performance.now() - began < 20_000)
})

test('a compute reads of its own jobs only, with its key, and reports their deployment once they are started', async (t) => {
  await using api = await apiStage('memory')
  const { job, tasks } = await stagedJob(api)
  const mine = tasks.filter(({ computeId }) => computeId === 'c1').map(({ taskId }) => taskId)
  t.true(mine.length > 0 && mine.length < tasks.length)
  t.deepEqual(Object.keys(await keysOf(api, job)).toSorted(), tasks.map(({ taskId }) => taskId).toSorted())
  const config = await api.call('GET', `/computes/c1/deployments/${job}/config`, undefined, key)
  t.deepEqual(Object.keys(Object(config.body).agentKVs).toSorted(), mine.toSorted())
  for (const path of [`deployments/${job}/config`, `deployments/${job}/status`, 'deployments', 'notifications']) {
    t.like(await api.call('GET', `/computes/c1/${path}`), { status: 401, body: { code: 'COMPUTE_KEY_MISSING' } })
    const wrong = await api.call('GET', `/computes/c1/${path}`, undefined, { 'x-api-key': 'wrong' })
    t.like(wrong, { status: 403, body: { code: 'COMPUTE_KEY_WRONG' } })
  }
  t.deepEqual((await api.call('GET', '/jobs/c1', undefined, key)).body, [])
  t.deepEqual((await api.call('GET', '/computes/c1/deployments', undefined, key)).body, [])
  const status = { [mine[0] ?? '']: 'agentDeploySuccess' }
  t.like(await api.call('PUT', `/computes/c1/deployments/${job}/status`, status, key), {
    status: 404,
    body: { code: 'DEPLOYMENT_UNKNOWN' },
  })
})
