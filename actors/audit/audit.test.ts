import test from 'ava'
import { z } from 'zod'
import { actorSystem, memoryStore } from '../../runtime/index.ts'
import { apiStage } from '../../test/support/api-stage.ts'
import { bearers } from '../../test/support/bearer.ts'
import { refusalCounts } from '../model/audit-entry.ts'
import { asking } from '../requests/requests.ts'
import { audit } from './audit.ts'

const designs = '/users/u/designs'

test('what changes is noted, what else is refused is counted, and nothing of it is secret', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('lmdb', { authentication: of })
  const [own, admin] = [await of.of('u', ['user', 'compute']), await of.of('a', ['admin'])]
  const compute = { computeId: 'c', adminId: 'u', region: 'r', apiKey: 'secret-key' }
  await api.call('POST', designs, { id: 'd' }, { ...own, 'x-request-id': 'r-1' })
  await api.call('GET', `${designs}/d`, undefined, own)
  await api.call('GET', `${designs}/none`, undefined, own)
  await api.call('GET', '/users/v/designs?key=secret-key', undefined, own)
  await api.call('DELETE', `${designs}/d`)
  await api.call('POST', '/computes', compute, own)
  await api.call('PUT', '/computes/c', {}, { ...own, 'x-api-key': 'wrong-secret-key' })
  await api.call('POST', designs, { id: 1 }, own)
  for (let n = 0; n < 3; n++) await api.call('GET', '/nothing', undefined, own)
  const noted = [
    'u createDesign POST /users/u/designs  ',
    'u createDesign POST /users/u/designs 201 ',
    'u registerCompute POST /computes  ',
    'u registerCompute POST /computes 201 ',
    'u updateCompute PUT /computes/c  ',
    'u updateCompute PUT /computes/c 403 COMPUTE_KEY_WRONG',
  ]
  let entries: Record<string, unknown>[] = []
  // How a change was answered is noted a little later.
  for (let look = 0; look < 1000 && entries.length < noted.length; look++) {
    const { body } = await api.call('GET', '/audit', undefined, admin)
    entries = Array.isArray(body) ? body : []
  }
  t.deepEqual(
    entries
      .map(({ user, operation, method, path, status, code }) => [user, operation, method, path, status, code].join(' '))
      .toSorted(),
    noted.toSorted(),
  )
  t.deepEqual(
    entries.map(({ number }) => number),
    noted.map((_, index) => index + 1),
  )
  t.like(entries[0], { requestId: 'r-1', address: '127.0.0.1' })
  t.regex(String(entries[0]?.at), /^\d{4}-\d\d-\d\dT/)
  t.notRegex(JSON.stringify(entries), /secret|eyJ/)
  const refused = { user: 'u', address: '127.0.0.1', count: 1 }
  const counted = [
    { ...refused, code: 'DESIGN_UNKNOWN' },
    { ...refused, code: 'API_FOREIGN_USER' },
    { address: '127.0.0.1', code: 'API_TOKEN_MISSING', count: 1 },
    { ...refused, code: 'MODEL_INVALID' },
    { address: '127.0.0.1', code: 'API_NOT_FOUND', count: 3 },
  ]
  const counts = await api.call('GET', '/audit/refusals', undefined, admin)
  t.like(counts.body, [{ number: 1, counts: counted }])
  t.is((await api.call('GET', '/audit', undefined, own)).status, 403)
  await api.restart()
  t.like((await api.call('GET', '/audit/refusals', undefined, admin)).body, [
    { number: 1, counts: counted },
    { number: 2, counts: [{ ...refused, code: 'API_SCOPE' }] },
  ])
  const after = await api.call('GET', '/audit?limit=3', undefined, admin)
  t.deepEqual(after.body, entries.slice(0, 3))
  const rest = await api.call('GET', '/audit?after=3&limit=7', undefined, admin)
  t.deepEqual(rest.body, entries.slice(3))
})

test('a refused request costs no write of its own, and takes no place of a change', async (t) => {
  const system = actorSystem()
  const store = memoryStore()
  let appended = 0
  const append = store.append.bind(store)
  store.append = (...given) => {
    appended += 1
    return append(...given)
  }
  const parts = { store, now: () => '2026-01-02T03:04:05.000Z', auditKept: 20 }
  const ask = asking(system, system.spawn('audit', audit(parts)), { timeoutMs: 60_000 })
  const change = { requestId: 'r', method: 'PUT', path: '/', status: 200 }
  await ask<null>((replyTo) => ({ type: 'record-audit', entry: change, replyTo }))
  const kinds = Array.from({ length: 5000 }, (_, n) => ({
    address: `10.0.${n >> 8}.${n & 255}`,
    code: 'API_NOT_FOUND',
  }))
  for (const refusal of kinds)
    await ask<null>((replyTo) => ({ type: 'count-refusals', counts: [{ ...refusal, count: 1 }], replyTo }))
  t.is(appended, 1)
  const read = (type: 'read-audit' | 'read-refusals') =>
    ask<{ items: readonly object[] }>((replyTo) => ({ type, page: {}, replyTo }))
  t.like((await read('read-audit')).items, [change])
  const [{ counts }] = z.tuple([refusalCounts]).parse((await read('read-refusals')).items)
  t.is(appended, 2)
  t.is(counts.length, 101)
  t.deepEqual(counts.at(-1), { code: 'API_NOT_FOUND', count: 4900 })
  await system.terminate()
})

test('a log that is too long loses its oldest entries', async (t) => {
  const system = actorSystem()
  const store = memoryStore()
  const parts = { store, now: () => '2026-01-02T03:04:05.000Z', auditKept: 20 }
  const ask = asking(system, system.spawn('audit', audit(parts)), { timeoutMs: 60_000 })
  for (let i = 1; i <= 55; i++) {
    const entry = { requestId: `r-${i}`, method: 'PUT', path: '/', status: 200 }
    await ask<null>((replyTo) => ({ type: 'record-audit', entry, replyTo }))
  }
  const { items } = await ask<{ items: readonly { number: number }[] }>((replyTo) => ({
    type: 'read-audit',
    page: {},
    replyTo,
  }))
  t.deepEqual([items[0]?.number, items.at(-1)?.number], [35, 55])
  await system.terminate()
})
