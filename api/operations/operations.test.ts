import test from 'ava'
import { apiStage, bearers } from '../../test/support/api-stage.ts'

test('where callers are asked who they are, each may have so much, and sees their own', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of, quotas: { designs: 1, keys: 1 } })
  const [u, v] = [await of.of('u', ['user']), await of.of('v', ['user'])]
  const create = (user: string, id: string, headers: Readonly<Record<string, string>>) =>
    api.call('POST', `/users/${user}/designs`, { id }, headers)
  t.is((await create('u', 'a', { ...u, 'idempotency-key': '1' })).status, 201)
  t.like(await create('u', 'b', u), {
    status: 422,
    body: {
      code: 'QUOTA_REACHED',
      detail: 'u has 1 designs, asks for 1 more, and may have 1',
      hint: 'delete designs; or have the quota "designs" raised, by flamectl up --quota',
    },
  })
  t.is((await create('v', 'b', v)).status, 201)
  t.like(await create('u', 'b', { ...u, 'idempotency-key': '2' }), { status: 422, body: { code: 'QUOTA_REACHED' } })
  t.is((await create('u', 'a', { ...u, 'idempotency-key': '1' })).status, 201, 'a repetition')
  t.like(await api.call('GET', '/users/u/usage', undefined, u), {
    status: 200,
    body: { designs: { used: 1, most: 1 }, keys: { used: 1, most: 1 }, jobs: { used: 0, most: 10_000 } },
  })
  t.is((await api.call('GET', '/users/u/usage', undefined, v)).status, 403)
})

test('where nobody is asked who they are, nothing is bounded but what is said to be', async (t) => {
  await using api = await apiStage('memory', { quotas: { datasets: 0 } })
  const dataset = { url: 'file:///a', dataFormat: 'csv', realm: 'default' }
  t.like(await api.call('POST', '/users/u/datasets', dataset), { status: 422, body: { code: 'QUOTA_REACHED' } })
  t.like(await api.call('GET', '/users/u/usage'), { body: { datasets: { used: 0, most: 0 }, jobs: { used: 0 } } })
  t.deepEqual(Object((await api.call('GET', '/users/u/usage')).body).jobs, { used: 0 })
})
