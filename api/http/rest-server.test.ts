import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import test from 'ava'
import { apiStage } from '../../test/support/api-stage.ts'
import { openLog } from '../log.ts'
import { portOf, restServer } from './rest-server.ts'

/** Sends bytes as they are, and hears all until the server closes the connection. */
async function heard(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (part) => {
    answer += part
  })
  socket.write(text)
  await once(socket, 'close')
  return answer
}

const request = (line: string, ...headers: string[]) =>
  `${[`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`

const requests: readonly [title: string, text: string, answer: RegExp][] = [
  ['a target that is no address', request('GET http://['), /^HTTP\/1\.1 404 .*nothing is at/s],
  ['a question about the whole server', request('OPTIONS *'), /^HTTP\/1\.1 404 .*nothing is at \*/s],
  ['a path of two slashes', request('GET //localhost/healthz'), /^HTTP\/1\.1 404 /],
  ['a target with another host', request('GET http://elsewhere/healthz'), /^HTTP\/1\.1 200 /],
  ['a name that cannot be decoded', request('GET /users/%ff/designs'), /^HTTP\/1\.1 404 /],
  ['a version that is asked for', request('GET /healthz', 'Accept-Version: 9'), /^HTTP\/1\.1 200 /],
  [
    'a change of the protocol',
    request('GET /healthz', 'Upgrade: websocket').replace('Connection: close', 'Connection: upgrade, close'),
    /^HTTP\/1\.1 200 /,
  ],
]
for (const [title, text, answer] of requests)
  test(`${title} is answered as any request, and tells nothing of the server`, async (t) => {
    await using api = await apiStage('memory')
    const found = await heard(Number(new URL(api.url).port), text)
    t.regex(found, answer)
    t.notRegex(found, /^(server|x-powered-by|response-time):/im)
    t.notRegex(found, /restify|InternalServer|handler chain/i)
    t.deepEqual(api.faults, [])
  })

test('a refusal that fails ends its connection, and the server goes on', async (t) => {
  const lines: string[] = []
  const rest = restServer({
    begin: ({ url }) => {
      if (url === '/begin') throw new Error('a secret')
      return false
    },
    refuse: ({ url }, response) => {
      if (url === '/well') response.end('well')
      else throw new Error('a secret')
      return Promise.resolve()
    },
    log: openLog({ to: { write: (line) => void lines.push(line) } }),
  })
  rest.mount('GET', '/thrown', () => Promise.reject(new Error('a secret')))
  rest.node.listen(0, '127.0.0.1')
  await once(rest.node, 'listening')
  for (const path of ['/begin', '/thrown', '/nothing']) t.is(await heard(portOf(rest.node), request(`GET ${path}`)), '')
  t.is(lines.length, 3)
  t.regex(await heard(portOf(rest.node), request('GET /well')), /\r\n\r\n(4\r\n)?well/)
  rest.node.close()
})

test("a server loads restify from its bundle alone, which has none of restify's plugins", async (t) => {
  const server = new URL('./rest-server.js', import.meta.url)
  const listed = `await import(${JSON.stringify(server.href)})
    console.log(Object.keys(process.getBuiltinModule('module')._cache).join('\\n'))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', listed])
  t.notRegex(stdout, /node_modules.restify/)
  const bundle = readFileSync(new URL('./bundled-restify.js', import.meta.url), 'utf8')
  t.regex(bundle, /^\/\/ node_modules\/restify\/lib\/server\.js$/m)
  t.notRegex(bundle, /^\/\/ node_modules\/(restify\/lib\/plugins|formidable|http-signature|csv|pidusage|qs|send)\//m)
})

test('a server whose port is taken tells its own listeners', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { node } = restServer({ begin: () => true, refuse: async () => {}, log: openLog({ level: 'silent' }) })
  node.listen(portOf(taken), '127.0.0.1')
  const [cause] = await once(node, 'error').catch((cause: unknown) => [cause])
  t.like(cause, { code: 'EADDRINUSE' })
  taken.close()
})
