import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect } from 'node:net'
import test from 'ava'
import { WebSocket } from 'ws'
import { certificateAuthority } from '../../../test/support/certificates.ts'
import { accepting, listening, openWs } from '../../../test/support/web-sockets.ts'
import { mostFrameBytes, type Route } from '../frame.ts'
import { heardBy, routeContract } from '../route.contract.ts'
import { dialPageSocket } from '../web-socket.ts'
import { dialWebSocket } from './index.ts'

const never = new AbortController().signal

routeContract(test, 'ws', openWs())
routeContract(
  test,
  'ws over a slow network',
  openWs({ faults: { delayMs: 3, jitterMs: 6, bytesPerSecond: 40_000_000 } }),
)

routeContract(test, 'a page’s WebSocket', async (onRoute) => {
  const at = await accepting({ onRoute })
  const dial = dialPageSocket(`http://127.0.0.1:${at.port}/`, {
    connect: (address, protocol) => new WebSocket(address, [protocol]),
  })
  return { dial, [Symbol.asyncDispose]: at[Symbol.asyncDispose] }
})

test('a page does not learn why there is no route', async (t) => {
  const connect = (address: string, protocol: string) => new WebSocket(address, [protocol])
  const dial = dialPageSocket('ws://127.0.0.1:9', { connect })
  await t.throwsAsync(dial('control', never), { code: 'LINK_UNREACHABLE' })
})

test('a route that cannot be made is refused with a reason for people', async (t) => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/teapot' ? 418 : 200
    response.end()
  })
  const port = await listening(server)
  const dial = (address: string, timeoutMs = 5000) => dialWebSocket(address, { timeoutMs })('control', never)
  const status = await t.throwsAsync(dial(`ws://127.0.0.1:${port}/teapot`), { code: 'LINK_UNREACHABLE' })
  t.regex(status?.message ?? '', /status 418/)
  server.on('upgrade', () => {})
  const late = await t.throwsAsync(dial(`ws://127.0.0.1:${port}`, 30), { code: 'LINK_UNREACHABLE' })
  t.regex(late?.message ?? '', /30 ms/)
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  const closed = await t.throwsAsync(dial(`ws://127.0.0.1:${port}`), { code: 'LINK_UNREACHABLE' })
  t.regex(closed?.message ?? '', /nothing listens there \(ECONNREFUSED\)/)
  const unknown = await t.throwsAsync(dial('ws://no-such-host.invalid'), { code: 'LINK_UNREACHABLE' })
  t.regex(unknown?.message ?? '', /host/)
})

test('an address that is none, or that carries a secret, is refused at once, without the secret', (t) => {
  for (const address of [
    'nonsense',
    'ftp://host',
    'ws://u:secret@host',
    'ws://host/link?token=secret',
    'ws://host/#secret',
  ]) {
    const refused = t.throws(() => dialWebSocket(address), { code: 'LINK_ADDRESS' })
    if (address.includes('@')) t.notRegex(refused?.message ?? '', /secret/)
  }
})

/** The whole answer to a request of plain text. */
async function answerTo(port: number, lines: readonly string[], body = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (part) => {
    answer += part
    if (answer.startsWith('HTTP/1.1 101')) socket.destroy()
  })
  socket.write([...lines, `Host: 127.0.0.1:${port}`, '', body].join('\r\n'))
  await once(socket, 'close')
  return answer
}

const upgrade = (path: string, ...more: readonly string[]) => [
  `GET ${path} HTTP/1.1`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
  ...more,
]
const protocol = 'Sec-WebSocket-Protocol: other, flame-link.1'

test('a request that no node makes is refused, and other requests are left to others', async (t) => {
  await using at = await accepting({ onRoute: (route) => route.close() })
  const { port, server } = at
  t.regex(await answerTo(port, upgrade('/link')), /^HTTP\/1.1 400 /)
  t.regex(await answerTo(port, upgrade('/link', protocol, 'Origin: https://elsewhere.example')), /^HTTP\/1.1 403 /)
  t.regex(await answerTo(port, upgrade('/link?a=b', protocol)), /^HTTP\/1.1 101 .*flame-link\.1/s)
  t.regex(await answerTo(port, upgrade('/link', protocol, `Origin: http://127.0.0.1:${port}`)), /^HTTP\/1.1 101 /)
  t.regex(await answerTo(port, upgrade('/elsewhere')), /^HTTP\/1.1 200 .*plain$/s)
  t.regex(await answerTo(port, ['GET / HTTP/1.1', 'Connection: Upgrade', 'Upgrade: h2c']), /^HTTP\/1.1 200 .*plain$/s)
  const withBody = ['POST / HTTP/1.1', 'Connection: Upgrade', 'Upgrade: h2c', 'Content-Length: 4']
  t.regex(await answerTo(port, withBody, 'body'), /^HTTP\/1.1 400 /)
  server.on('upgrade', ({ url }, socket) => {
    if (url === '/elsewhere') socket.end('HTTP/1.1 204 No Content\r\n\r\n')
  })
  t.regex(await answerTo(port, upgrade('/elsewhere')), /^HTTP\/1.1 204 /)
})

test('routes are bounded, and so are routes on which nothing was sent', async (t) => {
  const routes: Route[] = []
  await using at = await accepting({ onRoute: (route) => routes.push(route), mostRoutes: 3, mostUnopened: 2 })
  const dial = () => dialWebSocket(`ws://127.0.0.1:${at.port}`)('control', never)
  const first = heardBy(await dial())
  const [second] = [await dial(), await dial()]
  t.regex(String(await first.lost), /1006/)
  t.is(at.accepted.count, 2)
  second.send(Uint8Array.of(1))
  const [, opened] = routes
  if (!opened) return t.fail()
  await heardBy(opened).until(1)
  await dial()
  await t.throwsAsync(dial(), { code: 'LINK_UNREACHABLE', message: /status 503/ })
  t.is(at.accepted.count, 3)
})

test('a frame that is too large, or is a text, loses the route with the reason', async (t) => {
  const causes: Promise<Error | undefined>[] = []
  await using at = await accepting({ onRoute: (route) => causes.push(heardBy(route).lost) })
  const dialled = await dialWebSocket(`ws://127.0.0.1:${at.port}`)('control', never)
  const heard = heardBy(dialled)
  dialled.send(new Uint8Array(mostFrameBytes + 1))
  t.regex(String(await heard.lost), /1009/)
  t.like(await causes[0], { code: 'LINK_ROUTE' })
  const raw = new WebSocket(`ws://127.0.0.1:${at.port}/link`, ['flame-link.1'])
  await once(raw, 'open')
  raw.send('a text')
  const [code] = await once(raw, 'close')
  t.is(code, 4000)
  t.regex(String(await causes[1]), /a text came/)
})

test('a server that goes away tells its routes, and accepts no more', async (t) => {
  await using at = await accepting({ onRoute() {} })
  const dialled = await dialWebSocket(`ws://127.0.0.1:${at.port}`)('control', never)
  const heard = heardBy(dialled)
  at.accepted.close()
  t.is(await heard.lost, undefined)
  await t.throwsAsync(dialWebSocket(`ws://127.0.0.1:${at.port}`)('control', never), { message: /status 200/ })
})

test('a route over TLS needs a certificate of a known authority for the name, and may show its own', async (t) => {
  const ca = await certificateAuthority('authority of the tests')
  const [own, client] = [await ca.server(), await ca.client('device')]
  const at = (cert: { readonly cert: string; readonly key: string }) =>
    accepting(
      { onRoute: (route) => route.listen({ heard: (frame) => route.send(frame), lost() {} }) },
      createSecureServer({ ...cert, ca: ca.cert, requestCert: true }),
    )
  await using server = await at(own)
  await using misnamed = await at(await ca.server('elsewhere.example'))
  const dial = (port: number, trust?: string) =>
    dialWebSocket(`wss://localhost:${port}`, { ...(trust !== undefined && { ca: trust }), ...client })('control', never)
  const route = await dial(server.port, ca.cert)
  const heard = heardBy(route)
  route.send(Uint8Array.of(1, 2, 3))
  await heard.until(1)
  t.deepEqual(heard.frames, [Uint8Array.of(1, 2, 3)])
  route.close()
  const unknown = await t.throwsAsync(dial(server.port), { code: 'LINK_CERTIFICATE' })
  t.regex(unknown?.message ?? '', /certificate/)
  await t.throwsAsync(dial(misnamed.port, ca.cert), { code: 'LINK_CERTIFICATE' })
  await using plain = await accepting({ onRoute: (route) => route.close() })
  await t.throwsAsync(dial(plain.port, ca.cert), { code: 'LINK_UNREACHABLE' })
})
