import { Arrivals } from './arrivals.ts'
import { linkError } from './errors.ts'
import type { DialRoute, Route, RouteListener } from './frame.ts'

/** The parts of the standard WebSocket interface that a route uses. Sockets of pages and of the package ws have them. */
export interface FrameSocket {
  binaryType: string
  readonly readyState: number
  readonly protocol: string
  readonly bufferedAmount: number
  send(frame: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open' | 'error', listener: (event: object) => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void
}

/** Both ends of a WebSocket agree on this protocol, so that no other server takes a node's frames for its own. */
export const linkProtocol = 'flame-link.1'

/** The standard's number of an open socket. */
const open = 1
const normalClosure = 1000
/** A number for own use. Pages may send no other but 1000. */
const faulted = 4000
/** Numbers of closures without a fault: normal, or the other end goes away. */
const orderly: readonly number[] = [normalClosure, 1001]

/** A route over a WebSocket, one binary message for each frame. The socket may still be connecting, but sends nothing then. */
export function webSocketRoute(socket: FrameSocket, { isRelayed = false } = {}): Route {
  return new WebSocketRoute(socket, isRelayed)
}

/** A class, since an object with closures and a getter would take a thousand bytes more of each idle link. */
class WebSocketRoute implements Route {
  readonly isRelayed: boolean
  readonly #socket: FrameSocket
  readonly #arrivals: Arrivals
  #fault: string | undefined

  constructor(socket: FrameSocket, isRelayed: boolean) {
    this.#socket = socket
    this.isRelayed = isRelayed
    this.#arrivals = new Arrivals(() => socket.close(faulted))
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) this.#arrivals.heard(new Uint8Array(data))
      else this.#arrivals.fail(linkError('LINK_ROUTE', { found: 'a text came instead of a frame' }))
    })
    // A socket of ws without a listener for its errors ends the process. A closure follows each error.
    socket.addEventListener('error', (event) => {
      this.#fault = messageOf(event)
    })
    socket.addEventListener('close', ({ code, reason }) => this.#closed(code, reason))
  }

  get queuedBytes(): number {
    return this.#socket.bufferedAmount
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#arrivals.isOver && this.#socket.readyState === open) this.#socket.send(frame)
  }

  listen(listener: RouteListener): void {
    this.#arrivals.listen(listener)
  }

  close(): void {
    this.#arrivals.close()
    this.#socket.close(normalClosure)
  }

  #closed(code: number, reason: string): void {
    if (orderly.includes(code)) return this.#arrivals.lose()
    const closure = `the WebSocket was closed with ${code}${reason && ` (${reason})`}`
    this.#arrivals.lose(
      linkError('LINK_ROUTE', { found: this.#fault === undefined ? closure : `${closure}: ${this.#fault}` }),
    )
  }
}

export interface PageDialOptions {
  /** Time within which the server must accept. Default: 10,000. */
  readonly timeoutMs?: number
  /** Begins to connect. Default: the page's own WebSocket. */
  readonly connect?: (address: string, protocol: string) => FrameSocket
}

/**
 * Dials a server from a page, by the page's own WebSocket. A page doesn't learn why a connection fails. An address
 * without a path leads to /link. @throws LINK_ADDRESS; the dialling rejects with LINK_UNREACHABLE.
 */
export function dialPageSocket(url: string | URL, options: PageDialOptions = {}): DialRoute {
  const { timeoutMs = 10_000, connect = (to, protocol) => new WebSocket(to, [protocol]) } = options
  const address = linkAddress(url).href
  return (_lane, signal) =>
    openedRoute(connect(address, linkProtocol), {
      signal,
      timeoutMs,
      unreachable: () => linkError('LINK_UNREACHABLE', { address, found: 'the browser does not tell why' }),
      late: () => unanswered(address, timeoutMs),
    })
}

/** The address of a node's WebSocket. http and https stand for ws and wss. @throws LINK_ADDRESS */
export function linkAddress(url: string | URL): URL {
  const refused = (found: string) => linkError('LINK_ADDRESS', { address: String(url).replace(/\/\/.*@/, '//'), found })
  if (!URL.canParse(String(url))) throw refused('it cannot be read')
  const address = new URL(url)
  address.protocol = address.protocol.replace(/^http/, 'ws')
  if (!['ws:', 'wss:'].includes(address.protocol)) throw refused('it begins with neither ws:// nor wss://')
  if (address.username || address.password) throw refused('it contains a user or a password')
  if (address.search || address.hash) throw refused('it has a query or a fragment')
  if (address.pathname === '/') address.pathname = '/link'
  return address
}

interface Opening {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly isRelayed?: boolean
  /** The error of a socket that can't be opened, with the fault that the socket told. */
  readonly unreachable: (fault: unknown) => Error
  readonly late: () => Error
}

/** Waits until a socket is open. Frames that come with the opening aren't lost. */
export function openedRoute(
  socket: FrameSocket,
  { signal, timeoutMs, isRelayed = false, unreachable, late }: Opening,
): Promise<Route> {
  const route = webSocketRoute(socket, { isRelayed })
  return new Promise((resolve, reject) => {
    let fault: unknown
    const aborted = () => giveUp(signal.reason)
    const timer = setTimeout(() => giveUp(late()), timeoutMs)
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted, { once: true })
    socket.addEventListener('error', (event) => {
      fault = 'error' in event ? event.error : undefined
    })
    socket.addEventListener('close', () => giveUp(unreachable(fault)))
    socket.addEventListener('open', () => {
      if (socket.protocol !== linkProtocol) return giveUp(unreachable(new Error('another kind of server answers')))
      settled()
      resolve(route)
    })

    function settled(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
    }

    function giveUp(cause: unknown): void {
      settled()
      route.close()
      reject(cause)
    }
  })
}

export function unanswered(address: string, timeoutMs: number): Error {
  return linkError('LINK_UNREACHABLE', { address, found: `no answer within ${timeoutMs} ms` })
}

/** Events of ws tell the error's message, events of a page don't. */
function messageOf(event: object): string | undefined {
  return 'message' in event && typeof event.message === 'string' ? event.message : undefined
}
