import { type IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { mostFrameBytes, type Route } from '../frame.ts'
import { linkProtocol, webSocketRoute } from '../web-socket.ts'
import { closeWithinMs } from './node-dial.ts'

export interface WebSocketAcceptOptions {
  /** Default: /link. */
  readonly path?: string
  /** Takes a route that another node has made. `from` is the address of the node's machine, or of a proxy before it. */
  readonly onRoute: (route: Route, from: string) => void
  /**
   * Whether a request may become a route. Default: unless it comes from a page of another origin, since a browser lets
   * every page connect to every server.
   */
  readonly admits?: (request: IncomingMessage) => boolean | Promise<boolean>
  /** Most routes at once; further ones are refused with status 503. Default: 20,000. */
  readonly mostRoutes?: number
  /** Most routes on which the other node hasn't sent a frame yet; the oldest of more is closed. Default: 1,000. */
  readonly mostUnopened?: number
}

export interface AcceptedWebSockets {
  /** Number of open routes. */
  readonly count: number
  /** Accepts no further routes, and closes all routes. */
  close(): void
}

const goingAway = 1001
/** Time in which the other nodes hear that their routes are closed. */
const farewellMs = 500

/**
 * Accepts routes over WebSocket on a server for HTTP, or HTTPS, at one path. The server's other
 * listeners get other requests to change the protocol. Without other listeners these requests are answered as if they
 * asked for no change.
 */
export function acceptWebSockets(server: Server, options: WebSocketAcceptOptions): AcceptedWebSockets {
  const { path = '/link', onRoute, admits = isOfOwnOrigin, mostRoutes = 20_000, mostUnopened = 1000 } = options
  const settings = { noServer: true, clientTracking: false, perMessageDeflate: false, closeTimeout: closeWithinMs }
  const sockets = new WebSocketServer({
    ...settings,
    maxPayload: mostFrameBytes,
    handleProtocols: () => linkProtocol,
  })
  const routes = new Set<WebSocket>()
  /** The oldest first. */
  const unopened = new Set<WebSocket>()
  server.on('upgrade', upgrade)
  return {
    get count() {
      return routes.size
    },
    close() {
      server.off('upgrade', upgrade)
      for (const socket of routes) socket.close(goingAway)
      // The other end of a route may be blocked, or stopped.
      setTimeout(() => {
        for (const socket of routes) socket.terminate()
      }, farewellMs).unref()
    },
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [asked] = (request.url ?? '').split('?')
    if (asked !== path) {
      if (server.listenerCount('upgrade') === 1) answerPlainly(server, request)
      return
    }
    if (!protocolsOf(request).includes(linkProtocol)) return refuse(socket, 400)
    const admitted = admits(request)
    if (typeof admitted === 'boolean') return admit(admitted, request, socket, head)
    const refused = () => socket.destroy()
    socket.on('error', refused)
    void admitted.then((isAdmitted) => {
      socket.off('error', refused)
      admit(isAdmitted, request, socket, head)
    }, refused)
  }

  function admit(isAdmitted: boolean, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isAdmitted) return refuse(socket, 403)
    if (routes.size >= mostRoutes) return refuse(socket, 503)
    sockets.handleUpgrade(request, socket, head, (accepted) => take(accepted, addressOf(request)))
  }

  function take(socket: WebSocket, from: string): void {
    const route = webSocketRoute(socket)
    routes.add(socket)
    unopened.add(socket)
    socket.once('message', () => unopened.delete(socket))
    socket.on('close', () => {
      routes.delete(socket)
      unopened.delete(socket)
    })
    const [oldest] = unopened
    if (oldest && unopened.size > mostUnopened) {
      unopened.delete(oldest)
      oldest.terminate()
    }
    onRoute(route, from)
  }
}

function protocolsOf({ headers }: IncomingMessage): readonly string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
}

/** Requests of programs have no origin. */
function isOfOwnOrigin({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

function addressOf({ socket: { remoteAddress = '' } }: IncomingMessage): string {
  return remoteAddress.replace(/^::ffff:/, '')
}

function refuse(socket: Duplex, status: number): void {
  socket.on('error', () => socket.destroy())
  const answer = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  socket.end(answer, () => socket.destroy())
}

/** Node gives each request to change the protocol to the listeners for this, and takes its hands off the connection. */
function answerPlainly(server: Server, request: IncomingMessage): void {
  const { socket, headers } = request
  if (Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined)
    return refuse(socket, 400)
  socket.on('error', () => socket.destroy())
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => {
    response.detachSocket(socket)
    socket.end(() => socket.destroy())
    response.emit('close')
  })
  server.emit('request', request, response)
}
