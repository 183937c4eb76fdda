import test from 'ava'
import { SignJWT, UnsecuredJWT } from 'jose'
import { apiStage, type Bearers, bearers } from '../../test/support/api-stage.ts'
import { stagedJob } from '../../test/support/http-jobs.ts'
import { openApi } from '../openapi.ts'
import { operations } from '../operations/operations.ts'
import { startServer } from '../start-server.ts'
import { keysIn } from './key-file.ts'
import { issueToken } from './tokens.ts'

const designs = '/users/u/designs'
const invalid = 'Bearer realm="flame-fl", error="invalid_token"'

/** Headers that show nobody. */
const strangers: readonly [string, (of: Bearers) => Promise<Record<string, string>>, string, string][] = [
  ['no token', async () => ({}), 'API_TOKEN_MISSING', 'Bearer realm="flame-fl"'],
  ['another scheme', async () => ({ authorization: 'Basic dTpw' }), 'API_TOKEN_MISSING', 'Bearer realm="flame-fl"'],
  ['no JWT', async () => ({ authorization: 'Bearer abc' }), 'API_TOKEN_INVALID', invalid],
  [
    'an expired token',
    (of) => of.of('u', ['user'], { seconds: 60, issuedAt: new Date(Date.now() - 61_000) }),
    'API_TOKEN_EXPIRED',
    invalid,
  ],
  ['a token for another server', (of) => of.of('u', ['user'], { audience: 'other' }), 'API_TOKEN_INVALID', invalid],
  [
    'a damaged token',
    async (of) => {
      const { authorization } = await of.of('u', ['user'])
      const [head, claims = '', signature] = authorization.split('.')
      const forged = JSON.parse(Buffer.from(claims, 'base64url').toString())
      const changed = Buffer.from(JSON.stringify({ ...forged, sub: 'v', scope: 'admin' })).toString('base64url')
      return { authorization: [head, changed, signature].join('.') }
    },
    'API_TOKEN_INVALID',
    invalid,
  ],
  [
    'a token of another key',
    async () => {
      await using other = await bearers()
      return await other.of('u', ['user', 'admin'])
    },
    'API_TOKEN_INVALID',
    invalid,
  ],
  [
    'a token of another key that names one of this server',
    async ({ keyFile }) => {
      const { present } = await keysIn(keyFile)
      const token = await new SignJWT({ scope: 'admin' })
        .setProtectedHeader({ alg: 'HS256', kid: present.id, typ: 'at+jwt' })
        .setIssuer('flame-fl')
        .setAudience('flame-fl')
        .setSubject('u')
        .setJti('a')
        .setExpirationTime('1h')
        .sign(new Uint8Array(32))
      return { authorization: `Bearer ${token}` }
    },
    'API_TOKEN_INVALID',
    invalid,
  ],
  [
    'a token that is not signed',
    async () => {
      const token = new UnsecuredJWT({ scope: 'admin', jti: 'a' })
        .setIssuer('flame-fl')
        .setAudience('flame-fl')
        .setSubject('u')
        .setExpirationTime('1h')
        .encode()
      return { authorization: `Bearer ${token}` }
    },
    'API_TOKEN_INVALID',
    invalid,
  ],
]
for (const [title, headersOf, code, challenge] of strangers)
  test(`a caller with ${title} is answered with 401 by every operation, and changes nothing`, async (t) => {
    await using of = await bearers()
    await using api = await apiStage('memory', { authentication: of })
    const headers = await headersOf(of)
    for (const { method, path } of operations) {
      const heard = await api.call(method.toUpperCase(), path.replace(/\{\w+\}/g, 'u'), undefined, headers)
      t.like(heard, { status: 401, body: { status: 401, code } }, path)
      t.is(heard.headers.get('www-authenticate'), challenge)
    }
    t.is((await api.call('GET', '/metrics', undefined, headers)).status, 401)
    t.is((await api.call('POST', designs, { id: 'd' }, headers)).status, 401)
    t.deepEqual((await api.call('GET', designs, undefined, await of.of('u', ['user']))).body, [])
    t.deepEqual(api.faults, [])
  })

test('every operation wants its scope', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const scopeOf = {
    user: 'user',
    compute: 'compute',
    'compute-key': 'compute',
    'task-key': 'flamelet',
    chaos: 'chaos',
    admin: 'admin',
  }
  for (const { method, path, auth } of operations)
    for (const scope of ['user', 'compute', 'flamelet', 'chaos', 'metrics'] as const) {
      const headers = await of.of('u', [scope])
      const heard = await api.call(method.toUpperCase(), path.replace(/\{\w+\}/g, 'u'), undefined, headers)
      const isRefused = Object(heard.body).code === 'API_SCOPE'
      t.is(isRefused, scope !== scopeOf[auth], `${method} ${path} with ${scope}`)
      if (!isRefused) continue
      t.is(heard.status, 403)
      t.is(heard.headers.get('www-authenticate'), 'Bearer realm="flame-fl", error="insufficient_scope"')
    }
  for (const [scope, status] of [
    ['user', 403],
    ['metrics', 200],
    ['admin', 200],
  ] as const)
    t.is((await api.call('GET', '/metrics', undefined, await of.of('u', [scope]))).status, status)
})

test('a user sees and changes their own things only, an administrator everybody’s', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const foreignScopes = ['user', 'chaos'] as const
  const [own, foreign, admin] = [
    await of.of('u', ['user']),
    await of.of('v', foreignScopes),
    await of.of('a', ['admin']),
  ]
  t.is((await api.call('POST', designs, { id: 'd' }, own)).status, 201)
  for (const { method, path } of operations.filter(({ path }) => path.includes('{user}'))) {
    const address = path
      .replace('{user}', 'u')
      .replace('{designId}', 'd')
      .replace(/\{\w+\}/g, 'x')
    const heard = await api.call(method.toUpperCase(), address, undefined, foreign)
    t.like(heard, { status: 403, body: { code: 'API_FOREIGN_USER' } }, path)
  }
  t.is((await api.call('GET', `${designs}/d`, undefined, own)).status, 200)
  t.is((await api.call('GET', `${designs}/d`, undefined, admin)).status, 200)
  t.is((await api.call('DELETE', `${designs}/d`, undefined, admin)).status, 200)
})

test('what another user has is answered as what is not there', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const [own, foreign] = [await of.of('u', ['user', 'admin']), await of.of('v', ['user', 'compute', 'admin'])]
  const { job: taken } = await stagedJob({ call: (method, path, body) => api.call(method, path, body, own) })
  const { job } = await stagedJob({
    call: (method, path, body) => api.call(method, path.replace('/u/', '/v/'), body, foreign),
  })
  const [{ id: dataset }] = Object((await api.call('GET', '/users/u/datasets', undefined, own)).body)
  const spec = Object((await api.call('GET', `/users/v/jobs/${job}`, undefined, foreign)).body)
  const naming = (id: string) => ({ ...spec, dataSpec: [{ role: 'trainer', datasetGroups: { default: [id] } }] })
  const bearer = await of.of('v', ['user'])
  /** What is heard, without the id that was asked for. */
  const heard = async (method: string, path: string, id: string, body?: unknown) => {
    const answer = await api.call(method, path.replace('{id}', id), body, bearer)
    return JSON.stringify([answer.status, answer.body]).replaceAll(id, '{id}')
  }
  const looks: readonly [string, string, string, ((id: string) => unknown)?][] = [
    ['GET', '/users/v/datasets/{id}', dataset],
    ['PUT', '/users/v/datasets/{id}', dataset, () => ({ url: 'a', dataFormat: 'csv', realm: 'default' })],
    ['DELETE', '/users/v/datasets/{id}', dataset],
    ['GET', '/users/v/jobs/{id}', taken],
    ['GET', '/users/v/jobs/{id}/status', taken],
    ['GET', '/users/v/jobs/{id}/tasks', taken],
    ['PUT', '/users/v/jobs/{id}', taken, () => ({ ...naming('x'), id: undefined })],
    ['DELETE', '/users/v/jobs/{id}', taken],
    ['PUT', `/users/v/jobs/${job}`, dataset, naming],
  ]
  for (const [method, path, id, body] of looks)
    t.is(
      await heard(method, path, id, body?.(id)),
      await heard(method, path, 'none', body?.('none')),
      `${method} ${path}`,
    )
})

test('a compute is registered and listed by its administrator, and needs its key besides the token', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const [own, foreign, user] = [
    await of.of('a', ['compute']),
    await of.of('b', ['compute']),
    await of.of('a', ['user']),
  ]
  const compute = { computeId: 'c', adminId: 'a', region: 'r', apiKey: 'k' }
  t.like(await api.call('POST', '/computes', compute, foreign), { status: 403, body: { code: 'API_FOREIGN_USER' } })
  t.like(await api.call('POST', '/computes', compute, user), { status: 403, body: { code: 'API_SCOPE' } })
  t.is((await api.call('POST', '/computes', compute, own)).status, 201)
  t.is((await api.call('GET', '/computes?adminId=a', undefined, foreign)).status, 403)
  t.like((await api.call('GET', '/computes?adminId=a', undefined, own)).body, [{ computeId: 'c' }])
  const unkeyed = await api.call('GET', '/computes/c', undefined, own)
  t.like(unkeyed, { status: 401, body: { code: 'COMPUTE_KEY_MISSING' } })
  t.is(unkeyed.headers.get('www-authenticate'), 'X-API-KEY realm="flame-fl"')
  t.is((await api.call('GET', '/computes/c', undefined, { ...own, 'x-api-key': 'k' })).status, 200)
  t.is((await api.call('GET', '/computes/c', undefined, { 'x-api-key': 'k' })).status, 401)
})

test('health and the description are there for everybody, and the description says what a caller is to show', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  for (const path of ['/healthz', '/readyz']) t.is((await api.call('GET', path)).status, 200)
  const { body } = await api.call('GET', '/openapi.json')
  t.deepEqual(body, JSON.parse(JSON.stringify(openApi(operations, { authenticated: true }))))
  const paths = Object(body).paths
  t.deepEqual(paths['/users/{user}/jobs'].post.security, [{ token: ['user'] }])
  t.deepEqual(paths['/computes/{computeId}'].get.security, [{ token: ['compute'], 'compute-key': [] }])
})

test('a server that asks who is calling may listen on other hosts', async (t) => {
  await using of = await bearers()
  const options = { store: { type: 'memory' }, host: 'host.invalid', port: 0, log: { level: 'silent' } } as const
  await t.throwsAsync(startServer(options), { code: 'API_OPEN_HOST' })
  const error = await t.throwsAsync<NodeJS.ErrnoException>(startServer({ ...options, authentication: of }))
  t.regex(error?.code ?? '', /^(ENOTFOUND|EAI_AGAIN)$/)
})

test('a token that cannot be is not issued', async (t) => {
  await using of = await bearers()
  const good = { keyFile: of.keyFile, user: 'u', scopes: ['user'], seconds: 60 } as const
  await t.throwsAsync(issueToken({ ...good, user: 'u/v' }), { code: 'NAME_INVALID' })
  await t.throwsAsync(issueToken({ ...good, scopes: [] }), { code: 'API_TOKEN_REQUEST' })
  for (const seconds of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    await t.throwsAsync(issueToken({ ...good, seconds }), { code: 'API_TOKEN_REQUEST' })
})
