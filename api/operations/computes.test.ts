import test from 'ava'
import { apiStage, storeKinds } from '../../test/support/api-stage.ts'

const compute = { computeId: 'c1', region: 'eu', adminId: 'admin', apiKey: 'secret' }
const key = { 'x-api-key': 'secret' }

for (const kind of storeKinds)
  test(`a compute is registered once, known by its key alone, changed and taken away (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    const first = await api.call('POST', '/computes', compute)
    t.like(first, { status: 201, body: { computeId: 'c1', state: 'up' } })
    const again = await api.call('POST', '/computes', { ...compute, region: 'us' })
    t.deepEqual([again.status, again.body], [201, first.body])
    const other = await api.call('POST', '/computes', { ...compute, apiKey: 'other' })
    t.like(other, { status: 409, body: { code: 'COMPUTE_KEY_DIFFERS' } })
    t.is((await api.call('GET', '/computes')).status, 400)
    const { apiKey: _, ...shown } = compute
    t.deepEqual((await api.call('GET', '/computes?adminId=admin')).body, [shown])
    t.deepEqual((await api.call('GET', '/computes?adminId=nobody')).body, [])
    for (const path of ['/computes/c1', '/computes/c1/config']) {
      t.is((await api.call('GET', path)).status, 401)
      t.is((await api.call('GET', path, undefined, { 'x-api-key': 'wrong' })).status, 403)
    }
    t.deepEqual((await api.call('GET', '/computes/c1', undefined, key)).body, first.body)
    t.deepEqual((await api.call('GET', '/computes/c1/config', undefined, key)).body, shown)
    t.is((await api.call('GET', '/computes/c2', undefined, key)).status, 404)
    t.is((await api.call('PUT', '/computes/c1', { apiKey: 'new', region: 'us' }, key)).status, 200)
    t.is((await api.call('GET', '/computes/c1', undefined, key)).status, 403)
    const renewed = { 'x-api-key': 'new' }
    t.like((await api.call('GET', '/computes/c1/config', undefined, renewed)).body, { region: 'us', adminId: 'admin' })
    const dataset = { url: 'a', dataFormat: 'csv', realm: 'c1' }
    const { body: id } = await api.call('POST', '/users/u/datasets', dataset)
    t.like(await api.call('DELETE', '/computes/c1', undefined, renewed), {
      status: 409,
      body: { code: 'COMPUTE_USED' },
    })
    await api.call('DELETE', `/users/u/datasets/${String(id)}`)
    t.is((await api.call('DELETE', '/computes/c1', undefined, renewed)).status, 200)
    t.deepEqual(api.faults, [])
  })

test('a compute is registered without region and administrator, and datasets find it by its id', async (t) => {
  await using api = await apiStage('memory')
  const registered = await api.call('POST', '/computes', { computeId: 'c1', apiKey: 'secret', region: '' })
  t.is(registered.status, 201)
  const dataset = { url: 'a', dataFormat: 'csv', realm: 'c1' }
  const { body: id } = await api.call('POST', '/users/u/datasets', dataset)
  const found = await api.call('GET', `/users/u/datasets/${String(id)}`)
  t.like(found.body, { realm: 'c1', computeId: 'c1' })
})
