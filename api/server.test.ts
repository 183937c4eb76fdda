import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import { apiStage, codeForm } from '../test/support/api-stage.ts'
import { twoTierCode } from '../test/support/stored-job.ts'
import { startServer } from './start-server.ts'

const designs = '/users/u/designs'
type Sent = [method: string, path: string, body?: unknown, headers?: Record<string, string>]

/** Far deeper, it would break the stack of whoever walks through it. */
const nested = '['.repeat(150) + ']'.repeat(150)

const refused: readonly [string, Sent, number, string][] = [
  ['malformed JSON', ['POST', designs, '{"id": '], 400, 'API_JSON'],
  ['an unknown field', ['POST', designs, { id: 'a', extra: 1 }], 400, 'MODEL_UNKNOWN_FIELD'],
  ['a missing field', ['POST', designs, {}], 422, 'MODEL_INVALID'],
  ['a value of another type', ['POST', designs, { id: 1 }], 422, 'MODEL_INVALID'],
  [
    'an object in the place of a text',
    ['POST', designs, { id: 'a', name: { length: { toString: 1 } } }],
    422,
    'MODEL_INVALID',
  ],
  ['half of a surrogate pair', ['POST', designs, '{"id": "a", "name": "\\ud800"}'], 422, 'API_VALUE'],
  ['a field __proto__', ['POST', designs, '{"id": "a", "__proto__": {}}'], 400, 'API_FIELD_NAME'],
  [
    'a field __proto__ in a free map',
    ['POST', '/users/u/jobs', '{"modelSpec": {"hyperparameters": {"a": [{"__proto__": {"x": 1}}]}}}'],
    400,
    'API_FIELD_NAME',
  ],
  ['no body', ['POST', designs], 422, 'MODEL_INVALID'],
  ['another owner in the body', ['POST', designs, { id: 'a', userId: 'v' }], 422, 'FIELD_DIFFERS'],
  ['a body that is no JSON', ['POST', designs, 'id=a', { 'content-type': 'text/plain' }], 415, 'API_MEDIA_TYPE'],
  ['JSON that is nested too deep', ['POST', designs, `{"id":"a","name":${nested}}`], 400, 'API_JSON'],
  ['a job that is nested too deep', ['POST', '/users/u/jobs', `{"name":"j","modelSpec":${nested}}`], 400, 'API_JSON'],
  ['a compressed body', ['POST', designs, { id: 'a' }, { 'content-encoding': 'gzip' }], 415, 'API_MEDIA_TYPE'],
  ['a body that is too large', ['POST', designs, { id: 'a', name: 'x'.repeat(2000) }], 413, 'API_TOO_LARGE'],
  ['a form that is too large', ['POST', `${designs}/a/code`, codeForm(new Uint8Array(5000))], 413, 'API_TOO_LARGE'],
  ['JSON where a form is due', ['POST', `${designs}/a/code`, {}], 415, 'API_MEDIA_TYPE'],
  [
    'a form without its boundary',
    ['POST', `${designs}/a/code`, 'x', { 'content-type': 'multipart/form-data' }],
    400,
    'API_FORM',
  ],
  ['an address that names no user', ['GET', '/users/a%2Fb/designs'], 400, 'NAME_INVALID'],
  ['an address where nothing is', ['GET', '/nothing'], 404, 'API_NOT_FOUND'],
  ['a method that is not possible', ['DELETE', designs], 405, 'API_METHOD'],
  ['a query that is no number', ['GET', `${designs}?limit=-1`], 400, 'API_QUERY'],
]
for (const [title, sent, status, code] of refused)
  test(`${title} is answered with ${status} and a problem, and changes nothing`, async (t) => {
    await using api = await apiStage('memory', {
      limits: { jsonBytes: 1000, formBytes: 4000 },
    })
    const heard = await api.call(...sent)
    t.like(heard, { status, body: { status, code } })
    t.is(heard.headers.get('content-type'), 'application/problem+json')
    t.deepEqual((await api.call('GET', designs)).body, [])
    t.deepEqual(api.faults, [])
  })

const accepts: readonly [string | undefined, string][] = [
  [undefined, 'application/json'],
  ['application/json', 'application/json'],
  ['application/json, */*', 'application/json'],
  ['text/html', 'application/json'],
  ['application/problem+json;q=0', 'application/json'],
  ['*/*', 'application/problem+json'],
  ['application/json, application/problem+json', 'application/problem+json'],
]
for (const [accept, type] of accepts)
  test(`who accepts ${accept ?? 'nothing by name'} hears of a refusal as ${type}`, async (t) => {
    await using api = await apiStage('memory')
    const { get } = await import('node:http')
    const response = await new Promise<{ type: string | undefined; text: string }>((resolve, reject) => {
      const headers = accept === undefined ? {} : { accept }
      get(`${api.url}${designs}/none`, { headers }, async (answer) => {
        const chunks = await answer.toArray()
        resolve({ type: answer.headers['content-type'], text: Buffer.concat(chunks).toString() })
      }).on('error', reject)
    })
    t.is(response.type, type)
    const body: unknown = JSON.parse(response.text)
    if (type === 'application/json') t.is(body, 'there is no design none')
    else t.like(body, { detail: 'there is no design none', title: 'there is no design none', status: 404 })
  })

test('a field that may not be there is named, with its place', async (t) => {
  await using api = await apiStage('memory')
  const heard = await api.call('POST', '/users/u/jobs', '{"modelSpec": {"x": [1, {"__proto__": 1}]}}')
  t.like(heard.body, { detail: 'the body has a field named __proto__, at modelSpec.x.1.__proto__' })
})

test('no client may guess the type of an answer', async (t) => {
  await using api = await apiStage('memory')
  await api.call('POST', designs, { id: 'd' })
  await api.call('POST', `${designs}/d/code`, codeForm(twoTierCode))
  for (const path of [
    designs,
    `${designs}/d/code`,
    `${designs}/none`,
    '/none',
    '/healthz',
    '/metrics',
    '/openapi.json',
  ])
    t.is((await api.call('GET', path)).headers.get('x-content-type-options'), 'nosniff', path)
  t.is((await api.call('GET', designs, undefined, { host: '%' })).headers.get('x-content-type-options'), 'nosniff')
})

test('thousands of parameters and fields are read or refused', async (t) => {
  await using api = await apiStage('memory')
  const many = (count: number) => Array.from({ length: count }, (_, n) => `p${n}=`).join('&')
  t.is((await api.call('GET', `${designs}?${many(2000)}`)).status, 200)
  t.is((await api.call('GET', `${designs}?${many(80_000)}`)).status, 431)
  const fields = Object.fromEntries(Array.from({ length: 80_000 }, (_, n) => [`f${n}`, 1]))
  t.like(await api.call('POST', designs, { id: 'a', ...fields }), {
    status: 400,
    body: { code: 'MODEL_UNKNOWN_FIELD' },
  })
})

test('a slash at the end of a path changes nothing, with a query and without', async (t) => {
  await using api = await apiStage('memory')
  await api.call('POST', `${designs}/`, { id: 'a' })
  for (const path of [designs, `${designs}/`, `${designs}/?limit=10`, `${designs}?limit=10`])
    t.like((await api.call('GET', path)).body, [{ id: 'a' }], path)
})

test('a server that closes answers what it has begun, and no more', async (t) => {
  const api = await apiStage('memory')
  const begun = Array.from({ length: 50 }, (_, i) => api.call('POST', designs, { id: `d${i}` }))
  await begun[0]
  const { url } = api
  await api[Symbol.asyncDispose]()
  const heard = await Promise.allSettled(begun)
  for (const result of heard) if (result.status === 'fulfilled') t.is(result.value.status, 201)
  await t.throwsAsync(fetch(url))
})

test('a connection on which nothing was asked does not hold up the close', async (t) => {
  const api = await apiStage('memory')
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  await once(socket, 'connect')
  const ended = once(socket, 'close')
  await api.call('GET', designs)
  await api[Symbol.asyncDispose]()
  await ended
  t.pass()
})

test('a server without authentication listens on loopback only', async (t) => {
  for (const host of ['0.0.0.0', '::', '192.168.1.1', 'example.org'])
    await t.throwsAsync(startServer({ store: { type: 'memory' }, host, port: 0 }), { code: 'API_OPEN_HOST' })
})

test('a port that is taken fails the start, and gives the store back', async (t) => {
  await using api = await apiStage('memory')
  const port = Number(new URL(api.url).port)
  await t.throwsAsync(startServer({ store: { type: 'memory' }, port }), { code: 'EADDRINUSE' })
})

test('who sends a body to its end before reading hears that it is too large, and asks on', async (t) => {
  await using api = await apiStage('memory', { limits: { formBytes: 4000 } })
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  await once(socket, 'connect')
  const heard = socket.setEncoding('utf8').toArray()
  const body = Buffer.alloc(20_000_000)
  socket.write(`PUT ${designs}/a/code HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n`)
  socket.write('Content-Type: multipart/form-data; boundary=b\r\n\r\n')
  await new Promise((sent) => socket.write(body, sent))
  socket.write(`GET ${designs} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  t.deepEqual(
    [...(await heard).join('').matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['413', '200'],
  )
})

test('a question for the headers alone is answered as one for the whole, without its content', async (t) => {
  await using api = await apiStage('memory')
  await api.call('POST', designs, { id: 'd' })
  const one = `${designs}/d`
  await api.call('POST', `${one}/code`, codeForm(twoTierCode))
  const paths = [
    '/healthz',
    '/readyz',
    '/metrics',
    '/openapi.json',
    designs,
    one,
    `${one}/code`,
    `${one}/none`,
    '/none',
  ]
  for (const path of [...paths, `${one}/schema`, `${designs}?limit=x`]) {
    const [head, get] = [await api.call('HEAD', path).catch(String), await api.call('GET', path)]
    if (typeof head === 'string') return t.fail(`${path}: ${head}`)
    t.is(head.status, get.status, path)
    for (const name of ['etag', 'content-type', 'content-length', 'content-disposition', 'accept-ranges'])
      if (path !== '/metrics') t.is(head.headers.get(name), get.headers.get(name), `${path} ${name}`)
  }
  const tag = (await api.call('HEAD', one)).headers.get('etag') ?? ''
  t.is((await api.call('HEAD', one, undefined, { 'if-none-match': tag })).status, 304)
  const range = await api.call('HEAD', `${one}/code`, undefined, { range: 'bytes=0-1' })
  t.deepEqual([range.status, range.headers.get('content-length')], [200, String(twoTierCode.length)])
  t.deepEqual(api.faults, [])
})

test('names of downloads are whole for whoever reads them, and lead nowhere else', async (t) => {
  await using api = await apiStage('memory')
  await api.call('POST', designs, { id: 'd' })
  const names: readonly [string, string][] = [
    ['code.zip', `attachment; filename="code.zip"; filename*=UTF-8''code.zip`],
    [
      `mein "Code" (größe)'*.zip`,
      `filename="mein _Code_ (gr__e)'*.zip"; filename*=UTF-8''mein%20%22Code%22%20%28gr%C3%B6%C3%9Fe%29%27%2a.zip`,
    ],
    ['../..\\\u0007%41.zip', `filename=".._..___41.zip"; filename*=UTF-8''.._..__%2541.zip`],
    ['\u{1f600}.zip', `filename="_.zip"; filename*=UTF-8''%F0%9F%98%80.zip`],
  ]
  for (const [name, expected] of names) {
    t.is((await api.call('PUT', `${designs}/d/code`, codeForm(twoTierCode, name))).status, 200)
    const given = (await api.call('GET', `${designs}/d/code`)).headers.get('content-disposition') ?? ''
    t.true(given.endsWith(expected), given)
  }
})
