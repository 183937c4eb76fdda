import { type OutgoingHttpHeaders, request } from 'node:http'
import test from 'ava'
import { apiStage, bearers } from '../../test/support/api-stage.ts'
import { startServer } from '../start-server.ts'

const sources: readonly [string | undefined, string | undefined, number][] = [
  [undefined, undefined, 201],
  ['localhost:{port}', undefined, 201],
  ['127.0.0.1:{port}', 'http://127.0.0.1:{port}', 201],
  ['[::1]:{port}', 'http://[::1]:{port}', 201],
  ['LOCALHOST:{port}', 'http://localhost:{port}', 201],
  ['localhost.:{port}', 'http://localhost.:{port}', 201],
  ['127.0.0.1:{port}', 'http://localhost:{port}', 403],
  ['127.0.0.1:{port}', 'http://evil.example', 403],
  ['127.0.0.1:{port}', 'null', 403],
  ['127.0.0.1.evil.example', undefined, 403],
  ['evil.example:{port}', 'http://evil.example:{port}', 403],
  ['localhost.evil.example', undefined, 403],
  ['::1', undefined, 400],
  ['localhost@evil.example', undefined, 400],
  ['localhost:99999', undefined, 400],
  ['%', undefined, 400],
]
for (const [host, origin, status] of sources)
  test(`a request to ${host ?? 'the address'} from ${origin ?? 'no page'} is answered with ${status}`, async (t) => {
    await using api = await apiStage('memory')
    const { port } = new URL(api.url)
    const headers = Object.fromEntries(
      Object.entries({ host, origin }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value.replace('{port}', port)]],
      ),
    )
    const heard = await new Promise<number | undefined>((resolve, reject) => {
      const options = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' } }
      const sent = request(`${api.url}/users/u/designs`, options, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      sent.on('error', reject)
      sent.end('{"id":"d"}')
    })
    t.is(heard, status)
    t.is(Object((await api.call('GET', '/users/u/designs')).body).length, status === 201 ? 1 : 0)
  })

/** What a browser says of a page that makes a request, where it names no origin, as of images and links. */
const sites: readonly [string, number][] = [
  ['cross-site', 403],
  ['same-site', 403],
  ['same-origin', 200],
  ['none', 200],
]
for (const [site, status] of sites)
  test(`a request that a browser says is ${site} is answered with ${status} where nobody is asked for a token`, async (t) => {
    await using api = await apiStage('memory')
    t.is(await answeredTo(api.url, { 'sec-fetch-site': site }), status)
    t.is(await answeredTo(api.url, { 'sec-fetch-site': site, origin: api.url }), 200)
  })

test('a page elsewhere is let in by its origin, or by the token that it shows', async (t) => {
  await using named = await apiStage('memory', { origins: [page] })
  t.is(await answeredTo(named.url, { 'sec-fetch-site': 'cross-site', origin: page }), 200)
  t.is(await answeredTo(named.url, { 'sec-fetch-site': 'cross-site' }), 403)
  await using of = await bearers()
  await using asking = await apiStage('memory', { authentication: of })
  t.is(await answeredTo(asking.url, { 'sec-fetch-site': 'cross-site', ...(await of.of('u', ['user'])) }), 200)
})

test('a request with two Host headers is refused, whatever they are', async (t) => {
  await using of = await bearers()
  for (const options of [{}, { authentication: of }]) {
    await using api = await apiStage('memory', options)
    const { host } = new URL(api.url)
    const { authorization } = await of.of('u', ['user'])
    for (const second of [host, 'evil.example']) {
      const headers = [...['Host', host], ...['hOST', second], ...['Authorization', authorization]]
      t.is(await answeredTo(api.url, headers), 400, second)
    }
  }
})

/** The status that a request with these headers is answered with. `fetch` sets some of them itself. */
function answeredTo(url: string, headers: OutgoingHttpHeaders | readonly string[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/users/u/designs`, { headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.on('error', reject)
    sent.end()
  })
}

const page = 'https://page.example'

/** As a browser asks whether a page may ask. */
async function preflight(url: string, origin: string) {
  const headers = { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'if-match' }
  const response = await fetch(`${url}/users/u/designs/d`, { method: 'OPTIONS', headers })
  return { status: response.status, allowed: response.headers.get('access-control-allow-origin'), response }
}

test('a page of an origin that is allowed may ask and read, with tokens and without', async (t) => {
  await using keys = await bearers()
  for (const more of [{}, { authentication: { keyFile: keys.keyFile } }]) {
    await using api = await apiStage('memory', { origins: [page], ...more })
    const asked = await preflight(api.url, page)
    t.deepEqual([asked.status, asked.allowed], [204, page])
    t.regex(asked.response.headers.get('access-control-allow-methods') ?? '', /PUT/)
    t.regex(asked.response.headers.get('access-control-allow-headers') ?? '', /Authorization.*If-Match.*Last-Event-ID/)
    t.is(asked.response.headers.get('access-control-allow-credentials'), null)
    const bearer = await keys.of('u', ['user'])
    const made = await api.call('POST', '/users/u/designs', { id: 'd' }, { origin: page, ...bearer })
    t.is(made.status, 201)
    const read = await api.call('GET', '/users/u/designs/d', undefined, { origin: page, ...bearer })
    t.is(read.headers.get('access-control-allow-origin'), page)
    t.regex(read.headers.get('access-control-expose-headers') ?? '', /ETag, Link/)
    const refused = await api.call('GET', '/users/u/designs/none', undefined, { origin: page, ...bearer })
    t.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [404, page])
  }
})

test('a page of another origin may not, and no page may unless one is named', async (t) => {
  await using some = await apiStage('memory', { origins: [page] })
  await using none = await apiStage('memory')
  for (const [url, origin] of [
    [some.url, 'https://other.example'],
    [some.url, `${page}.other.example`],
    [none.url, page],
  ] as const) {
    const asked = await preflight(url, origin)
    t.deepEqual([asked.status, asked.allowed], [403, null])
    const read = await fetch(`${url}/users/u/designs`, { headers: { origin } })
    t.deepEqual([read.status, read.headers.get('access-control-allow-origin')], [403, null])
  }
})

test('what is no origin is refused at the start', async (t) => {
  for (const origin of ['*', 'page.example', 'https://page.example/', 'https://page.example:443', 'file:///x'])
    await t.throwsAsync(
      startServer({ store: { type: 'memory' }, port: 0, origins: [origin] }),
      { code: 'API_ORIGIN' },
      origin,
    )
})
