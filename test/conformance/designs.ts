import { unzipSync } from 'fflate'
import { archive, codeForm, go, jobOn, prepared, twoTier, twoTierCode } from './fixtures.ts'
import type { DeclareTest, OpenStage } from './stage.ts'

const all = '/users/u/designs'
const one = '/users/u/designs/d'

export function designConformance(test: DeclareTest, open: OpenStage): void {
  test('designs: created once for each user, listed, read, changed and deleted', async (t) => {
    await using stage = await open()
    const { call } = stage
    const body = go.designInfo({ id: 'd', description: 'first' })
    t.like(await call('POST', all, { body }), { status: 201, body: null })
    t.like(await call('POST', `${all}/`, { body }), { status: 409, body: 'design d exists already' })
    t.like(await call('POST', '/users/v/designs', { body: go.designInfo({ id: 'd' }) }), { status: 201 })
    t.is((await call('POST', all, { body: go.designInfo({ id: 'e', name: 'E' }) })).status, 201)

    const d = { id: 'd', description: 'first', userId: 'u' }
    const e = { id: 'e', name: 'E', userId: 'u' }
    for (const path of [all, `${all}/`, `${all}/?limit=0`, `${all}?limit=5`])
      t.like(await call('GET', path), { status: 200, body: [d, e] }, path)
    const page = await call('GET', `${all}/?limit=1`)
    t.deepEqual(page.body, [d])
    const next = /^<(.*)>; rel="next"$/.exec(page.link)?.[1] ?? ''
    t.deepEqual((await call('GET', next)).body, [e])
    t.like(await call('GET', '/users/nobody/designs'), { status: 200, body: [] })

    t.deepEqual((await call('GET', `${one}/`)).body, d)
    t.deepEqual((await call('PUT', one, { body: go.designInfo({ id: 'd', name: 'N' }) })).body, {
      id: 'd',
      name: 'N',
      userId: 'u',
    })
    const gone = await call('DELETE', one)
    t.is(gone.status, 200)
    t.is(typeof gone.body, 'string')
    for (const [method, sent] of [
      ['GET', undefined],
      ['PUT', go.designInfo({})],
      ['DELETE', undefined],
    ] as const)
      t.like(await call(method, one, { body: sent }), { status: 404, body: 'there is no design d' }, method)
    t.is((await call('GET', '/users/v/designs/d')).status, 200)
  })

  test('designs: one that a job uses goes by force alone', async (t) => {
    await using stage = await open()
    const { call } = stage
    const job = await call('POST', '/users/u/jobs', { body: jobOn(...(await prepared(stage))) })
    for (const path of [one, `${one}?forceDelete=false`]) {
      const used = await call('DELETE', path)
      t.is(used.status, 409)
      t.regex(String(used.body), /design used in job/)
    }
    t.is((await call('DELETE', `${one}?forceDelete=true`)).status, 200)
    t.is((await call('GET', `/users/u/jobs/${Object(job.body).id}`)).status, 200)
  })

  test('schemas: each success is a revision, and a deletion resets to none', async (t) => {
    await using stage = await open()
    const { call } = stage
    const schema = `${one}/schema`
    t.is((await call('POST', schema, { body: twoTier })).status, 404)
    await call('POST', all, { body: go.designInfo({ id: 'd' }) })
    for (const method of ['GET', 'DELETE']) {
      const none = await call(method, schema)
      t.is(none.status, 404, method)
      t.regex(String(none.body), /no design schema found/)
    }
    t.like(await call('POST', `${schema}/`, { body: twoTier }), { status: 201, body: null })
    t.is(Object((await call('GET', schema)).body).revision, 1)
    t.like(await call('PUT', schema, { body: { ...twoTier, description: 'second' } }), { status: 200, body: null })
    t.like(await call('GET', schema), { status: 200, body: { name: 'two-tier', description: 'second', revision: 2 } })
    t.like(await call('GET', one), { status: 200, body: { schema: { revision: 2 } } })

    const [first] = twoTier.channels
    const wrong = { ...twoTier, channels: [{ ...first, pair: ['aggregator', 'nobody'] }] }
    for (const method of ['POST', 'PUT']) {
      const refused = await call(method, schema, { body: wrong })
      t.is(refused.status, 422)
      t.regex(String(refused.body), /schema\.channels\.0\.pair.*nobody/)
    }
    t.like(await call('DELETE', schema), { status: 200, body: null })
    t.is((await call('GET', schema)).status, 404)
    t.like((await call('GET', one)).body, { id: 'd', schema: undefined })
  })

  test('code: kept in revisions, given back as a zip', async (t) => {
    await using stage = await open()
    const { call } = stage
    const code = `${one}/code`
    await call('POST', all, { body: go.designInfo({ id: 'd' }) })
    for (const [method, path] of [
      ['GET', code],
      ['GET', `${code}/revision`],
      ['DELETE', code],
    ] as const)
      t.is((await call(method, path)).status, 404, `${method} ${path}`)
    t.is((await call('POST', code, { body: codeForm(twoTierCode) })).status, 201)
    t.deepEqual((await call('GET', `${code}/revision`)).body, { revision: 1 })
    const second = archive('trainer/main.py')
    t.is((await call('PUT', code, { body: codeForm(second) })).status, 200)
    t.deepEqual((await call('GET', `${code}/revision/`)).body, { revision: 2 })
    const zip = await call('GET', code)
    t.like(zip, { status: 200, type: 'application/zip' })
    t.deepEqual(Object.keys(unzipSync(zip.bytes)), ['trainer/main.py'])

    for (const method of ['POST', 'PUT']) {
      t.like(await call(method, code, { body: codeForm(Uint8Array.of(1, 2, 3)) }), { status: 422 })
      t.like(await call(method, code, { body: codeForm(archive('../out.py')) }), { status: 422 })
      t.like(await call(method, code, { body: {} }), { status: 415 })
      t.like(await call(method, code, { body: new FormData() }), { status: 422 })
    }
    t.like(await call('DELETE', code), { status: 200, body: null })
    t.is((await call('GET', code)).status, 404)
    t.is((await call('DELETE', code)).status, 404)
  })
}
