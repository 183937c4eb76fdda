import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Watches for connections on which nothing was asked yet, such as browsers and fetch open beforehand: a closing server would
 * wait for them, since Node doesn't count them as idle. Answers with what closes them.
 */
export function silentConnections(server: Server): () => void {
  const silent = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket))
  return () => {
    for (const socket of silent) socket.destroy()
  }
}
