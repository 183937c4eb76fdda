import { WebSocket } from 'ws'
import { linkError, unreachable } from '../errors.ts'
import { type DialRoute, mostFrameBytes } from '../frame.ts'
import { linkAddress, linkProtocol, openedRoute, unanswered } from '../web-socket.ts'

export interface WebSocketDialOptions {
  /** Certificates of the authorities that a server's certificate may come from, PEM. Default: those that Node knows. */
  readonly ca?: string | readonly string[]
  /** This node's own certificate and private key, PEM, for a server that asks for one. */
  readonly cert?: string
  readonly key?: string
  /** Time within which the server must accept. Default: 10,000. */
  readonly timeoutMs?: number
  /** Whether the server is a hub, which forwards frames to another node. */
  readonly isRelayed?: boolean
}

/** Time that a closed socket waits for the other end to close, too. A half-open connection would wait for ever. */
export const closeWithinMs = 3000
/** Status by which a server of ours asks for TLS. */
const wantsTls = 426
const speaksTls = 'the server speaks TLS: use wss:// or https://'
const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/**
 * Dials a node's server over WebSocket: ws://host:port/link or wss://host/link; http and https stand for ws and wss. An
 * address without a path leads to /link. @throws LINK_ADDRESS; the dialling rejects with LINK_UNREACHABLE, or with
 * LINK_CERTIFICATE if the server's certificate isn't trusted.
 */
export function dialWebSocket(url: string | URL, options: WebSocketDialOptions = {}): DialRoute {
  const { ca, cert, key, timeoutMs = 10_000, isRelayed = false } = options
  const { href: address, protocol, hostname } = linkAddress(url)
  // Masks protect proxies that take a frame for a request. They cost 2 ns a byte, and no proxy reads these connections.
  const isUnmasked = protocol === 'wss:' || loopback.test(hostname)
  const settings = {
    perMessageDeflate: false,
    maxPayload: mostFrameBytes,
    closeTimeout: closeWithinMs,
    ...(isUnmasked && { generateMask: (mask: Buffer) => void mask.fill(0) }),
    ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
  return (_lane, signal) => {
    const socket = new WebSocket(address, [linkProtocol], settings)
    let status: number | undefined
    socket.once('unexpected-response', (_request, { statusCode }) => {
      status = statusCode
      socket.terminate()
    })
    return openedRoute(socket, {
      signal,
      timeoutMs,
      isRelayed,
      unreachable: (fault) =>
        status === undefined
          ? unreachable(address, fault)
          : linkError('LINK_UNREACHABLE', {
              address,
              found: status === wantsTls ? speaksTls : `the server answers with status ${status}`,
            }),
      late: () => unanswered(address, timeoutMs),
    })
  }
}
