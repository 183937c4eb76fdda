import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { type Bearers, bearers, type PlaneStage, planeStage } from '../../test/support/api-stage.ts'
import type { Scope } from '../auth/authority.ts'
import { bearerGate } from '../auth/gate.ts'
import { requestTurns } from './bounds.ts'

/** A request whose body doesn't end, and so is under way until its connection is closed. */
function unfinished({ url }: PlaneStage, user = 'u', bearer?: string): Socket {
  const { port, host } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  const authorization = bearer === undefined ? '' : `authorization: ${bearer}\r\n`
  socket.on('error', () => {})
  socket.write(`POST /users/${user}/designs HTTP/1.1\r\nhost: ${host}\r\n${authorization}`)
  socket.write('content-type: application/json\r\ncontent-length: 9\r\n\r\n{')
  return socket
}

/** Asks until it's answered with this status, or a thousand times. */
async function until(status: number, ask: () => Promise<Response>): Promise<number> {
  let found = 0
  for (let look = 0; look < 1000 && found !== status; look++) {
    const answer = await ask()
    await answer.body?.cancel()
    found = answer.status
  }
  return found
}

test('more requests at once than the server takes are told to come again; health and metrics are not', async (t) => {
  await using plane = await planeStage({ limits: { requests: 1 } })
  const { url } = plane
  const slow = unfinished(plane)
  const designs = () => fetch(`${url}/users/u/designs`, { headers: { accept: 'application/problem+json' } })
  t.is(await until(429, designs), 429)
  const refused = await designs()
  t.is(refused.headers.get('retry-after'), '1')
  t.like(await refused.json(), { status: 429, code: 'API_TOO_MANY' })
  for (const path of ['/readyz', '/healthz', '/metrics', '/audit']) t.is((await fetch(url + path)).status, 200, path)
  slow.destroy()
  t.is(await until(200, designs), 200)
})

/** A server that asks for tokens, and how to ask it as somebody. */
async function asking(of: Bearers, limits: NonNullable<Parameters<typeof planeStage>[0]>['limits']) {
  const plane = await planeStage({ gate: await bearerGate(of), ...(limits ? { limits } : {}) })
  const as = async (user: string, scope: Scope, path: string, signal?: AbortSignal) => {
    const headers = { ...(await of.of(user, [scope])), 'x-api-key': 'k', accept: 'application/problem+json' }
    return fetch(plane.url + path, { headers, ...(signal ? { signal } : {}) })
  }
  return { plane, as }
}

test('nobody takes more than their part of the places, and administrators and metrics have their own', async (t) => {
  await using of = await bearers()
  const { plane, as } = await asking(of, { requests: 8 })
  await using _ = plane
  const begin = async (user: string) => {
    const { authorization } = await of.of(user, ['user'])
    const sockets = [unfinished(plane, user, authorization), unfinished(plane, user, authorization)]
    t.is(await until(429, () => as(user, 'user', `/users/${user}/designs`)), 429)
    return sockets
  }
  const sockets = await begin('u')
  const refused = await as('u', 'user', '/users/u/designs')
  t.like(await refused.json(), { detail: 'the server has 2 requests of u under way, which is its limit' })
  t.is((await as('v', 'user', '/users/v/designs')).status, 200)
  for (const user of ['v', 'w', 'x']) sockets.push(...(await begin(user)))
  t.is((await as('z', 'user', '/users/z/designs')).status, 429)
  t.is((await as('m', 'metrics', '/metrics')).status, 200)
  for (const path of ['/audit', '/metrics', '/users/u/designs', '/healthz'])
    t.is((await as('a', 'admin', path)).status, 200, path)
  for (const socket of sockets) socket.destroy()
  t.is(await until(200, () => as('z', 'user', '/users/z/designs')), 200)
})

test('polls that wait take no places of requests, and have a bound of their own', async (t) => {
  await using of = await bearers()
  const { plane, as } = await asking(of, { requests: 4, polls: 2 })
  await using _ = plane
  const registration = { computeId: 'c', adminId: 'u', region: 'r', apiKey: 'k' }
  await fetch(`${plane.url}/computes`, {
    method: 'POST',
    headers: { ...(await of.of('u', ['compute'])), 'content-type': 'application/json' },
    body: JSON.stringify(registration),
  })
  const poll = (waitMs: number, signal?: AbortSignal) =>
    as('u', 'compute', `/computes/c/notifications?waitMs=${waitMs}`, signal)
  const leaving = new AbortController()
  // It may come while one of those below is under way.
  const first = until(200, () => poll(20_000, leaving.signal))
  t.is(await until(429, () => poll(1)), 429)
  t.is((await poll(0)).status, 200)
  t.is((await as('u', 'user', '/users/u/designs')).status, 200)
  leaving.abort()
  await t.throwsAsync(first, { any: true })
  t.is(await until(200, () => poll(1)), 200)
})

test('what one caller has under way of all kinds is bounded', async (t) => {
  await using of = await bearers()
  const { plane, as } = await asking(of, { ofOne: 1 })
  await using _ = plane
  const { authorization } = await of.of('u', ['user'])
  const socket = unfinished(plane, 'u', authorization)
  t.is(await until(429, () => as('u', 'compute', '/computes/c/notifications?waitMs=1')), 429)
  t.is((await as('v', 'compute', '/computes/c/notifications?waitMs=1')).status, 404)
  socket.destroy()
  await once(socket, 'close')
})

/** Takes turns, and notes the order in which requests begin. */
function noted(perTurn: number, hasAccepted = () => false) {
  const begun: string[] = []
  const take = requestTurns({ hold() {}, release: () => false, hasAccepted }, perTurn)
  return { begun, take: (caller: string, name = caller) => take(caller, () => void begun.push(name)) }
}

test('requests begin at once up to the bound, and the others in later turns of the event loop', async (t) => {
  const { begun, take } = noted(2)
  for (const name of ['1', '2', '3', '4', '5']) take('a', name)
  t.deepEqual(begun, ['1', '2'])
  await setImmediate()
  t.deepEqual(begun, ['1', '2', '3', '4'])
  await setImmediate()
  t.deepEqual(begun, ['1', '2', '3', '4', '5'])
  await setImmediate()
  take('a', '6')
  t.is(begun.at(-1), '6', 'nothing waits any more')
})

test('in turns in which connections come, one request begins: the event loop accepts one connection in a turn', async (t) => {
  let coming = 3
  const { begun, take } = noted(10, () => coming-- > 0)
  for (let n = 0; n < 40; n++) take('a')
  t.is(begun.length, 10)
  const counts: number[] = []
  for (let turn = 0; turn < 5; turn++) {
    await setImmediate()
    counts.push(begun.length)
  }
  t.deepEqual(counts, [11, 12, 13, 23, 33])
})

test('a caller with one request waits for no more than one request of each other caller', async (t) => {
  const { begun, take } = noted(2)
  for (let n = 0; n < 1000; n++) take('flood')
  take('b')
  take('c')
  await setImmediate()
  await setImmediate()
  t.deepEqual(begun.slice(2), ['flood', 'b', 'c', 'flood'])
})

test('a request that comes while others wait does not overtake them', async (t) => {
  const { begun, take } = noted(1)
  take('a', 'first')
  take('a', 'second')
  await setImmediate()
  take('a', 'third')
  await setImmediate()
  await setImmediate()
  t.deepEqual(begun, ['first', 'second', 'third'])
})

test('the source is held as long as requests wait, and released as far as a turn has room', async (t) => {
  const told: string[] = []
  let held = 3
  const intake = {
    hold: () => void told.push('hold'),
    release(count: number) {
      told.push(`release ${count}`)
      held = Math.max(0, held - count)
      return held > 0
    },
    hasAccepted: () => false,
  }
  const take = requestTurns(intake, 2)
  for (const name of ['1', '2', '3', '4', '5']) take(name, () => {})
  t.deepEqual(told, ['hold'])
  for (let turn = 0; turn < 5; turn++) await setImmediate()
  t.deepEqual(told, ['hold', 'release 1', 'release 2'])
})
