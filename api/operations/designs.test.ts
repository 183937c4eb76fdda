import test from 'ava'
import { apiStage, codeForm, storeKinds } from '../../test/support/api-stage.ts'
import { twoTierCode, twoTierSchema, zipOf } from '../../test/support/stored-job.ts'

const designs = '/users/u/designs'
const one = `${designs}/d`

for (const kind of storeKinds) {
  test(`a design is created once, read, changed, listed in pages and deleted (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    t.like(await api.call('POST', designs, { id: 'd', name: 'first', description: '', userId: 'u' }), {
      status: 201,
      body: null,
    })
    t.like(await api.call('POST', designs, { id: 'd' }), { status: 409, body: { code: 'DESIGN_EXISTS' } })
    t.deepEqual((await api.call('GET', one)).body, { id: 'd', userId: 'u', name: 'first' })
    const changed = await api.call('PUT', one, { description: 'better' })
    t.deepEqual(changed.body, { id: 'd', userId: 'u', description: 'better' })
    for (const id of ['c', 'e']) await api.call('POST', designs, { id })
    await api.call('POST', '/users/v/designs', { id: 'x' })
    await api.restart()
    if (kind === 'memory') return
    const page = await api.call('GET', `${designs}?limit=2`)
    t.like(page.body, [{ id: 'c' }, { id: 'd', description: 'better' }])
    const link = /^<(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1]
    const rest = await api.call('GET', link ?? '')
    t.like(rest.body, [{ id: 'e' }])
    t.is(rest.headers.get('link'), null)
    t.like((await api.call('GET', `${designs}?limit=0`)).body, [{ id: 'c' }, { id: 'd' }, { id: 'e' }])
    t.is((await api.call('DELETE', one)).status, 200)
    for (const method of ['GET', 'DELETE'])
      t.like(await api.call(method, one), { status: 404, body: { code: 'DESIGN_UNKNOWN' } })
  })

  test(`each schema of a design is a revision, and what is wrong with one is named (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    await api.call('POST', designs, { id: 'd' })
    const none = await api.call('GET', `${one}/schema`, undefined, { accept: 'application/json' })
    t.is(none.status, 404)
    t.regex(String(none.body), /no design schema found/)
    t.is((await api.call('POST', `${one}/schema`, twoTierSchema)).status, 201)
    t.deepEqual((await api.call('GET', `${one}/schema`)).body, { ...twoTierSchema, revision: 1 })
    t.is((await api.call('PUT', `${one}/schema`, { ...twoTierSchema, name: 'second', revision: 7 })).status, 200)
    t.like((await api.call('GET', one)).body, { schema: { name: 'second', revision: 2 } })
    const wrong = { ...twoTierSchema, channels: [{ name: 'param', pair: ['aggregator', 'nobody'] }] }
    const refused = await api.call('PUT', `${one}/schema`, wrong)
    t.like(refused, { status: 422, body: { code: 'SCHEMA_INVALID' } })
    t.regex(JSON.stringify(refused.body), /"TAG_ROLE_UNKNOWN","place":"schema.channels.0.pair"/)
    t.is((await api.call('DELETE', `${one}/schema`)).status, 200)
    for (const method of ['GET', 'DELETE']) t.is((await api.call(method, `${one}/schema`)).status, 404)
    t.is((await api.call('POST', `${one}/schema`, twoTierSchema)).status, 201)
    t.like((await api.call('GET', `${one}/schema`)).body, { revision: 3 })
  })

  test(`code is kept as it came, in revisions (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    await api.call('POST', designs, { id: 'd' })
    for (const path of ['code', 'code/revision']) t.is((await api.call('GET', `${one}/${path}`)).status, 404)
    t.is((await api.call('POST', `${one}/code`, codeForm(twoTierCode))).status, 201)
    const second = zipOf('trainer/other.js')
    t.is((await api.call('PUT', `${one}/code`, codeForm(second, 'mein "Code".zip'))).status, 200)
    t.deepEqual((await api.call('GET', `${one}/code/revision`)).body, { revision: 2 })
    const read = await api.call('GET', `${one}/code`)
    t.is(read.headers.get('content-type'), 'application/zip')
    t.deepEqual(read.body, second)
    t.like(await api.call('POST', `${one}/code`, codeForm(Uint8Array.of(1))), {
      status: 422,
      body: { code: 'CODE_ARCHIVE' },
    })
    const form = new FormData()
    form.set('fileName', 'x.zip')
    t.like(await api.call('POST', `${one}/code`, form), { status: 422, body: { code: 'MODEL_INVALID' } })
    t.is((await api.call('DELETE', `${one}/code`)).status, 200)
    for (const method of ['GET', 'DELETE']) t.is((await api.call(method, `${one}/code`)).status, 404)
    t.deepEqual(api.faults, [])
  })
}
