import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as SecureServer } from 'node:tls'
import type { Intake } from './bounds.ts'

export interface ConnectionLimits {
  /** Connections at once. */
  readonly connections: number
  /** How long a connection may be open on which no request is under way, its headers still coming among them. */
  readonly idleMs: number
  /** How long a server that closes waits for callers who don't send or read to the end. */
  readonly lastMs: number
}

/** Sockets that are closed, or to be refused, count for a moment longer. */
const spare = 32
/** Emitted by a connection that has become a link's route, which lasts, and on which no requests come. */
const upgraded = 'upgraded'

/** Declares a connection to be a link's route from now on. It still counts among the connections. */
export function noteUpgraded(socket: Socket): void {
  socket.emit(upgraded)
}

/** The event with each connection of a server, as its requests have the connection. */
function connectionEvent(server: Server): 'connection' | 'secureConnection' {
  return server instanceof SecureServer ? 'secureConnection' : 'connection'
}

/** A connection on which nothing goes out or comes in for so long is closed; waiting requests are answered far earlier. */
const stalledMs = 120_000

/** Time for which callers are told that an idle connection stays open. Most callers close theirs a little earlier. */
const toldIdleMs = 5_000

/**
 * Bounds the connections of a server: each connection ends, whatever its caller does. A connection above the limit ends the
 * connection that has been idle longest, or itself if none is idle. Returns a function that closes all connections but links'
 * routes: idle ones at once, others once they are answered, and after `lastMs` those whose callers don't send or read to the
 * end. Its promise resolves when no request is under way any more.
 */
export function boundConnections(
  server: Server,
  { connections: most, idleMs, lastMs }: ConnectionLimits,
): () => Promise<void> {
  const underWay = new Map<Socket, Set<Exchanged>>()
  /** Since when they are idle, the longest first. */
  const idle = new Map<Socket, number>()
  const routes = new Set<Socket>()
  let closedAt: number | undefined
  let answered: (() => void) | undefined

  server.maxConnections = most + spare
  server.timeout = stalledMs
  // Node would end connections whose requests have come, and wait to be read. Idle ones are ended below.
  server.keepAliveTimeout = 0
  const keepAlive = `timeout=${Math.max(1, Math.floor(Math.min(idleMs, toldIdleMs) / 1000))}`
  server.on(connectionEvent(server), (socket: Socket) => {
    if (underWay.size >= most) {
      const [longest = socket] = idle.keys()
      longest.destroy()
      if (longest === socket) return
      forget(longest)
    }
    underWay.set(socket, new Set())
    idle.set(socket, performance.now())
    socket.once(upgraded, () => {
      // While the caller was being admitted, the connection may have ended.
      if (!underWay.has(socket)) return
      idle.delete(socket)
      routes.add(socket)
    })
    socket.once('close', () => forget(socket))
  })
  for (const event of ['request', 'checkContinue'])
    server.prependListener(event, (request: IncomingMessage, response: ServerResponse) => {
      const exchanged = { request, response }
      underWay.get(request.socket)?.add(exchanged)
      idle.delete(request.socket)
      response.setHeader('Keep-Alive', keepAlive)
      response.once('close', () => ended(request.socket, exchanged))
    })
  const sweep = setInterval(closeStale, Math.min(1000, idleMs, lastMs)).unref()
  server.once('close', () => clearInterval(sweep))
  return () => {
    closedAt ??= performance.now()
    for (const socket of idle.keys()) socket.destroy()
    return new Promise((resolve) => {
      answered = resolve
      noteAnswered()
    })
  }

  function forget(socket: Socket): void {
    underWay.delete(socket)
    idle.delete(socket)
    routes.delete(socket)
    noteAnswered()
  }

  /** Resolves the promise of the end once each connection that is left is a route. */
  function noteAnswered(): void {
    if (answered && underWay.size === routes.size) answered()
  }

  function ended(socket: Socket, exchanged: Exchanged): void {
    const left = underWay.get(socket)
    left?.delete(exchanged)
    if (left?.size !== 0) return
    if (closedAt === undefined) idle.set(socket, performance.now())
    else socket.destroy()
  }

  function closeStale(): void {
    const now = performance.now()
    const unread: Socket[] = []
    for (const [socket, since] of idle) {
      // A connection that isn't read may have a request, and isn't idle.
      if (socket.isPaused()) unread.push(socket)
      else if (now - since >= idleMs) socket.destroy()
    }
    for (const socket of unread) {
      idle.delete(socket)
      idle.set(socket, now)
    }
    if (closedAt === undefined || now - closedAt < lastMs) return
    for (const [socket, exchanges] of underWay)
      if (!routes.has(socket) && [...exchanges].every(waitsForCaller)) socket.destroy()
  }
}

interface Exchanged {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Whether it's for the caller to go on: to send the rest of the body, or to read the answer. */
function waitsForCaller({ request, response }: Exchanged): boolean {
  return !request.complete || response.headersSent
}

/** As many connections, or fewer: a part of the files that this process may have open at once stays free for the rest. */
export function possibleConnections(wanted: number): number {
  const report: unknown = process.report.getReport()
  const files: unknown = Object(Object(Object(report).userLimits).open_files).soft
  return typeof files === 'number' ? Math.min(wanted, Math.floor(files * 0.8) - spare) : wanted
}

interface HeldConnections extends Intake {
  /** Notes a request, and the caller whose requests come on its connection. */
  note(request: IncomingMessage, response: ServerResponse, caller: string): void
}

/** A connection's caller, and the last request that has come on the connection. */
interface Caller {
  readonly name: string
  readonly last?: Exchanged
}

const stranger: Caller = { name: 'unknown' }

/**
 * Stops reading the connections of a server while more requests have come than may begin, and goes on with some connections in
 * each turn of the event loop. Otherwise all requests that have come are parsed in one turn, before the next request of any
 * other caller is read. Callers alternate, so that the one connection of a caller waits for a turn, however many another has.
 * Among a caller's connections, the one that has waited longest comes first: a connection that is held again before it was read
 * keeps its place, and one that waits for an answer, and so has nothing to say, lets the others go first.
 * `left` hears of each connection that its caller ends: the request on the connection is given up then, which takes as long as
 * a request.
 */
export function heldConnections(server: Server, left: (caller: string) => void): HeldConnections {
  const callers = new Map<Socket, Caller>()
  /** The held connections by caller; the caller whose turn is next comes first, and so does the connection. */
  const held = new Map<string, Set<Socket>>()
  /** The connections that were released last, and on which no request has come since. */
  const unread = new Set<Socket>()
  let hasAccepted = false

  server.on(connectionEvent(server), (socket: Socket) => {
    hasAccepted = true
    callers.set(socket, stranger)
    const leave = () => left(callerOf(socket))
    socket.once('end', leave)
    socket.once('error', leave)
    const done = () => {
      letGo(socket)
      callers.delete(socket)
      unread.delete(socket)
    }
    socket.once(upgraded, () => {
      socket.off('end', leave)
      socket.off('error', leave)
      const isHeld = held.get(callerOf(socket))?.has(socket) === true
      done()
      // Its bytes flow once this turn has ended: by then the route listens.
      if (isHeld) socket.resume()
    })
    socket.once('close', done)
    if (held.size > 0) holdOne(socket, stranger.name)
  })

  function callerOf(socket: Socket): string {
    return (callers.get(socket) ?? stranger).name
  }

  /** Whether the last request on a connection has come whole, and isn't answered. */
  function awaitsAnswer(socket: Socket): boolean {
    const last = callers.get(socket)?.last
    return last?.request.complete === true && !last.response.writableEnded
  }

  function holdOne(socket: Socket, caller: string): void {
    if (socket.isPaused()) return
    socket.pause()
    const others = held.get(caller)
    if (others) others.add(socket)
    else held.set(caller, new Set([socket]))
  }

  /** Holds the connections again that had their turn and weren't read in it, before those that wait behind them. */
  function holdUnread(): void {
    const first = new Map<string, Socket[]>()
    for (const socket of unread) {
      if (socket.isPaused() || awaitsAnswer(socket)) continue
      socket.pause()
      const caller = callerOf(socket)
      const others = first.get(caller)
      if (others) others.push(socket)
      else first.set(caller, [socket])
    }
    unread.clear()
    for (const [caller, sockets] of first) held.set(caller, new Set([...sockets, ...(held.get(caller) ?? [])]))
  }

  function nextOf(sockets: Iterator<Socket>, isAwaiting: boolean): Socket | undefined {
    for (let each = sockets.next(); !each.done; each = sockets.next())
      if (awaitsAnswer(each.value) === isAwaiting) return each.value
    return undefined
  }

  function letGo(socket: Socket): void {
    const caller = callerOf(socket)
    const others = held.get(caller)
    others?.delete(socket)
    if (others?.size === 0) held.delete(caller)
  }

  return {
    note(request, response, name) {
      const { socket } = request
      const before = callers.get(socket)
      if (!before) return
      unread.delete(socket)
      const isHeld = before.name !== name && held.get(before.name)?.has(socket) === true
      if (isHeld) letGo(socket)
      callers.set(socket, { name, last: { request, response } })
      if (isHeld) socket.resume()
    },
    hold() {
      holdUnread()
      for (const [socket, { name }] of callers) holdOne(socket, name)
    },
    release(count) {
      unread.clear()
      let room = count
      // First those with something to say. A look goes no further than needed, since each turn has one.
      for (const isAwaiting of [false, true]) {
        const looks = new Map([...held].map(([caller, sockets]) => [caller, sockets.values()]))
        for (const [caller, look] of looks) {
          if (room === 0) break
          looks.delete(caller)
          const socket = nextOf(look, isAwaiting)
          if (!socket) continue
          room -= 1
          // Put back at the end, where this loop comes to it again after the others.
          looks.set(caller, look)
          const others = held.get(caller)
          letGo(socket)
          held.delete(caller)
          if (others && others.size > 0) held.set(caller, others)
          unread.add(socket)
          socket.resume()
        }
      }
      return held.size > 0
    },
    hasAccepted() {
      const found = hasAccepted
      hasAccepted = false
      return found
    },
  }
}
