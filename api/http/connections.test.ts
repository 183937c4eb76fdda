import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { acceptWebSockets, dialWebSocket } from '../../runtime/link/ws/index.ts'
import { apiStage, bearers } from '../../test/support/api-stage.ts'
import { upUnder } from '../../test/support/flamectl-up.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { requestTurns } from './bounds.ts'
import { boundConnections, heldConnections, noteUpgraded } from './connections.ts'
import { portOf } from './rest-server.ts'

const designs = '/users/u/designs'
const begun = `POST ${designs} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n`

/** A connection, on which this text was sent, and all that comes back until it's closed. */
async function opened(url: string, text = ''): Promise<{ socket: Socket; heard: Promise<string> }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (text !== '') socket.write(text)
  let heard = ''
  socket.setEncoding('utf8').on('data', (part: string) => {
    heard += part
  })
  return { socket, heard: once(socket, 'close').then(() => heard) }
}

const unusual: readonly [string, string, RegExp][] = [
  [
    'to become a WebSocket',
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    /^HTTP\/1\.1 404 /,
  ],
  ['for a tunnel', 'CONNECT example.org:80 HTTP/1.1\r\nHost: localhost\r\n\r\n', /^$/],
  [
    'for another protocol, which can be answered in this one',
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n`,
    /^HTTP\/1\.1 200 [^]*"up"/,
  ],
  [
    'for what nobody knows',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 417 /,
  ],
  ['with slow headers', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n', /^$/],
  ['of which nothing comes', '', /^$/],
]
for (const [title, text, answer] of unusual)
  test(`a request ${title} is answered or cut off, and its connection closed`, async (t) => {
    await using api = await apiStage('memory', { limits: { idleMs: 200 } })
    t.regex(await (await opened(api.url, text)).heard, answer)
    t.deepEqual(api.faults, [])
  })

test('who asks before sending a body is told to send it once it is wanted, and not if it is refused', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of, limits: { idleMs: 200 } })
  const expect = 'Expect: 100-continue\r\n'
  const stranger = await opened(api.url, `${begun}${expect}\r\n`)
  t.regex(await stranger.heard, /^HTTP\/1\.1 401 /)
  const { authorization } = await of.of('u', ['user'])
  const { socket, heard } = await opened(api.url, `${begun}${expect}Authorization: ${authorization}\r\n\r\n`)
  const [told] = await once(socket, 'data')
  t.regex(String(told), /^HTTP\/1\.1 100 /)
  socket.write('{"id":"d"')
  t.regex(await heard, /HTTP\/1\.1 400 /)
})

test('a body that stands still is given up', async (t) => {
  await using api = await apiStage('memory', { limits: { stallMs: 200, idleMs: 60_000 } })
  t.regex(await (await opened(api.url, `${begun}\r\n{`)).heard, /^HTTP\/1\.1 408 [^]*nothing for 0\.2 s/)
})

test('a connection too many ends the one that was idle longest, and none on which something is under way', async (t) => {
  await using api = await apiStage('memory', { limits: { connections: 3, idleMs: 60_000, stallMs: 60_000 } })
  const busy = await opened(api.url, `${begun}\r\n{`)
  const first = await opened(api.url)
  const second = await opened(api.url)
  const asking = await opened(api.url, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.is(await first.heard, '')
  t.regex(String(await once(asking.socket, 'data')), /^HTTP\/1\.1 200 /)
  t.deepEqual([busy.socket.closed, second.socket.closed], [false, false])
  busy.socket.destroy()
})

test('a server that closes waits for callers who send and read, and not for others', async (t) => {
  const api = await apiStage('memory', { limits: { lastMs: 300, stallMs: 60_000 } })
  const stalled = await opened(api.url, `${begun}\r\n{`)
  const slow = await opened(api.url, `${begun}\r\n`)
  const idle = await opened(api.url)
  await api.call('GET', designs)
  const closed = api[Symbol.asyncDispose]()
  await idle.heard
  slow.socket.write('{"id":1} ')
  t.regex(await slow.heard, /^HTTP\/1\.1 422 /)
  t.is(await stalled.heard, '')
  await closed
})

test('a connection that ends before it is declared a route does not keep a closing server waiting', async (t) => {
  const server = createServer()
  const close = boundConnections(server, { connections: 10, idleMs: 60_000, lastMs: 60_000 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const { socket } = await opened(`http://127.0.0.1:${portOf(server)}`)
  const [ended]: Socket[] = await accepted
  socket.destroy()
  ended?.resume()
  if (!ended?.closed) await once(ended ?? socket, 'close')
  if (ended) noteUpgraded(ended)
  server.close()
  await close()
  t.pass()
})

test('a process that may open few files keeps some of them free, and serves on', async (t) => {
  await using folder = await temporaryFolder()
  await using up = await upUnder({ mostFiles: 256 }, folder.path, '--log-level', 'silent')
  const sockets = await Promise.all(Array.from({ length: 600 }, () => opened(up.url)))
  t.is((await fetch(`${up.url}/readyz`)).status, 200)
  t.is((await up.command('create', 'design', 'd')).status, 0)
  for (const { socket } of sockets) socket.destroy()
})

/** A server where two requests begin in a turn, and the callers of its requests in the order in which they were read. */
async function turnsServer() {
  const server = createServer()
  // Idle connections stay, however slow the machine is.
  server.keepAliveTimeout = 0
  const read: string[] = []
  const connections = heldConnections(server, (caller) => {
    read.push(`end of ${caller}`)
    takeTurn(caller, () => {})
  })
  const takeTurn = requestTurns(connections, 2)
  server.on('request', (request, response: ServerResponse) => {
    const caller = String(request.headers.caller)
    read.push(caller)
    connections.note(request, response, caller)
    takeTurn(caller, () => response.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, read }
}

const ask = (socket: Socket, caller: string) =>
  socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nCaller: ${caller}\r\n\r\n`)

test('the requests of one caller on many connections are read a few in a turn, and another caller is read among the first', async (t) => {
  const { server, read } = await turnsServer()
  const open = async (caller: string) => {
    const socket = connect(portOf(server), '127.0.0.1')
    ask(socket, caller)
    await once(socket, 'data')
    return socket
  }
  const flood: Socket[] = []
  for (let n = 0; n < 60; n++) flood.push(await open('flood'))
  const other = await open('other')
  read.length = 0

  const answered = [...flood, other].map((socket) => once(socket, 'data'))
  for (const socket of flood) ask(socket, 'flood')
  ask(other, 'other')
  await Promise.all(answered)
  t.is(read.length, 61)
  t.true(read.indexOf('other') < 20, `it was read as number ${read.indexOf('other')}`)

  read.length = 0
  for (const socket of flood) socket.destroy()
  const again = once(other, 'data')
  ask(other, 'other')
  await again
  t.true(read.indexOf('other') < 20, `it was read after ${read.indexOf('other')} ends`)
  other.destroy()
  server.close()
})

test('a connection that is opened while others are held is read in a later turn, and one that is closed is forgotten', async (t) => {
  const server = createServer()
  const connections = heldConnections(server, () => {})
  server.on('request', (request, response) => {
    connections.note(request, response, 'a')
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const first = connect(portOf(server), '127.0.0.1')
  const [atServer]: Socket[] = await once(server, 'connection')
  connections.hold()
  const second = connect(portOf(server), '127.0.0.1')
  const [secondAtServer]: Socket[] = await once(server, 'connection')
  t.deepEqual([atServer?.isPaused(), secondAtServer?.isPaused()], [true, true])
  t.true(connections.release(1))
  t.deepEqual([atServer?.isPaused(), secondAtServer?.isPaused()], [false, true])
  secondAtServer?.destroy()
  if (secondAtServer) await once(secondAtServer, 'close')
  t.false(connections.release(1))
  const answered = once(first, 'data')
  ask(first, 'a')
  await answered
  first.destroy()
  second.destroy()
  server.close()
})

test('a connection that is held again before it was read keeps its place, and one that awaits an answer lets others go first', async (t) => {
  const server = createServer()
  const connections = heldConnections(server, () => {})
  const unanswered: ServerResponse[] = []
  server.on('request', (request, response) => {
    connections.note(request, response, 'a')
    unanswered.push(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clients: Socket[] = []
  const sockets: Socket[] = []
  for (let n = 0; n < 3; n++) {
    const accepted = once(server, 'connection')
    const client = connect(portOf(server), '127.0.0.1')
    clients.push(client)
    const asked = once(server, 'request')
    ask(client, 'a')
    const [socket]: Socket[] = await accepted
    if (socket) sockets.push(socket)
    await asked
    unanswered.pop()?.end()
    await once(client, 'data')
  }
  const read = () => sockets.map((socket) => !socket.isPaused())
  connections.hold()
  connections.release(1)
  t.deepEqual(read(), [true, false, false])
  connections.hold()
  connections.release(1)
  t.deepEqual(read(), [true, false, false], 'the first was not read, and is the next again')

  const [first] = clients
  const asked = once(server, 'request')
  if (first) ask(first, 'a')
  await asked
  connections.hold()
  t.deepEqual(read(), [false, false, false])
  connections.release(1)
  connections.hold()
  connections.release(2)
  t.deepEqual(read(), [false, true, true])
  connections.hold()
  unanswered.pop()?.end()
  t.true(connections.release(2))
  t.deepEqual(read(), [false, true, true], 'the others wait longer')
  t.false(connections.release(1))
  t.deepEqual(read(), [true, true, true])
  for (const client of clients) client.destroy()
  server.close()
})

test("a connection that has become a link's route stays, idle or not, and no server that closes waits for it", async (t) => {
  const server = createServer((_, response) => response.end())
  const close = boundConnections(server, { connections: 10, idleMs: 1000, lastMs: 60_000 })
  const held = heldConnections(server, () => {})
  server.on('upgrade', ({ socket }: IncomingMessage) => {
    noteUpgraded(socket)
    socket.once('end', () => socket.end())
    socket.resume().write('route')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${portOf(server)}`
  const route = await opened(url, 'GET /link HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  t.is(String((await once(route.socket, 'data'))[0]), 'route')
  held.hold()
  const idle = await opened(url)
  await idle.heard
  t.false(route.socket.destroyed)
  await close()
  t.false(route.socket.destroyed)
  route.socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test("a connection that is held while its caller is being admitted is read once it is a link's route", async (t) => {
  const server = createServer()
  const held = heldConnections(server, () => {})
  const heard: unknown[] = []
  const sockets = acceptWebSockets(server, {
    async admits(request) {
      held.hold()
      await new Promise((resolve) => setTimeout(resolve, 20))
      noteUpgraded(request.socket)
      return true
    },
    onRoute: (route) => route.listen({ heard: (frame) => heard.push(...frame), lost() {} }),
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dial = dialWebSocket(`ws://127.0.0.1:${portOf(server)}/link`)
  for (const number of [1, 2]) {
    const route = await dial('control', new AbortController().signal)
    route.send(Uint8Array.of(number))
    while (heard.length < number) await new Promise((resolve) => setTimeout(resolve, 5))
    route.close()
  }
  t.deepEqual(heard, [1, 2])
  sockets.close()
  await new Promise((resolve) => server.close(resolve))
})
