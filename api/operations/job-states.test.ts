import { join } from 'node:path'
import test from 'ava'
import { fileRegistry } from '../../sdk/node/index.ts'
import { type ApiStage, apiStage, bearers, codeForm } from '../../test/support/api-stage.ts'
import { type Call, reached, trivialJob } from '../../test/support/http-jobs.ts'
import { zipped } from '../../test/support/stored-job.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

const clients = 20
const rounds = 60

/** What the API answers, decoded. Rejects at a refusal. */
function callsOf(api: ApiStage): Call {
  return async (method, path, body) => {
    const heard = await api.call(method, path, body)
    if (heard.status >= 400) throw new Error(JSON.stringify(heard.body))
    return heard.body
  }
}

const readyJob = (api: ApiStage, job: string) => trivialJob(callsOf(api), { job, clients, rounds })

test('a job is started over the API, and goes on where it was when the server is started again', async (t) => {
  await using folder = await temporaryFolder()
  await using api = await apiStage('lmdb', { inProcess: { folder: folder.path, workers: 0 } })
  const registry = fileRegistry(join(folder.path, 'models'))
  const [calm, interrupted] = [await readyJob(api, 'calm'), await readyJob(api, 'interrupted')]
  for (const job of [calm, interrupted])
    t.deepEqual((await api.call('PUT', `${job}/status`, { id: job.split('/').at(-1), state: 'starting' })).body, null)
  await reached(callsOf(api), calm, 'completed')
  t.is((await api.call('PUT', `${interrupted}/status`, { state: 'ready' })).status, 422)

  t.is((await api.call('PUT', `${calm}/status`, { state: 'starting' })).status, 200, 'once more, to be interrupted')
  await reached(callsOf(api), calm, 'running', 'completed')
  await api.restart()
  t.is(await reached(callsOf(api), calm, 'completed', 'failed'), 'completed')
  t.is(await reached(callsOf(api), interrupted, 'completed', 'failed'), 'completed')
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
  t.is(await reached(callsOf(api), job, 'ready'), 'ready')
})

test("a flamelet reports with its task's key, or with none where nobody is asked who they are", async (t) => {
  await using api = await apiStage('memory')
  const job = await readyJob(api, 'j')
  const tasks = (await api.call('GET', `${job}/tasks?limit=1`)).body
  const task = Array.isArray(tasks) ? String(tasks[0]?.taskId) : ''
  const report = (query: string) => api.call('PUT', `/jobs/j/${task}/task/status${query}`, { state: 'running' })
  t.like(await report('?key='), { status: 400, body: { code: 'TASK_KEY_MISSING' } })
  t.like(await report(''), { status: 409, body: { code: 'JOB_STATE' } })
  t.like(await report('?key=wrong'), { status: 403, body: { code: 'TASK_KEY_WRONG' } })
})

test('where tokens are asked for, a user is not told where a server keeps the code that failed; an administrator is', async (t) => {
  await using folder = await temporaryFolder()
  await using of = await bearers()
  await using api = await apiStage('memory', { inProcess: { folder: folder.path, workers: 0 }, authentication: of })
  const [own, admin] = [await of.of('u', ['user']), await of.of('a', ['admin'])]
  const code = () => codeForm(zipped({ 'top-aggregator/README': '-', 'trainer/README': '-' }))
  const call: Call = async (method, path, body) =>
    (await api.call(method, path, path.endsWith('/code') ? code() : body, own)).body
  await api.call('POST', '/computes', { computeId: 'default', region: 'r', adminId: 'a', apiKey: 'k' }, admin)
  const job = await trivialJob(call, { job: 'j', clients: 2, rounds: 1 })
  await call('PUT', `${job}/status`, { id: 'j', state: 'starting' })
  await reached(call, job, 'failed')
  for (const path of [`${job}/events?follow=false`, `${job}/status`, '/users/u/jobs']) {
    const told = async (as: Record<string, string>) => {
      const { body } = await api.call('GET', path, undefined, as)
      return body instanceof Uint8Array ? Buffer.from(body).toString() : JSON.stringify(body)
    }
    const [toUser, toAdmin] = [await told(own), await told(admin)]
    t.false(toUser.includes(folder.path), toUser)
    t.is(toUser, toAdmin.replaceAll(folder.path, '<server>'))
    if (path.includes('events')) t.true(toUser.includes('<server>/code'), toUser)
  }
})
