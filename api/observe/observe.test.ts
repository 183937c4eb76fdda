import { EventEmitter, once } from 'node:events'
import test from 'ava'
import { lmdbStore } from '../../runtime/durable/lmdb/index.ts'
import { actorSystem } from '../../runtime/index.ts'
import { apiStage, bearers, planeStage } from '../../test/support/api-stage.ts'
import { stagedJob } from '../../test/support/http-jobs.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { openLog } from '../log.ts'
import { startServer } from '../start-server.ts'
import { serverMetrics } from './metrics.ts'
import { observeActors } from './observers.ts'

function memoryLog(level: 'debug' | 'info' | 'error') {
  const lines: Record<string, unknown>[] = []
  return { lines, setting: { level, to: { write: (line: string) => void lines.push(JSON.parse(line)) } } }
}

const ids: readonly [string, string | undefined, boolean][] = [
  ['its own', 'build/42:a', true],
  ['none', undefined, false],
  ['one with a line break in it', 'a%0A', false],
  ['one that is too long', 'x'.repeat(101), false],
]
for (const [title, given, kept] of ids)
  test(`a request with ${title} is logged and answered with ${kept ? 'it' : 'one that was made'}`, async (t) => {
    const { lines, setting } = memoryLog('info')
    await using api = await apiStage('memory', { log: setting })
    const headers = given === undefined ? {} : { 'x-request-id': given }
    const heard = await api.call('GET', '/users/u/designs?limit=7', undefined, headers)
    const id = heard.headers.get('x-request-id')
    t.is(id === given, kept)
    t.regex(id ?? '', /^[\w.:@/+=-]{1,100}$/)
    await api[Symbol.asyncDispose]()
    const line = { requestId: id, operation: 'getDesigns', method: 'GET', path: '/users/u/designs', status: 200 }
    t.like(
      lines.find(({ msg }) => msg === 'request'),
      line,
    )
  })

test('what may be secret is not logged, nor is health at the level of requests', async (t) => {
  const { lines, setting } = memoryLog('info')
  await using api = await apiStage('memory', { log: setting })
  await api.call('POST', '/computes', { computeId: 'c', adminId: 'a', region: 'r', apiKey: 'secret-1' })
  await api.call('GET', '/computes/c?key=secret-2', undefined, { 'x-api-key': 'secret-3' })
  await api.call('GET', '/healthz')
  await using of = await bearers()
  const { authorization } = await of.of('u', ['user'])
  const token = authorization.replace('Bearer ', '')
  await api.call('GET', `/users/${token}/designs?token=${token}`)
  await api.call('DELETE', `/users/u/designs/${token.split('.').slice(0, 2).join('.')}`)
  const { body } = await api.call('GET', '/audit')
  await api[Symbol.asyncDispose]()
  t.deepEqual(
    lines.map(({ operation }) => operation),
    ['registerCompute', 'getComputeStatus', 'none', 'none', 'getAudit'],
  )
  t.is(lines[2]?.path, '/users/[token]/designs')
  t.notRegex(JSON.stringify([lines, body]), /secret|eyJ/)
})

test('requests without a token are counted, each, and logged together, with one as an example', async (t) => {
  await using of = await bearers()
  const counted: Record<string, number> = {}
  const examples: unknown[] = []
  const telling = new EventEmitter()
  const write = (line: string) => {
    const { counts, example }: { counts?: Record<string, number>; example?: unknown } = JSON.parse(line)
    for (const [code, count] of Object.entries(counts ?? {})) counted[code] = (counted[code] ?? 0) + count
    if (counts) examples.push(example)
    telling.emit('line')
  }
  await using api = await apiStage('memory', { authentication: of, log: { level: 'info', to: { write } } })
  for (const path of ['/nothing', '/users/u/designs', '/metrics/'])
    t.like(await api.call('GET', path), { status: 401, body: { code: 'API_TOKEN_MISSING' } })
  const malformed = await api.call('GET', '/users/u/designs', undefined, { authorization: 'Bearer x' })
  t.like(malformed, { status: 401, body: { code: 'API_TOKEN_INVALID' } })
  for (const path of ['/healthz/', '/readyz', '/openapi.json?a=b']) t.is((await api.call('GET', path)).status, 200)
  const expected = { API_TOKEN_MISSING: 3, API_TOKEN_INVALID: 1 }
  while (JSON.stringify(counted) !== JSON.stringify(expected)) await once(telling, 'line')
  t.like(examples[0], { method: 'GET', path: '/nothing', address: '127.0.0.1' })
  const metrics = await fetch(`${api.url}/metrics`, { headers: await of.of('m', ['metrics']) })
  const text = await metrics.text()
  t.true(text.includes('flame_http_requests_total{operation="none",status="401"} 4\n'))
  t.true(text.includes('flame_http_refusals_total{code="API_TOKEN_MISSING"} 3\n'))
})

test('a fault is logged with the id of its request, and told to nobody else', async (t) => {
  const { lines, setting } = memoryLog('error')
  await using folder = await temporaryFolder()
  const store = await lmdbStore(folder.path)
  await store.documents.insert('designs', [{ id: 'u/d', fields: { foreign: true } }])
  await store.close()
  await using server = await startServer({ store: { type: 'lmdb', folder: folder.path }, port: 0, log: setting })
  const answer = await fetch(`${server.url}/users/u/designs/d`, { headers: { 'x-request-id': 'r-1' } })
  t.is(answer.status, 500)
  t.like(lines, [{ requestId: 'r-1', operation: 'getDesign', err: { code: 'RECORD_DAMAGED' } }])
})

test('a fault that nobody waited for is logged with the id of its request', async (t) => {
  const { lines, setting } = memoryLog('error')
  const system = actorSystem()
  observeActors(system, openLog(setting))
  const asked = system.spawn<{ replyTo: { tell(reply: unknown): void } }>('slow', () => ({ replyTo }) => {
    replyTo.tell({ type: 'done' })
    replyTo.tell({ type: 'failed', cause: new Error('disk'), context: { requestId: 'r-2' } })
  })
  await system.ask(asked, (replyTo) => ({ replyTo }), { timeoutMs: 60_000 })
  await system.idle()
  t.like(lines, [{ requestId: 'r-2', actor: '/slow?', err: { message: 'disk' } }])
  await system.terminate()
})

test('the fault of an actor is logged and counted', async (t) => {
  const { lines, setting } = memoryLog('error')
  const system = actorSystem()
  observeActors(system, openLog(setting))
  const metrics = serverMetrics(system)
  const failing = () => () => {
    throw new Error('broken')
  }
  system.spawn('failing', failing, { supervise: { type: 'resume' } }).tell('x')
  await system.idle()
  t.like(lines, [{ actor: '/failing', err: { message: 'broken' } }])
  t.regex(await metrics.text(), /flame_actor_faults_total\{outcome="resumed"\} 1/)
  await system.terminate()
})

test('metrics count requests by operation and status, and name nothing that a caller wrote', async (t) => {
  await using api = await apiStage('memory')
  await api.call('POST', '/users/some-user/designs', { id: 'some-design' })
  await api.call('GET', '/users/some-user/designs/none')
  await api.call('GET', '/users/some-user/designs/other')
  await api.call('GET', '/some-path')
  const heard = await fetch(`${api.url}/metrics`)
  t.is(heard.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await heard.text()
  for (const expected of [
    'flame_http_requests_total{operation="createDesign",status="201"} 1',
    'flame_http_requests_total{operation="getDesign",status="404"} 2',
    'flame_http_requests_total{operation="none",status="404"} 1',
    'flame_http_refusals_total{code="DESIGN_UNKNOWN"} 2',
    'flame_http_request_seconds_count{operation="getDesign"} 2',
    'flame_http_requests_in_flight 1',
    'flame_actor_dead_letters_total 0',
  ])
    t.true(text.includes(`${expected}\n`), expected)
  for (const expected of [/^flame_actors \d+$/m, /^process_cpu_seconds_total /m, /^nodejs_heap_size_used_bytes /m])
    t.regex(text, expected)
  t.notRegex(text, /some-/)
})

test('metrics count what jobs go through', async (t) => {
  await using api = await apiStage('memory')
  const job = await stagedJob(api)
  for (const state of ['starting', 'stopping'])
    await api.call('PUT', `/users/u/jobs/${job.job}/status`, { id: job.job, state })
  const counted = async () => (await fetch(`${api.url}/metrics`)).text()
  while (!(await counted()).includes('state="terminated"'));
  for (const state of ['starting', 'stopping', 'terminated'])
    t.true((await counted()).includes(`flame_job_states_total{state="${state}"} 1\n`), state)

  const system = actorSystem()
  const metrics = serverMetrics(system)
  const round = { type: 'round', metrics: {}, hash: '', members: [], seconds: 1 } as const
  metrics.recorded('j', { ...round, round: 1 })
  t.regex(await metrics.text(), /^flame_job_rounds_total 1$/m)
  for (const [number, part] of [
    [1, 'red'],
    [2, 'red'],
    [1, 'blue'],
    [2, 'blue'],
  ] as const)
    metrics.recorded('parallel', { ...round, round: number, part })
  t.regex(await metrics.text(), /^flame_job_rounds_total 3$/m)
  t.regex(await metrics.text(), /^flame_job_models_total 5$/m)
  metrics.recorded('parallel', { type: 'state', state: 'completed' })
  metrics.recorded('parallel', { ...round, round: 1, part: 'red' })
  t.regex(await metrics.text(), /^flame_job_rounds_total 4$/m)
  await system.terminate()
})

test('a server is alive and ready', async (t) => {
  await using api = await apiStage('lmdb')
  t.like(await api.call('GET', '/healthz'), { status: 200, body: { status: 'up' } })
  t.like(await api.call('GET', '/readyz'), { status: 200, body: { status: 'ready' } })
})

test('a server whose store does not answer, or that is closing, is alive and not ready', async (t) => {
  await using plane = await planeStage()
  const { url, store, closing } = plane
  const alive = async () => (await fetch(`${url}/healthz`)).status
  const ready = async () => {
    const answer = await fetch(`${url}/readyz`, { headers: { accept: 'application/json' } })
    return [answer.status, await answer.json()]
  }
  t.deepEqual([await alive(), await ready()], [200, [200, { status: 'ready' }]])
  await store.close()
  t.deepEqual([await alive(), await ready()], [200, [503, 'the server is not ready: its store does not answer']])
  closing.abort()
  t.deepEqual([await alive(), await ready()], [200, [503, 'the server is not ready: it is closing']])
})
