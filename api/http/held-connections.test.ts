import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { heldConnections } from './held-connections.ts'
import { portOf } from './rest-server.ts'
import { requestTurns } from './turns.ts'

/** A server where two requests begin in a turn, and the callers of its requests in the order in which they were read. */
async function turnsServer() {
  const server = createServer()
  const read: string[] = []
  const connections = heldConnections(server, (caller) => {
    read.push(`end of ${caller}`)
    takeTurn(caller, () => {})
  })
  const takeTurn = requestTurns(connections, 2)
  server.on('request', (request, response: ServerResponse) => {
    const caller = String(request.headers.caller)
    read.push(caller)
    connections.note(request, caller)
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
    connections.note(request, 'a')
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
