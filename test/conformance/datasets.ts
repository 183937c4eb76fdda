import { compute, go, jobOn, prepared } from './fixtures.ts'
import type { DeclareTest, OpenStage } from './stage.ts'

const all = '/users/u/datasets'

export function datasetConformance(test: DeclareTest, open: OpenStage): void {
  test('datasets: registered by a new id, listed, read, changed and deleted', async (t) => {
    await using stage = await open()
    const { call } = stage
    const created = await call('POST', `${all}/`, { body: go.datasetInfo({ name: 'mine' }) })
    t.is(created.status, 201)
    t.is(typeof created.body, 'string')
    const one = `${all}/${created.body}`
    const own = { id: created.body, name: 'mine', userId: 'u', realm: 'default', computeId: 'default' }
    t.like((await call('GET', one)).body, own)
    const shared = await call('POST', '/users/v/datasets', { body: go.datasetInfo({ isPublic: true }) })
    for (const [path, ids] of [
      [all, [created.body]],
      [`${all}/?limit=10`, [created.body]],
      ['/users/v/datasets', [shared.body]],
      ['/datasets/?limit=0', [shared.body]],
      ['/datasets', [shared.body]],
    ] as const) {
      const { body } = await call('GET', path)
      t.deepEqual(Array.isArray(body) && body.map(({ id }) => id), ids, path)
    }
    const changed = await call('PUT', one, { body: go.datasetInfo({ id: created.body, name: 'other' }) })
    t.like(changed, { status: 200, body: { ...own, name: 'other' } })
    t.like(await call('DELETE', `${one}/`), { status: 200, body: null })
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', go.datasetInfo({})],
      ['DELETE', undefined],
    ] as const)
      t.is((await call(method, one, { body })).status, 404, method)
    for (const method of ['GET', 'DELETE'])
      t.is((await call(method, `${all}/${shared.body}`)).status, 404, `${method} another's`)
  })

  test('datasets: a realm finds its compute, and one that finds none is refused', async (t) => {
    await using stage = await open()
    const { call } = stage
    await call('POST', '/computes', { body: compute('c1', 'eu') })
    await call('POST', '/computes', { body: compute('c2', 'default/us') })
    const placed = async (fields: object) => {
      const created = await call('POST', all, { body: go.datasetInfo(fields) })
      if (created.status !== 201) return created.status
      const { realm, computeId } = Object((await call('GET', `${all}/${created.body}`)).body)
      return [realm, computeId]
    }
    t.deepEqual(await placed({ realm: 'default' }), ['default', 'default'])
    t.deepEqual(await placed({ realm: 'default/us' }), ['default/us/c2', 'c2'])
    t.deepEqual(await placed({ realm: 'c1' }), ['eu/c1', 'c1'])
    t.deepEqual(await placed({ realm: 'default/asia', isPublic: true }), ['default/asia', 'default'])
    t.is(await placed({ realm: 'default/asia' }), 422)
    t.is(await placed({ realm: 'nowhere' }), 422)
  })

  test('datasets: one that a job is to use is not deleted', async (t) => {
    await using stage = await open()
    const { call } = stage
    const [dataset, other] = await prepared(stage)
    await call('POST', '/users/u/jobs', { body: jobOn(dataset) })
    const used = await call('DELETE', `${all}/${dataset}`)
    t.is(used.status, 409)
    t.regex(String(used.body), /is used in job/)
    t.is((await call('DELETE', `${all}/${other}`)).status, 200)
  })
}
