import test from 'ava'
import { z } from 'zod'
import { refusalCounts } from '../../actors/model/index.ts'
import type { ConnectionState, DialRoute } from '../../runtime/index.ts'
import { dialMqtt } from '../../runtime/link/mqtt/index.ts'
import { dialWebSocket } from '../../runtime/link/ws/index.ts'
import { type ApiStage, apiStage, type Bearers, bearers } from '../../test/support/api-stage.ts'
import { linkedFlamelet } from '../../test/support/linked-flamelet.ts'
import type { Scope } from '../auth/authority.ts'
import { revokeToken } from '../auth/token-records.ts'
import type { TokenRequest } from '../auth/tokens.ts'

test('over MQTT a flamelet joins as a user of its own, and devices with credentials of another are refused', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of, broker: { type: 'embedded', port: 0 } })
  const admin = await of.of('a', ['admin'])
  const dialAs = (username: string, password: string, node = username) =>
    dialMqtt(api.broker, { node, to: 'control-plane', username, password })
  const token = async (user: string, change: Partial<TokenRequest> = {}) =>
    (await of.of(user, ['flamelet'], change)).authorization.slice('Bearer '.length)
  const own = await token('u')
  {
    await using flamelet = linkedFlamelet({ name: 'site-a', dial: dialAs('site-a', own), token: own })
    t.is((await flamelet.register()).type, 'registered')
  }
  const strangers: readonly [string, string, string, string][] = [
    ['without a token', 'site-a', '', 'API_TOKEN_MISSING'],
    ['with the name of a flamelet of another user', 'site-a', await token('v'), 'FLAMELET_TAKEN'],
    ['with a token for another flamelet', 'site-a', await token('u', { flamelet: 'site-b' }), 'FLAMELET_OTHER'],
    ['with a token for a job that is not there', 'site-a', await token('u', { job: 'other' }), 'FLAMELET_JOB'],
    ['with the name of the server', 'control-plane', own, 'LINK_BROKER'],
  ]
  for (const [title, username, password, code] of strangers) {
    await using device = linkedFlamelet({
      name: 'site-a',
      dial: dialAs(username, password, 'site-a'),
      token: password,
    })
    t.like(await device.settled, { code: 'LINK_BROKER' }, title)
    t.true((await refusalCodes(api, admin)).includes(code), title)
  }
  // As another user of the broker, with a name that isn't this user's.
  await using disguised = linkedFlamelet({
    name: 'site-a',
    dial: dialAs('site-v', await token('v'), 'site-a'),
    token: await token('v'),
  })
  t.deepEqual(await disguised.settled, { state: 'refused', code: 'LINK_TOKEN' })
  t.true((await refusalCodes(api, admin)).includes('FLAMELET_TAKEN'))
  await using again = linkedFlamelet({ name: 'site-a', dial: dialAs('site-a', own), token: own })
  t.is((await again.register()).type, 'registered')
})

test('a flamelet joins by its token, is listed, and is away and gone as it loses its connection and ends', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const { authorization } = await of.of('u', ['flamelet'], { flamelet: 'site-a' })
  const own = await of.of('u', ['user'])
  const list = async () => (await api.call('GET', '/flamelets?user=u', undefined, own)).body
  {
    await using flamelet = linkedFlamelet({
      name: 'site-a',
      dial: dialWebSocket(api.url),
      token: authorization.slice('Bearer '.length),
    })
    t.deepEqual(await flamelet.settled, { state: 'open' })
    t.deepEqual(await flamelet.register({ realm: 'eu/clinic', datasets: [{ name: 'scans' }] }), {
      type: 'registered',
      server: 'control-plane',
      compute: 'clinic',
    })
    t.like(await list(), [{ name: 'site-a', userId: 'u', state: 'here', region: 'eu', computeId: 'clinic', tasks: [] }])
  }
  for (let look = 0; look < 500 && !JSON.stringify(await list()).includes('"gone"'); look++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.like(await list(), [{ name: 'site-a', state: 'gone' }])
})

test('devices without credentials, or with those of another, are refused and counted in the audit log', async (t) => {
  await using of = await bearers()
  await using others = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const admin = await of.of('a', ['admin'])
  const dial = dialWebSocket(api.url)
  const tokenOf = async (from: Bearers, change: Partial<TokenRequest> = {}, scopes: readonly Scope[] = ['flamelet']) =>
    (await from.of('u', scopes, change)).authorization.slice('Bearer '.length)
  {
    await using flamelet = linkedFlamelet({ name: 'site-a', dial, token: await tokenOf(of) })
    t.is((await flamelet.register()).type, 'registered')
  }
  const stranger = (await of.of('v', ['flamelet'])).authorization.slice('Bearer '.length)
  const strangers: readonly [string, string, string][] = [
    ['without a token', '', 'API_TOKEN_MISSING'],
    ['with a token of another server', await tokenOf(others), 'API_TOKEN_INVALID'],
    ['with a token that gives another right', await tokenOf(of, {}, ['user']), 'API_SCOPE'],
    [
      'with a token that has expired',
      await tokenOf(of, { seconds: 60, issuedAt: new Date(Date.now() - 61_000) }),
      'API_TOKEN_EXPIRED',
    ],
    ['with a token for another flamelet', await tokenOf(of, { flamelet: 'site-b' }), 'FLAMELET_OTHER'],
    ['with a token for a job that is not there', await tokenOf(of, { job: 'other' }), 'FLAMELET_JOB'],
    ['with the name of a flamelet of another user', stranger, 'FLAMELET_TAKEN'],
  ]
  for (const [title, token, code] of strangers) {
    await using device = linkedFlamelet({ name: 'site-a', dial, token })
    t.deepEqual(await device.settled, { state: 'refused', code: 'LINK_TOKEN' }, title)
    t.deepEqual(await refusalCodes(api, admin), [code], title)
    // Lets one in from the same address, so that the address isn't kept out for its faults.
    await using welcome = linkedFlamelet({ name: 'site-a', dial, token: await tokenOf(of) })
    t.deepEqual(await welcome.settled, { state: 'open' })
  }
  await using replayed = await helloOf(dial, { name: 'site-a', token: await tokenOf(of) })
  t.is(await replayed.answer(), 'LINK_REPLAY')
  t.deepEqual(await refusalCodes(api, admin), ['LINK_REPLAY'])
  const { body } = await api.call('GET', '/flamelets', undefined, admin)
  t.like(body, [{ name: 'site-a', userId: 'u' }])
  t.is(Object(body).length, 1)
})

test('a flamelet whose token is revoked is sent away, and does not come back with it', async (t) => {
  await using of = await bearers()
  const lines: string[] = []
  const log = { level: 'info', to: { write: (line: string) => void lines.push(line) } } as const
  await using api = await apiStage('memory', { authentication: of, log })
  const token = (await of.of('u', ['flamelet'])).authorization.slice('Bearer '.length)
  await using flamelet = linkedFlamelet({ name: 'site-a', dial: dialWebSocket(api.url), token })
  t.is((await flamelet.register()).type, 'registered')
  await revokeToken(of.keyFile, token)
  for (let look = 0; look < 1000 && !isOver(flamelet.states.at(-1)); look++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.true(isOver(flamelet.states.at(-1)))
  await using again = linkedFlamelet({ name: 'site-a', dial: dialWebSocket(api.url), token })
  t.deepEqual(await again.settled, { state: 'refused', code: 'LINK_TOKEN' })
  const told = lines.filter((line) => /was sent away|was not let in/.test(line))
  t.true(told.length >= 2)
  for (const line of told) t.like(JSON.parse(line), { node: 'site-a', code: 'API_TOKEN_INVALID' })
  t.false(
    told.some((line) => line.includes('stack')),
    'a coded line is enough',
  )
})

test('a flamelet whose token expires is sent away, and the audit log says why', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const admin = await of.of('a', ['admin'])
  const token = (await of.of('u', ['flamelet'], { seconds: 3 })).authorization.slice('Bearer '.length)
  await using flamelet = linkedFlamelet({ name: 'site-a', dial: dialWebSocket(api.url), token })
  t.is((await flamelet.register()).type, 'registered')
  for (let look = 0; look < 1000 && !isOver(flamelet.states.at(-1)); look++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.true(isOver(flamelet.states.at(-1)))
  t.true((await refusalCodes(api, admin)).includes('API_TOKEN_EXPIRED'))
})

test('of two flamelets of one name the later takes the place of the earlier, which is told', async (t) => {
  await using api = await apiStage('memory')
  const dial = dialWebSocket(api.url)
  await using first = linkedFlamelet({ name: 'site-a', dial, incarnation: 1 })
  t.is((await first.register()).type, 'registered')
  await using second = linkedFlamelet({ name: 'site-a', dial, incarnation: 2 })
  t.is((await second.register()).type, 'registered')
  for (let look = 0; look < 1000 && !isOver(first.states.at(-1)); look++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.is(first.states.at(-1), 'ended')
  t.is(second.states.at(-1), 'open')
})

test('flamelets join again when their server has been restarted', async (t) => {
  await using api = await apiStage('lmdb')
  await using flamelet = linkedFlamelet({
    name: 'site-a',
    dial: (lane, signal) => dialWebSocket(api.url)(lane, signal),
  })
  t.is((await flamelet.register()).type, 'registered')
  const before = await flamelet.entry()
  await api.restart()
  t.like((await api.call('GET', '/flamelets')).body, [{ name: 'site-a', state: 'away' }])
  for (let look = 0; look < 1000 && (await flamelet.entry()) === before; look++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.is((await flamelet.register()).type, 'registered')
  t.like((await api.call('GET', '/flamelets')).body, [{ name: 'site-a', state: 'here' }])
})

function isOver(state: ConnectionState | undefined): boolean {
  return state === 'refused' || state === 'ended'
}

/** The codes of the refusals of links since the last look. */
async function refusalCodes(api: ApiStage, admin: Record<string, string>): Promise<readonly string[]> {
  const { body } = await api.call('GET', '/audit/refusals', undefined, admin)
  const counts = z.array(refusalCounts).parse(body)
  return counts.at(-1)?.counts.flatMap(({ operation, code }) => (operation === 'joinLink' ? [code] : [])) ?? []
}

/** Overhears the greeting of a flamelet, and sends the greeting again on a route of its own. */
async function helloOf(dial: DialRoute, { name, token }: { readonly name: string; readonly token: string }) {
  const heard: Uint8Array<ArrayBuffer>[] = []
  await using flamelet = linkedFlamelet({
    name,
    token,
    async dial(lane, signal) {
      const route = await dial(lane, signal)
      return {
        send(frame) {
          heard.push(frame.slice())
          route.send(frame)
        },
        listen: (listener) => route.listen(listener),
        close: () => route.close(),
      }
    },
  })
  await flamelet.settled
  const route = await dial('control', new AbortController().signal)
  const frames: string[] = []
  const lost = new Promise<void>((resolve) => {
    route.listen({ heard: (frame) => void frames.push(new TextDecoder().decode(frame)), lost: () => resolve() })
  })
  return {
    /** The code with which the server closes the route. */
    async answer() {
      const [hello = new Uint8Array()] = heard
      route.send(hello)
      await lost
      return /LINK_\w+/.exec(frames.at(-1) ?? '')?.[0]
    },
    async [Symbol.asyncDispose]() {
      route.close()
    },
  }
}
