import test from 'ava'
import { type IdempotencyParts, idempotency } from '../actors/idempotency/idempotency.ts'
import { asking, type Begun, type CatalogueMessage, inContext, type JobStatus, type Reply } from '../actors/index.ts'
import { type ActorRef, actorSystem, memoryStore } from '../runtime/index.ts'
import { type ApiStage, apiStage, bearers, codeForm, storeKinds } from '../test/support/api-stage.ts'
import { catalogueStage, twoTierCode, twoTierSchema, zipOf } from '../test/support/stored-job.ts'

const design = '/users/u/designs/d'
const datasetInfo = { url: 'file:///x', dataFormat: 'csv', realm: 'default' }
const keyed = (key: string) => ({ 'idempotency-key': key })

async function prepared(api: ApiStage): Promise<string> {
  await api.call('POST', '/users/u/designs', { id: 'd' })
  await api.call('POST', `${design}/schema`, twoTierSchema)
  await api.call('POST', `${design}/code`, codeForm(twoTierCode))
  return String((await api.call('POST', '/users/u/datasets', datasetInfo)).body)
}

const jobOn = (dataset: string) => ({
  designId: 'd',
  backend: 'mqtt',
  dataSpec: [{ role: 'trainer', datasetGroups: { default: [dataset] } }],
})

for (const kind of storeKinds)
  test(`creations that come again with their key are made once, and answered as they were (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    const dataset = await prepared(api)
    const creations: readonly [path: string, body: () => unknown, other: () => unknown][] = [
      ['/users/u/designs', () => ({ id: 'e' }), () => ({ id: 'f' })],
      [`${design}/schema`, () => twoTierSchema, () => ({ ...twoTierSchema, name: 'other' })],
      [`${design}/code`, () => codeForm(twoTierCode), () => codeForm(zipOf('trainer/x.js'))],
      ['/users/u/datasets', () => datasetInfo, () => ({ ...datasetInfo, name: 'other' })],
      ['/users/u/jobs', () => jobOn(dataset), () => ({ ...jobOn(dataset), priority: 'low' })],
      [
        '/computes',
        () => ({ computeId: 'c', adminId: 'a', region: 'r', apiKey: 'k' }),
        () => ({ computeId: 'c', adminId: 'b', region: 'r', apiKey: 'k' }),
      ],
    ]
    for (const [path, body, other] of creations) {
      const first = await api.call('POST', path, body(), keyed('k'))
      t.is(first.status, 201, path)
      t.is(first.headers.get('idempotency-replayed'), null)
      if (kind === 'lmdb') await api.restart()
      const again = await api.call('POST', path, body(), keyed('k'))
      t.deepEqual([again.status, again.body], [201, first.body], path)
      t.is(again.headers.get('idempotency-replayed'), 'true')
      const differs = await api.call('POST', path, other(), keyed('k'))
      t.like(differs, { status: 422, body: { code: 'IDEMPOTENCY_DIFFERS' } }, path)
    }
    t.is(Object((await api.call('GET', '/users/u/jobs')).body).length, 1)
    t.is(Object((await api.call('GET', '/users/u/datasets')).body).length, 2)
    t.like((await api.call('GET', `${design}/code/revision`)).body, { revision: 2 })
    t.like((await api.call('GET', `${design}/schema`)).body, { revision: 2 })
    t.deepEqual(api.faults, [])
  })

test('a key stands for one user, one thing and one method', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const [u, v] = [await of.of('u', ['user']), await of.of('v', ['user'])]
  for (const [user, token] of [['u', u] as const, ['v', v] as const])
    for (const path of ['datasets', 'designs']) {
      const body = path === 'datasets' ? datasetInfo : { id: 'd' }
      const heard = await api.call('POST', `/users/${user}/${path}`, body, { ...token, ...keyed('k') })
      t.deepEqual([heard.status, heard.headers.get('idempotency-replayed')], [201, null])
    }
  t.is((await api.call('DELETE', design, undefined, { ...u, ...keyed('k') })).status, 200)
  const again = await api.call('DELETE', design, undefined, { ...u, ...keyed('k') })
  t.deepEqual([again.status, again.headers.get('idempotency-replayed')], [200, 'true'])
})

test('nobody hears of an answer who does not show the key that it needed', async (t) => {
  await using api = await apiStage('memory')
  await api.call('POST', '/computes', { computeId: 'c', adminId: 'a', region: 'r', apiKey: 'secret' })
  const change = (key: string) => api.call('PUT', '/computes/c', { region: 's' }, { ...keyed('k'), 'x-api-key': key })
  t.is((await change('secret')).status, 200)
  t.like(await change('other'), { status: 403, body: { code: 'COMPUTE_KEY_WRONG' } })
  t.is((await change('secret')).headers.get('idempotency-replayed'), 'true')
})

test('a refusal is not kept', async (t) => {
  await using api = await apiStage('memory')
  const upload = () => api.call('POST', `${design}/schema`, twoTierSchema, keyed('k'))
  t.is((await upload()).status, 404)
  await api.call('POST', '/users/u/designs', { id: 'd' })
  t.is((await upload()).status, 201)
})

test('of repetitions that come at once, one is made and the others are told so', async (t) => {
  await using api = await apiStage('lmdb')
  const heard = await Promise.all(
    Array.from({ length: 10 }, () => api.call('POST', '/users/u/datasets', datasetInfo, keyed('k'))),
  )
  for (const { status, body } of heard)
    if (status !== 201) t.like({ status, body }, { status: 409, body: { code: 'IDEMPOTENCY_UNDER_WAY' } })
  t.is(Object((await api.call('GET', '/users/u/datasets')).body).length, 1)
})

test('an Idempotency-Key that is none is answered with 400', async (t) => {
  await using api = await apiStage('memory')
  for (const key of ['', 'a b', 'x'.repeat(256)]) {
    const heard = await api.call('POST', '/users/u/designs', { id: 'd' }, keyed(key))
    t.like(heard, { status: 400, body: { code: 'API_HEADER' } }, key)
  }
  t.deepEqual((await api.call('GET', '/users/u/designs')).body, [])
})

/** A request that was begun and not ended, as a crash leaves it: what it made is there, and its answer isn't. */
function crashing(parts: IdempotencyParts) {
  const system = actorSystem()
  const ask = asking(system, system.spawn('idempotency', idempotency(parts)), { timeoutMs: 60_000 })
  return {
    begin: (id: string, fingerprint = 'f', user = '') =>
      ask<Begun>((replyTo) => ({ type: 'begin-once', request: { user, id, fingerprint }, replyTo })),
    end: (id: string, json: string) =>
      ask<null>((replyTo) => ({
        type: 'end-once',
        id,
        outcome: { type: 'answered', answer: { status: 201, json } },
        replyTo,
      })),
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}

test('a request that a crash cut off goes on under the same name, and with the same body only', async (t) => {
  const store = memoryStore()
  let ids = 0
  const parts = { store, now: () => '2026-01-02T03:04:05.000Z', newId: () => `id-${++ids}` }
  const first = crashing(parts)
  t.deepEqual(await first.begin('a'), { type: 'go', once: 'id-1' })
  await t.throwsAsync(first.begin('a'), { code: 'IDEMPOTENCY_UNDER_WAY' })
  await first[Symbol.asyncDispose]()
  await using second = crashing(parts)
  await t.throwsAsync(second.begin('a', 'other'), { code: 'IDEMPOTENCY_DIFFERS' })
  t.deepEqual(await second.begin('a'), { type: 'go', once: 'id-1' })
  await second.end('a', '1')
  t.deepEqual(await second.begin('a'), { type: 'again', answer: { status: 201, json: '1' } })
})

test('an answer is kept for a day, and then forgotten', async (t) => {
  const store = memoryStore()
  let at = Date.parse('2026-01-02T00:00:00.000Z')
  let ids = 0
  const parts = { store, now: () => new Date(at).toISOString(), newId: () => `id-${++ids}` }
  {
    await using requests = crashing(parts)
    await requests.begin('a')
    await requests.end('a', '1')
    await requests.begin('b')
    await requests.end('b', '1')
    at += 24 * 3600 * 1000
    t.like(await requests.begin('a'), { type: 'again' })
    at += 1
    t.like(await requests.begin('a', 'other'), { type: 'go' })
  }
  const sweeping = crashing(parts)
  const idsIn = async () => {
    const found: string[] = []
    for await (const { id } of store.documents.find('requests')) found.push(id)
    return found
  }
  for (let look = 0; look < 500 && (await idsIn()).length > 1; look++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.deepEqual(await idsIn(), ['a'])
  await sweeping[Symbol.asyncDispose]()
})

test('what is made under one name is made once, though nobody noted that it was', async (t) => {
  await using stage = catalogueStage(memoryStore())
  const ask = inContext(stage.ask, { requestId: 'r', once: 'abc' })
  const other = inContext(stage.ask, { requestId: 'r', once: 'abd' })
  type Command = (replyTo: ActorRef<Reply<unknown>>) => CatalogueMessage
  const of = { user: 'u', design: 'd' }
  const creations: readonly [Command, string | undefined][] = [
    [(replyTo) => ({ type: 'create-design', user: 'u', info: { id: 'd' }, replyTo }), 'DESIGN_EXISTS'],
    [(replyTo) => ({ type: 'add-schema', ...of, schema: twoTierSchema, replyTo }), undefined],
    [
      (replyTo) => ({ type: 'add-code', ...of, archive: { fileName: 'c.zip', bytes: twoTierCode }, replyTo }),
      undefined,
    ],
    [
      (replyTo) => ({ type: 'create-dataset', user: 'u', info: { ...datasetInfo, id: 'x' }, replyTo }),
      'DATASET_EXISTS',
    ],
    [
      (replyTo) => ({ type: 'create-job', user: 'u', spec: { ...jobOn('x'), id: 'j', backend: 'ws' }, replyTo }),
      'JOB_EXISTS',
    ],
  ]
  for (const [command] of creations) {
    const first = await ask<unknown>(command)
    t.deepEqual(await ask<unknown>(command), first)
  }
  t.deepEqual(await stage.ask((replyTo) => ({ type: 'read-code-revision', ...of, replyTo })), { revision: 1 })
  t.like(await stage.ask((replyTo) => ({ type: 'read-schema', ...of, replyTo })), { revision: 1 })
  for (const [command, code] of creations) if (code) await t.throwsAsync(other<unknown>(command), { code })

  const dataset = await ask<string>((replyTo) => ({ type: 'create-dataset', user: 'u', info: datasetInfo, replyTo }))
  t.is(dataset, 'abc')
  const spec = { ...jobOn('x'), backend: 'ws' } as const
  const job = await ask<JobStatus>((replyTo) => ({ type: 'create-job', user: 'u', spec, replyTo }))
  t.deepEqual(await ask<JobStatus>((replyTo) => ({ type: 'create-job', user: 'u', spec, replyTo })), job)
  t.is(job.id, 'abc')
})

test('a user has so many keys at a time, repetitions need none, and others have their own', async (t) => {
  let ids = 0
  let at = Date.parse('2026-01-02T03:04:05.000Z')
  const now = () => new Date(at).toISOString()
  await using plane = crashing({ store: memoryStore(), now, newId: () => `id-${ids++}`, quotas: { keys: 2 } })
  for (const id of ['a', 'b']) {
    await plane.begin(id, 'f', 'u')
    await plane.end(id, 'null')
  }
  await t.throwsAsync(plane.begin('c', 'f', 'u'), { code: 'QUOTA_REACHED', message: /^u has 2 requests/ })
  t.like(await plane.begin('a', 'f', 'u'), { type: 'again' })
  t.like(await plane.begin('c', 'f', 'v'), { type: 'go' })
  at += 25 * 60 * 60 * 1000
  t.like(await plane.begin('a', 'f', 'u'), { type: 'go' }, 'an expired one is used again')
})
