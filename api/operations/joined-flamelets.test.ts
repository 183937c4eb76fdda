import test from 'ava'
import { apiStage, bearers } from '../../test/support/api-stage.ts'

test('users list flamelets of their own, and administrators those of everybody', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const [own, admin] = [await of.of('u', ['user']), await of.of('a', ['admin'])]
  const status = async (path: string, headers: Record<string, string>) =>
    (await api.call('GET', path, undefined, headers)).status
  t.is(await status('/flamelets?user=u', own), 200)
  t.is(await status('/flamelets?user=v', own), 403)
  t.is(await status('/flamelets', own), 403)
  t.is(await status('/flamelets', admin), 200)
  const unknown = await api.call('GET', '/users/u/flamelets/site-a', undefined, own)
  t.like(unknown, { status: 404, body: { code: 'FLAMELET_UNKNOWN' } })
  t.is((await api.call('DELETE', '/users/u/flamelets/site-a', undefined, own)).status, 404)
})
