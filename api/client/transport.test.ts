import test from 'ava'
import { cut, json, scriptedServer } from '../../test/support/scripted-server.ts'
import { statusOf } from './answers.ts'
import { apiClient } from './client.ts'

const created = { id: 'j', state: 'ready' }
const body = { designId: 'd', backend: 'ws' as const }
const busy = { code: 'API_BUSY', detail: 'later', hint: 'wait', status: 503 }

test('a creation whose answer is lost is sent again with the same key', async (t) => {
  await using server = await scriptedServer(cut, json(503, busy), json(201, created))
  const client = apiClient({ endpoint: server.url })
  t.deepEqual(await client.createJob({ user: 'u', body }), { id: 'j', state: 'ready' })
  const keys = server.seen.map(({ headers }) => headers['idempotency-key'])
  t.is(keys.length, 3)
  t.is(new Set(keys).size, 1)
  t.truthy(keys[0])
  await client.createJob({ user: 'u', body })
  t.not(server.seen[3]?.headers['idempotency-key'], keys[0])
  t.deepEqual(JSON.parse(server.seen[2]?.body ?? ''), body)
})

test('attempts are bounded, and the last refusal is told', async (t) => {
  await using server = await scriptedServer(json(503, busy))
  const client = apiClient({ endpoint: server.url, attempts: 3 })
  const error = await t.throwsAsync(client.getJobs({ user: 'u' }), { code: 'API_BUSY', message: 'later' })
  t.is(statusOf(error), 503)
  t.is(server.seen.length, 3)
})

test('what the server refuses for good is asked once', async (t) => {
  const problem = {
    code: 'JOB_INVALID',
    detail: 'the job has {count} faults',
    hint: 'mend each',
    faults: [{ code: 'FIELD_REQUIRED', place: 'backend', message: 'this field is required' }],
  }
  await using server = await scriptedServer(json(422, problem))
  const error = await t.throwsAsync(apiClient({ endpoint: server.url }).createJob({ user: 'u', body }), {
    code: 'JOB_INVALID',
  })
  t.like(error, {
    message: 'the job has {count} faults',
    hint: 'mend each',
    values: { status: 422, faults: problem.faults },
  })
  t.is(server.seen.length, 1)
})

test('a server that says the message alone is understood too', async (t) => {
  await using server = await scriptedServer(json(404, 'no such thing'))
  const error = await t.throwsAsync(apiClient({ endpoint: server.url }).getJob({ user: 'u', jobId: 'j' }), {
    code: 'CLIENT_STATUS',
    message: /GET \/users\/u\/jobs\/j was answered 404: no such thing/,
  })
  t.is(statusOf(error), 404)
})

test('a pause that the server asks for is kept, up to the longest', async (t) => {
  await using server = await scriptedServer(json(429, busy, { 'retry-after': '1000' }), json(200, []))
  await apiClient({ endpoint: server.url, longestPauseMs: 20 }).getJobs({ user: 'u' })
  t.is(server.seen.length, 2)
})

test('an answer that does not come in time is given up, and not asked for again', async (t) => {
  await using server = await scriptedServer(() => {})
  const client = apiClient({ endpoint: server.url, timeoutMs: 50 })
  await t.throwsAsync(client.getJobs({ user: 'u' }), { code: 'CLIENT_TIMEOUT' })
  await using half = await scriptedServer((response) => response.writeHead(200).write('['))
  await t.throwsAsync(apiClient({ endpoint: half.url, timeoutMs: 50 }).getJobs({ user: 'u' }), {
    code: 'CLIENT_TIMEOUT',
  })
  t.true(server.seen.length <= 1)
})

test("the caller's signal ends a request with its reason", async (t) => {
  const stop = new AbortController()
  await using server = await scriptedServer(() => stop.abort(new Error('enough')))
  const client = apiClient({ endpoint: server.url })
  await t.throwsAsync(client.getJobs({ user: 'u' }, { signal: stop.signal }), { message: 'enough' })
})

test('where nobody listens, it says so and what to do', async (t) => {
  const gone = await scriptedServer()
  await gone[Symbol.asyncDispose]()
  const client = apiClient({ endpoint: `${gone.url}/`, attempts: 1 })
  const error = await t.throwsAsync(client.getJobs({ user: 'u' }), {
    code: 'CLIENT_UNREACHABLE',
    message: /ECONNREFUSED/,
  })
  t.regex(String(error && 'hint' in error && error.hint), /flamectl up/)
  t.throws(() => apiClient({ endpoint: 'localhost:10100' }), { code: 'CLIENT_ENDPOINT' })
})

test('a server that speaks http is told from one with TLS, at the first attempt', async (t) => {
  await using server = await scriptedServer()
  const client = apiClient({ endpoint: server.url.replace('http:', 'https:') })
  const error = await t.throwsAsync(client.getJobs({ user: 'u' }), {
    code: 'CLIENT_NO_TLS',
    message: /not speak https/,
  })
  t.notRegex(String(error?.message), /SSL/)
})

test("the token and a compute's key travel as headers", async (t) => {
  await using server = await scriptedServer(json(200, { computeId: 'c', state: 'up' }))
  await apiClient({ endpoint: server.url, token: 't' }).getComputeStatus({ computeId: 'c' }, { apiKey: 'k' })
  t.like(server.seen[0]?.headers, { authorization: 'Bearer t', 'x-api-key': 'k' })
})

test('an answer with fields of a newer server is read, and one that is none is refused', async (t) => {
  const newer = { ...created, later: { than: 'this' } }
  await using server = await scriptedServer(json(200, newer), json(200, { id: 'j', state: 'odd' }))
  const client = apiClient({ endpoint: server.url })
  t.deepEqual(await client.getJobStatus({ user: 'u', jobId: 'j' }), { id: 'j', state: 'ready' })
  await t.throwsAsync(client.getJobStatus({ user: 'u', jobId: 'j' }), { code: 'CLIENT_ANSWER', message: /state/ })
})
