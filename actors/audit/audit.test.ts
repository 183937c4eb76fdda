import test from 'ava'
import { z } from 'zod'
import { actorSystem, memoryStore, type Store } from '../../runtime/index.ts'
import { apiStage, bearers } from '../../test/support/api-stage.ts'
import { type NewAuditEntry, refusalCounts } from '../model/audit-entry.ts'
import { asking } from '../requests/requests.ts'
import { audit } from './audit.ts'
import type { AuditEnd } from './protocol.ts'

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
  const noted = ['u createDesign POST /users/u/designs 201 ', 'u registerCompute POST /computes 201 ']
  let entries: Record<string, unknown>[] = []
  // The end of a change is noted shortly after the answer.
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
    { ...refused, operation: 'getDesign', code: 'DESIGN_UNKNOWN', path: `${designs}/none` },
    { ...refused, operation: 'getDesigns', code: 'API_FOREIGN_USER', path: '/users/v/designs' },
    { address: '127.0.0.1', code: 'API_TOKEN_MISSING', count: 1 },
    { ...refused, operation: 'updateCompute', code: 'COMPUTE_KEY_WRONG', path: '/computes/c' },
    { ...refused, operation: 'createDesign', code: 'MODEL_INVALID', path: designs },
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

const change = { requestId: 'r', method: 'PUT', path: '/', status: 200 }

/** An audit log on a store. */
function staged(store: Store) {
  const system = actorSystem()
  const parts = { store, now: () => '2026-01-02T03:04:05.000Z', auditKept: 20 }
  const ask = asking(system, system.spawn('audit', audit(parts)), { timeoutMs: 60_000 })
  const asked = (entry: NewAuditEntry) => ask<number>((replyTo) => ({ type: 'note-asked', entry, replyTo }))
  const ended = (...ends: readonly AuditEnd[]) => ask<null>((replyTo) => ({ type: 'note-ends', ends, replyTo }))
  return {
    ask,
    asked,
    ended,
    async change(entry: NewAuditEntry) {
      await ended({ asked: await asked(entry), entry })
    },
    read: async (type: 'read-audit' | 'read-refusals') =>
      (await ask<{ items: readonly object[] }>((replyTo) => ({ type, page: {}, replyTo }))).items,
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}

test('however many changes a caller is refused, none of them takes the place of a change that was made', async (t) => {
  const store = memoryStore()
  await using log = staged(store)
  await log.change(change)
  for (let n = 0; n < 100; n++) await log.ended({ asked: await log.asked({ ...change, requestId: `refused-${n}` }) })
  t.like(await log.read('read-audit'), [change])
  await using again = staged(store)
  t.like(await again.read('read-audit'), [change])
})

test('a change whose end the server did not live to see is in the log of the next', async (t) => {
  const store = memoryStore()
  const unknown = { requestId: 'cut off', method: 'PUT', path: '/' }
  {
    await using log = staged(store)
    const [first] = await Promise.all([log.asked(change), log.asked(unknown)])
    await log.ended({ asked: first, entry: change })
    t.like(await log.read('read-audit'), [change])
  }
  for (let start = 0; start < 2; start++) {
    await using log = staged(store)
    const found = await log.read('read-audit')
    t.like(found, [change, unknown], 'once')
    t.is(found.length, 2)
    t.false('status' in Object(found[1]))
  }
})

test('a refused request costs no write of its own, and takes no place of a change', async (t) => {
  const store = memoryStore()
  let appended = 0
  const append = store.append.bind(store)
  store.append = (...given) => {
    appended += 1
    return append(...given)
  }
  await using log = staged(store)
  await log.change(change)
  const before = appended
  for (let n = 0; n < 5000; n++) {
    const refusal = { address: `10.0.${n >> 8}.${n & 255}`, code: 'API_NOT_FOUND', count: 1 }
    await log.ask<null>((replyTo) => ({ type: 'count-refusals', counts: [refusal], replyTo }))
  }
  t.is(appended, before)
  t.like(await log.read('read-audit'), [change])
  const [{ counts }] = z.tuple([refusalCounts]).parse(await log.read('read-refusals'))
  t.is(appended, before + 1)
  t.is(counts.length, 101)
  t.deepEqual(counts.at(-1), { code: 'API_NOT_FOUND', count: 4900 })
})

test('a log that is too long loses its oldest entries', async (t) => {
  await using log = staged(memoryStore())
  for (let i = 1; i <= 55; i++) await log.change({ ...change, requestId: `r-${i}` })
  const numbers = (await log.read('read-audit')).map((entry) => Object(entry).number)
  t.deepEqual([numbers[0], numbers.at(-1)], [35, 55])
})
