import test from 'ava'
import { z } from 'zod'
import { refusalCounts } from '../../actors/model/index.ts'
import { dialMqtt } from '../../runtime/link/mqtt/index.ts'
import { type ApiStage, apiStage, type Bearers, bearers } from '../../test/support/api-stage.ts'
import { accessOf, type TestUser, testBroker } from '../../test/support/brokers.ts'
import { certificateAuthority, writeCertificate } from '../../test/support/certificates.ts'
import { linkedFlamelet } from '../../test/support/linked-flamelet.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { Scope } from '../auth/authority.ts'
import type { TokenRequest } from '../auth/tokens.ts'

const server = 'control-plane'
const embedded = { type: 'embedded', port: 0 } as const

async function tokenOf(
  of: Bearers,
  user: string,
  scopes: readonly Scope[] = ['flamelet'],
  change: Partial<TokenRequest> = {},
) {
  return (await of.of(user, scopes, change)).authorization.slice('Bearer '.length)
}

/** The codes of the refusals of links since the last look. */
async function refusalCodes(api: ApiStage, admin: Record<string, string>): Promise<readonly string[]> {
  const { body } = await api.call('GET', '/audit/refusals', undefined, admin)
  const counts = z.array(refusalCounts).parse(body)
  return counts.at(-1)?.counts.flatMap(({ operation, code }) => (operation === 'joinLink' ? [code] : [])) ?? []
}

test("a flamelet joins over the server's own broker, by its name and token", async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of, broker: embedded })
  const token = await tokenOf(of, 'u')
  const dial = dialMqtt(api.broker, { node: 'site-a', to: server, username: 'site-a', password: token })
  await using flamelet = linkedFlamelet({ name: 'site-a', dial, token })
  t.deepEqual(await flamelet.settled, { state: 'open' })
  t.like(await flamelet.register({ realm: 'eu/clinic' }), { type: 'registered', server })
  t.deepEqual(api.faults, [])
})

test("devices without credentials, or with those of another, don't come through the server's own broker", async (t) => {
  await using of = await bearers()
  await using others = await bearers()
  await using api = await apiStage('memory', { authentication: of, broker: embedded })
  const admin = await of.of('a', ['admin'])
  const never = new AbortController().signal
  for (const [title, username, password, code] of [
    ['without a token', 'site-a', '', 'API_TOKEN_MISSING'],
    ['with a token of another server', 'site-a', await tokenOf(others, 'u'), 'API_TOKEN_INVALID'],
    ['with a token that gives another right', 'site-a', await tokenOf(of, 'u', ['user']), 'API_SCOPE'],
    [
      'with a token for another flamelet',
      'site-a',
      await tokenOf(of, 'u', ['flamelet'], { flamelet: 'site-b' }),
      'FLAMELET_OTHER',
    ],
    ['with the name of the server', server, await tokenOf(of, 'u'), 'LINK_BROKER'],
  ] as const) {
    const dial = dialMqtt(api.broker, { node: 'site-a', to: server, username, password })
    await t.throwsAsync(dial('control', never), { code: 'LINK_BROKER' }, title)
    t.deepEqual(await refusalCodes(api, admin), [code], title)
  }
  await t.throwsAsync(dialMqtt(api.broker, { node: 'site-a', to: server })('control', never), { code: 'LINK_BROKER' })
})

test('over a broker that lets anybody in who knows a password, the token decides, and a recorded greeting is worthless', async (t) => {
  await using of = await bearers()
  await using broker = await testBroker('mosquitto')
  await using api = await apiStage('memory', {
    authentication: of,
    broker: { type: 'external', url: broker.url, ...accessOf('server') },
  })
  t.is(api.broker, broker.url)
  const admin = await of.of('a', ['admin'])
  const dialOf = (user: TestUser, node = 'site-a') => dialMqtt(broker.url, { node, to: server, ...accessOf(user) })
  const token = await tokenOf(of, 'u', ['flamelet'], { flamelet: 'site-a' })
  const greetings: Uint8Array<ArrayBuffer>[] = []
  {
    await using flamelet = linkedFlamelet({
      name: 'site-a',
      token,
      async dial(lane, signal) {
        const route = await dialOf('ada')(lane, signal)
        return {
          isRelayed: true,
          send(frame) {
            greetings.push(frame.slice())
            route.send(frame)
          },
          listen: (listener) => route.listen(listener),
          close: () => route.close(),
        }
      },
    })
    t.like(await flamelet.register(), { type: 'registered' })
  }
  for (const [title, name, given, code] of [
    ['without a token', 'site-a', '', 'API_TOKEN_MISSING'],
    ["with another flamelet's name", 'site-b', token, 'FLAMELET_OTHER'],
    ['with the name of a flamelet of another user', 'site-a', await tokenOf(of, 'v'), 'FLAMELET_TAKEN'],
  ] as const) {
    await using device = linkedFlamelet({ name, dial: dialOf('ben', name), token: given })
    t.deepEqual(await device.settled, { state: 'refused', code: 'LINK_TOKEN' }, title)
    t.deepEqual(await refusalCodes(api, admin), [code], title)
  }
  const route = await dialOf('ben')('control', new AbortController().signal)
  const lost = new Promise<void>((resolve) => route.listen({ heard() {}, lost: () => resolve() }))
  const [hello] = greetings
  if (!hello) return t.fail()
  route.send(hello)
  await lost
  t.deepEqual(await refusalCodes(api, admin), ['LINK_REPLAY'])
  t.deepEqual(api.faults, [])
})

test("the server's own broker has the server's certificate", async (t) => {
  await using folder = await temporaryFolder()
  const authority = await certificateAuthority('an authority')
  const tls = await writeCertificate(folder.path, await authority.server())
  await using api = await apiStage('memory', { tls, broker: embedded })
  t.regex(api.broker, /^mqtts:/)
  const access = { node: 'site-a', to: server, username: 'site-a', password: '' }
  await t.throwsAsync(dialMqtt(api.broker, access)('control', new AbortController().signal), {
    code: 'LINK_CERTIFICATE',
  })
  await using flamelet = linkedFlamelet({
    name: 'site-a',
    dial: dialMqtt(api.broker, { ...access, ca: authority.cert }),
  })
  t.deepEqual(await flamelet.settled, { state: 'open' })
})

test('a broker that refuses the server, or is not there, keeps the server from starting', async (t) => {
  await using broker = await testBroker('mosquitto')
  const wrong = { type: 'external', url: broker.url, username: 'server', password: 'wrong' } as const
  await t.throwsAsync(apiStage('memory', { broker: wrong }), { code: 'LINK_BROKER' })
  await broker.kill()
  await t.throwsAsync(apiStage('memory', { broker: { type: 'external', url: broker.url } }), {
    code: 'LINK_UNREACHABLE',
  })
})
