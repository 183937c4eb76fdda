import { request } from 'node:http'
import test from 'ava'
import { apiStage } from '../../test/support/api-stage.ts'

const sources: readonly [string | undefined, string | undefined, number][] = [
  [undefined, undefined, 201],
  ['localhost:{port}', undefined, 201],
  ['127.0.0.1:{port}', 'http://127.0.0.1:{port}', 201],
  ['[::1]:{port}', 'http://[::1]:{port}', 201],
  ['127.0.0.1:{port}', 'http://localhost:{port}', 403],
  ['127.0.0.1:{port}', 'http://evil.example', 403],
  ['127.0.0.1:{port}', 'null', 403],
  ['127.0.0.1.evil.example', undefined, 403],
  ['evil.example:{port}', 'http://evil.example:{port}', 403],
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
