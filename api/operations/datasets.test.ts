import test from 'ava'
import { apiStage, storeKinds } from '../../test/support/api-stage.ts'

const dataset = { url: 'https://example.org/a.csv', dataFormat: 'csv', realm: 'default' }
const compute = (computeId: string, region: string) => ({ computeId, region, adminId: 'admin', apiKey: 'secret' })

for (const kind of storeKinds) {
  test(`a dataset is registered, read by its owner, listed when public, changed and deleted (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    const created = await api.call('POST', '/users/u/datasets', { ...dataset, id: '', name: 'mine' })
    t.is(created.status, 201)
    const id = String(created.body)
    t.regex(id, /^[0-9a-f]{24}$/)
    const { body: open } = await api.call('POST', '/users/v/datasets', { ...dataset, isPublic: true })
    const info = { ...dataset, id, userId: 'u', name: 'mine', computeId: 'default' }
    t.deepEqual((await api.call('GET', `/users/u/datasets/${id}`)).body, info)
    t.is((await api.call('GET', `/users/v/datasets/${id}`)).status, 404)
    t.deepEqual((await api.call('GET', '/users/u/datasets/?limit=5')).body, [info])
    t.like((await api.call('GET', '/datasets')).body, [{ id: open, userId: 'v' }])
    const changed = await api.call('PUT', `/users/u/datasets/${id}`, { ...dataset, url: 'https://example.org/b.csv' })
    t.like(changed, { status: 200, body: { url: 'https://example.org/b.csv', id } })
    t.is((await api.call('PUT', `/users/v/datasets/${id}`, dataset)).status, 404)
    t.is((await api.call('DELETE', `/users/u/datasets/${id}`)).status, 200)
    t.is((await api.call('DELETE', `/users/u/datasets/${id}`)).status, 404)
  })
}

const realms: readonly [string, boolean, number, unknown][] = [
  ['default', false, 201, { realm: 'default', computeId: 'default' }],
  ['default/us/west', false, 201, { realm: 'default/us/west/c1', computeId: 'c1' }],
  ['default/eu', false, 201, { realm: 'eu/c3', computeId: 'c3' }],
  ['default/us', false, 422, 'REALM_UNSERVED'],
  ['default/us', true, 201, { realm: 'default/us', computeId: 'default' }],
  ['c2', false, 201, { realm: 'default/us/west/c2', computeId: 'c2' }],
  ['eu/c3', false, 201, { realm: 'eu/c3', computeId: 'c3' }],
  ['us/c3', false, 422, 'REALM_UNKNOWN'],
  ['c9', true, 422, 'REALM_UNKNOWN'],
]
test('a public dataset that nobody serves stays where it is, and is refused as a private one', async (t) => {
  await using api = await apiStage('memory')
  const unserved = { ...dataset, realm: 'default/us', isPublic: true }
  const path = `/users/u/datasets/${String((await api.call('POST', '/users/u/datasets', unserved)).body)}`
  t.like(await api.call('PUT', path, { ...unserved, name: 'n' }), { status: 200, body: { computeId: 'default' } })
  const refused = await api.call('PUT', path, { ...unserved, isPublic: false })
  t.like(refused, { status: 422, body: { code: 'REALM_UNSERVED' } })
  t.like((await api.call('GET', path)).body, { isPublic: true, name: 'n' })
})

for (const [realm, isPublic, status, expected] of realms)
  test(`a ${isPublic ? 'public' : 'private'} dataset in realm ${realm} answers ${status}`, async (t) => {
    await using api = await apiStage('memory')
    for (const [id, region] of [
      ['c2', 'default/us/west'],
      ['c1', 'default/us/west'],
      ['c3', 'eu'],
    ] as const)
      await api.call('POST', '/computes', compute(id, region))
    const created = await api.call('POST', '/users/u/datasets', { ...dataset, realm, isPublic })
    t.is(created.status, status)
    if (status === 422) t.like(created.body, { code: expected })
    else t.like((await api.call('GET', `/users/u/datasets/${String(created.body)}`)).body, { ...Object(expected) })
  })
