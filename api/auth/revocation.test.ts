import { appendFile, chmod, stat, writeFile } from 'node:fs/promises'
import test from 'ava'
import { decodeJwt } from 'jose'
import { apiStage, bearers, type Heard } from '../../test/support/api-stage.ts'
import { runCommand } from '../../test/support/flamectl-up.ts'
import { issuedTokens, revocationsOf, revokedTokens, revokeToken } from './token-records.ts'

const path = '/users/u/designs'
const day = 24 * 60 * 60

/** Asks until it's answered so, which a server does within a second or two. */
async function untilStatus(ask: () => Promise<Heard>, status: number): Promise<Heard> {
  for (let look = 0; look < 500; look++) {
    const heard = await ask()
    if (heard.status === status) return heard
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`it was never answered ${status}`)
}

test('a token that is revoked is refused by a running server, and no other is', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const [first, second, third] = [await of.of('u', ['user']), await of.of('u', ['user']), await of.of('u', ['user'])]
  const ask = (headers: Record<string, string>) => api.call('GET', path, undefined, headers)
  for (const headers of [first, second, third]) t.is((await ask(headers)).status, 200)
  const token = first.authorization.slice('Bearer '.length)
  const id = await revokeToken(of.keyFile, String(decodeJwt(token).jti))
  const refused = await untilStatus(() => ask(first), 401)
  t.like(refused.body, { code: 'API_TOKEN_INVALID', detail: 'the token is not good: it was revoked' })
  t.is((await ask(second)).status, 200)
  t.is(
    await revokeToken(of.keyFile, second.authorization.slice('Bearer '.length)),
    String(decodeJwt(second.authorization.slice(7)).jti),
    'a token names itself',
  )
  await untilStatus(() => ask(second), 401)
  t.is((await ask(third)).status, 200)
  t.is((await stat(revocationsOf(of.keyFile))).mode & 0o777, 0o600)
  t.deepEqual(
    (await issuedTokens(of.keyFile)).map(({ user, revoked }) => [user, revoked]),
    [
      ['u', true],
      ['u', true],
      ['u', false],
    ],
  )
  await t.throwsAsync(revokeToken(of.keyFile, 'no id'), { code: 'API_TOKEN_REQUEST' })
  t.true((await revokedTokens(of.keyFile)).has(id))
})

test('revocations that come at once are all kept', async (t) => {
  await using of = await bearers()
  const ids = Array.from({ length: 50 }, (_, n) => `token-${n}`)
  await Promise.all(ids.map((id) => revokeToken(of.keyFile, id)))
  t.deepEqual([...(await revokedTokens(of.keyFile))].toSorted(), ids.toSorted())
})

test('where keys or revocations cannot be used no token is good, and only the log says why', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const headers = await of.of('u', ['user'])
  const ask = () => api.call('GET', path, undefined, headers)
  t.is((await ask()).status, 200)
  for (const breakIt of [
    () => chmod(of.keyFile, 0o644),
    () => writeFile(of.keyFile, '{}'),
    () => appendFile(revocationsOf(of.keyFile), 'what?\n', { mode: 0o600 }),
  ]) {
    const { keys } = { keys: await import('node:fs/promises').then(({ readFile }) => readFile(of.keyFile)) }
    await breakIt()
    const refused = await untilStatus(ask, 503)
    t.like(refused.body, { code: 'API_KEYS_UNUSABLE' })
    t.notRegex(JSON.stringify(refused.body), /keys\.json|mode/)
    t.regex(JSON.stringify(api.faults.at(-1)), /keys\.json/)
    await writeFile(of.keyFile, keys)
    await chmod(of.keyFile, 0o600)
    if (breakIt.toString().includes('append')) continue
    await untilStatus(ask, 200)
  }
})

test('no token is good for longer than the server takes', async (t) => {
  await using of = await bearers()
  await t.throwsAsync(of.of('u', ['user'], { seconds: 366 * day }), { code: 'API_TOKEN_REQUEST' })
  const long = await of.of('u', ['user'], { seconds: 400 * day, mostSeconds: 500 * day })
  const short = await of.of('u', ['user'], { seconds: 7 * day })
  for (const [mostSeconds, statuses] of [
    [undefined, [401, 200]],
    [500 * day, [200, 200]],
    [day, [401, 401]],
  ] as const) {
    const authentication = { keyFile: of.keyFile, ...(mostSeconds === undefined ? {} : { mostSeconds }) }
    await using api = await apiStage('memory', { authentication })
    const heard = await Promise.all([long, short].map((headers) => api.call('GET', path, undefined, headers)))
    t.deepEqual(
      heard.map(({ status }) => status),
      [...statuses],
    )
  }
})

test('flamectl token lists tokens, takes one back, and issues none that is too long', async (t) => {
  await using of = await bearers()
  const flamectl = (...args: string[]) => runCommand(['token', ...args, '--key-file', of.keyFile])
  const issued = await flamectl('alice', '--scope', 'user,compute')
  const [listed] = JSON.parse((await flamectl('--list', '-o', 'json')).out)
  t.like(listed, { user: 'alice', scopes: ['user', 'compute'], revoked: false })
  t.is(Date.parse(listed.expiresAt) - Date.parse(listed.issuedAt), 30 * day * 1000)
  t.is((await flamectl('--revoke', listed.id)).out, `token ${listed.id} is good no more\n`)
  t.regex((await flamectl('--list')).out, new RegExp(`${listed.id} +alice +user,compute .* true`))
  t.false((await flamectl('--list')).out.includes(issued.out.trim()))
  const unknown = await flamectl('--revoke', 'other')
  t.deepEqual([unknown.status, /TOKEN_UNKNOWN: no token other is among those of /.test(unknown.err)], [1, true])
  t.is(unknown.out, '')
  t.true(
    (await revokedTokens(of.keyFile)).has('other'),
    'the list may have been lost, so that the id is refused all the same',
  )
  const again = await flamectl('--revoke', issued.out.trim())
  t.deepEqual([again.status, again.out], [0, `token ${listed.id} is good no more\n`])
  for (const wrong of [['alice', '--days', '366'], ['alice', '--list'], []]) {
    const refused = await flamectl(...wrong)
    t.deepEqual([refused.status, /OPTION_VALUE/.test(refused.err)], [2, true], wrong.join(' '))
  }
})

test('a token for one flamelet names it, and the job whose tasks it gets, and gives no other right', async (t) => {
  await using of = await bearers()
  const flamectl = (...args: string[]) => runCommand(['token', 'alice', ...args, '--key-file', of.keyFile])
  const issued = await flamectl('--scope', 'flamelet', '--name', 'site-a', '--job', 'j')
  t.like(decodeJwt(issued.out.trim()), { sub: 'alice', scope: 'flamelet', flamelet: 'site-a', job: 'j' })
  t.like(await issuedTokens(of.keyFile), [{ user: 'alice', flamelet: 'site-a', job: 'j' }])
  const wide = await flamectl('--scope', 'flamelet,user', '--name', 'site-a')
  t.regex(wide.err, /API_TOKEN_REQUEST.*scope user flamelet/)
  t.regex((await flamectl('--scope', 'flamelet', '--name', '../a')).err, /NAME_INVALID/)
})
