import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { apiError } from '../errors.ts'
import { problemOf } from './problem.ts'

/** Time for a connection to become one by TLS. */
const handshakeMs = 10_000
const oldestTls = 'TLSv1.2'
/** First byte of a connection that begins TLS: a record of the handshake. */
const handshakeRecord = 0x16

/**
 * A server for https that isn't listening yet. A request without TLS is answered 426 with API_TLS, since a connection
 * that merely ends would not tell its caller why.
 */
export function tlsServer(options: TlsOptions): Server {
  const server = createServer({ ...options, minVersion: oldestTls, handshakeTimeout: handshakeMs })
  const begin = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const end = () => socket.destroy()
    const timer = setTimeout(end, handshakeMs)
    socket.once('error', end).once('close', () => clearTimeout(timer))
    socket.once('readable', () => {
      const first = socket.read()
      clearTimeout(timer)
      if (!(first instanceof Buffer)) return end()
      if (first[0] !== handshakeRecord) return refuse(socket)
      socket.off('error', end)
      socket.unshift(first)
      for (const listener of begin) listener.call(server, socket)
    })
  })
  return server
}

/** Answers as existing clients read it, too: the problem document has the message as its detail. */
function refuse(socket: Socket): void {
  const { status, ...problem } = problemOf(apiError('API_TLS', {}))
  const body = JSON.stringify({ ...problem, status })
  const lines = [
    `HTTP/1.1 ${status} Upgrade Required`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Upgrade: TLS/1.2, HTTP/1.1',
    'Connection: close',
  ]
  // Bytes that nobody reads would have the connection reset before its end has read the answer.
  socket.resume().setTimeout(handshakeMs, () => socket.destroy())
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}
