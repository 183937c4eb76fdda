import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Intake } from './turns.ts'

export interface HeldConnections extends Intake {
  /** Notes the caller whose requests come on a connection. */
  note(request: IncomingMessage, caller: string): void
}

const stranger = 'unknown'

/**
 * Stops reading the connections of a server while more requests have come than may begin, and goes on with some connections in
 * each turn of the event loop. Otherwise all requests that have come are parsed in one turn, before the next request of any
 * other caller is read. Callers alternate, so that the one connection of a caller waits for a turn, however many another has.
 * `left` hears of each connection that its caller ends: what is under way on the connection is given up then, which takes as
 * long as a request.
 */
export function heldConnections(server: Server, left: (caller: string) => void): HeldConnections {
  const callers = new Map<Socket, string>()
  /** The held connections by caller; the caller whose turn is next comes first. */
  const held = new Map<string, Set<Socket>>()

  server.on('connection', (socket: Socket) => {
    callers.set(socket, stranger)
    const leave = () => left(callers.get(socket) ?? stranger)
    socket.once('end', leave)
    socket.once('error', leave)
    socket.once('close', () => {
      letGo(socket)
      callers.delete(socket)
    })
    if (held.size > 0) holdOne(socket, stranger)
  })

  function holdOne(socket: Socket, caller: string): void {
    if (socket.isPaused()) return
    socket.pause()
    const others = held.get(caller)
    if (others) others.add(socket)
    else held.set(caller, new Set([socket]))
  }

  function letGo(socket: Socket): void {
    const caller = callers.get(socket) ?? stranger
    const others = held.get(caller)
    others?.delete(socket)
    if (others?.size === 0) held.delete(caller)
  }

  return {
    note({ socket }, caller) {
      if (callers.get(socket) === caller || !callers.has(socket)) return
      const isHeld = held.get(callers.get(socket) ?? stranger)?.has(socket) === true
      letGo(socket)
      callers.set(socket, caller)
      if (isHeld) socket.resume()
    },
    hold() {
      for (const [socket, caller] of callers) holdOne(socket, caller)
    },
    release(count) {
      let room = count
      for (const [caller, sockets] of held) {
        if (room === 0) break
        room -= 1
        held.delete(caller)
        const [socket] = sockets
        if (!socket) continue
        sockets.delete(socket)
        // Put back at the end, where this loop comes to it again after the others.
        if (sockets.size > 0) held.set(caller, sockets)
        socket.resume()
      }
      return held.size > 0
    },
  }
}
