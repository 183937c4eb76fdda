import test from 'ava'
import { apiStage, codeForm, storeKinds } from '../test/support/api-stage.ts'
import { twoTierCode, twoTierSchema, zipOf } from '../test/support/stored-job.ts'

const design = '/users/u/designs/d'
const dataset = '/users/u/datasets/x'
const job = '/users/u/jobs/j'
const dataSpec = [{ role: 'trainer', datasetGroups: { default: ['x'] } }]
const jobSpec = { id: 'j', designId: 'd', backend: 'mqtt', dataSpec }
const datasetInfo = { id: 'x', url: 'file:///x', dataFormat: 'csv', realm: 'default' }
const key = { 'x-api-key': 'k' }

/** A thing, how it's changed, and how it's changed to what it is already but for its tag. */
const things: readonly { path: string; put?: () => unknown; other: () => unknown; headers?: Record<string, string> }[] =
  [
    { path: job, other: () => ({ ...jobSpec, priority: 'high' }) },
    { path: dataset, other: () => ({ ...datasetInfo, name: 'other' }) },
    { path: `${design}/code`, other: () => codeForm(zipOf('aggregator/other.js', 'trainer/index.js')) },
    { path: `${design}/schema`, other: () => ({ ...twoTierSchema, description: 'other' }) },
    { path: design, other: () => ({ name: 'other' }) },
    { path: '/computes/c', other: () => ({ region: 'other' }), headers: key },
  ]

async function filled(kind: (typeof storeKinds)[number]) {
  const api = await apiStage(kind)
  await api.call('POST', '/users/u/designs', { id: 'd' })
  await api.call('POST', `${design}/schema`, twoTierSchema)
  await api.call('POST', `${design}/code`, codeForm(twoTierCode))
  await api.call('POST', '/users/u/datasets', datasetInfo)
  await api.call('POST', '/users/u/jobs', jobSpec)
  await api.call('POST', '/computes', { computeId: 'c', adminId: 'a', region: 'r', apiKey: 'k' })
  return api
}

for (const kind of storeKinds)
  for (const { path, other, headers = {} } of things) {
    test(`${path} has a tag, and is answered with 304 to who has it (${kind})`, async (t) => {
      await using api = await filled(kind)
      const first = await api.call('GET', path, undefined, headers)
      const tag = first.headers.get('etag') ?? ''
      t.regex(tag, /^"[\w-]{22}"$/)
      for (const known of [tag, '*', `"a", W/${tag}`]) {
        const again = await api.call('GET', path, undefined, { ...headers, 'if-none-match': known })
        t.is(again.status, 304, known)
        t.is(again.headers.get('etag'), tag)
        t.is(again.headers.get('content-length'), null)
      }
      const unknown = await api.call('GET', path, undefined, { ...headers, 'if-none-match': '"a"' })
      t.deepEqual([unknown.status, unknown.body], [200, first.body])
    })

    test(`${path} is changed and deleted under its tag only, if one is named (${kind})`, async (t) => {
      await using api = await filled(kind)
      const read = () => api.call('GET', path, undefined, headers)
      const first = await read()
      const tag = first.headers.get('etag') ?? ''
      for (const wrong of ['"a"', `W/${tag}`, '"a", "b"'])
        for (const method of ['PUT', 'DELETE']) {
          const body = method === 'PUT' ? other() : undefined
          const refused = await api.call(method, path, body, { ...headers, 'if-match': wrong })
          t.like(refused, { status: 412, body: { code: 'MATCH_FAILED' } }, `${method} ${wrong}`)
        }
      const still = await read()
      t.deepEqual([still.body, still.headers.get('etag')], [first.body, tag])
      t.is((await api.call('PUT', path, other(), { ...headers, 'if-match': `"a", ${tag}` })).status, 200)
      if (path === '/computes/c') return
      const changed = (await read()).headers.get('etag') ?? ''
      t.not(changed, tag)
      t.is((await api.call('DELETE', path, undefined, { ...headers, 'if-match': tag })).status, 412)
      if (path === dataset || path === design) await api.call('DELETE', job)
      t.is((await api.call('DELETE', path, undefined, { ...headers, 'if-match': changed })).status, 200)
      t.is((await api.call('DELETE', path, undefined, { ...headers, 'if-match': '*' })).status, 404)
    })
  }

test('a change with If-None-Match: * makes what is not there, and replaces nothing', async (t) => {
  await using api = await filled('memory')
  const only = { 'if-none-match': '*' }
  for (const { path, other, headers = {} } of things) {
    const before = await api.call('GET', path, undefined, headers)
    const tag = before.headers.get('etag') ?? ''
    for (const excluded of ['*', `"a", ${tag}`, `W/${tag}`]) {
      const refused = await api.call('PUT', path, other(), { ...headers, 'if-none-match': excluded })
      t.like(refused, { status: 412, body: { code: 'MATCH_PRESENT' } }, `${path} ${excluded}`)
    }
    t.deepEqual((await api.call('GET', path, undefined, headers)).body, before.body)
  }
  await api.call('DELETE', job)
  for (const [path, body] of [
    [`${design}/schema`, twoTierSchema],
    [`${design}/code`, codeForm(twoTierCode)],
  ] as const) {
    await api.call('DELETE', path)
    t.is((await api.call('PUT', path, body, only)).status, 200)
    t.is((await api.call('PUT', path, body, only)).status, 412)
  }
  t.is((await api.call('PUT', `${design}/code`, codeForm(zipOf('a/x')), { 'if-none-match': '"a"' })).status, 200)
})

test('a job is started under the tag of its status only, if one is named', async (t) => {
  await using api = await filled('memory')
  const tag = (await api.call('GET', `${job}/status`)).headers.get('etag') ?? ''
  const start = (ifMatch: string) => api.call('PUT', `${job}/status`, { state: 'starting' }, { 'if-match': ifMatch })
  t.like(await start('"a"'), { status: 412, body: { code: 'MATCH_FAILED' } })
  t.is((await api.call('GET', `${job}/status`)).headers.get('etag'), tag)
  t.is((await start(tag)).status, 200)
  t.is((await start(tag)).status, 412)
})

test('of writers that read the same, one is let through', async (t) => {
  await using api = await filled('lmdb')
  const tag = (await api.call('GET', design)).headers.get('etag') ?? ''
  const heard = await Promise.all(
    Array.from({ length: 8 }, (_, i) => api.call('PUT', design, { name: `name-${i}` }, { 'if-match': tag })),
  )
  t.deepEqual(
    heard.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, ...Array.from({ length: 7 }, () => 412)],
  )
})

test('a header with something else than tags is answered with 400', async (t) => {
  await using api = await filled('memory')
  for (const header of ['if-match', 'if-none-match'])
    for (const value of ['a', '"a', '"a" "b"', '*, "a"', '']) {
      const method = header === 'if-match' ? 'PUT' : 'GET'
      const body = method === 'PUT' ? { name: 'other' } : undefined
      const heard = await api.call(method, design, body, { [header]: value })
      t.like(heard, { status: 400, body: { code: 'API_HEADER' } }, `${header}: ${value}`)
    }
})
