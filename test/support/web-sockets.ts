import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { OpenTransport } from '../../runtime/link/route.contract.ts'
import {
  acceptWebSockets,
  dialWebSocket,
  type WebSocketAcceptOptions,
  type WebSocketDialOptions,
} from '../../runtime/link/ws/index.ts'
import { type Faults, faultProxy } from '../../runtime/node/faults/index.ts'
import { certificateAuthority } from './certificates.ts'

/** Listens on loopback. Port 0: a free one. */
export async function listening(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new TypeError('the server listens on no port')
  return address.port
}

/** A server that accepts routes over WebSocket. */
export async function accepting(
  options: WebSocketAcceptOptions,
  server: Server = createServer((_, response) => response.end('plain')),
) {
  const port = await listening(server)
  const accepted = acceptWebSockets(server, options)
  const close = async () => {
    accepted.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { server, port, accepted, [Symbol.asyncDispose]: close }
}

interface OpenWsOptions extends Pick<WebSocketDialOptions, 'isRelayed'> {
  /** Of a network between the two ends. */
  readonly faults?: Faults
  /** Whether the server serves TLS alone. */
  readonly isSecure?: boolean
}

/** Routes over WebSocket. */
export function openWs({ faults, isSecure = false, isRelayed = false }: OpenWsOptions = {}): OpenTransport {
  return async (onRoute) => {
    const authority = isSecure ? await certificateAuthority('authority of the tests') : undefined
    const server = authority ? createSecureServer(await authority.server()) : createServer()
    const at = await accepting({ onRoute }, server)
    const proxy = faults && (await faultProxy({ target: { port: at.port }, faults }))
    const host = `localhost:${proxy?.port ?? at.port}`
    return {
      dial: authority
        ? dialWebSocket(`wss://${host}`, { ca: authority.cert, isRelayed })
        : dialWebSocket(`ws://${host}`, { isRelayed }),
      async [Symbol.asyncDispose]() {
        await proxy?.close()
        await at[Symbol.asyncDispose]()
      },
    }
  }
}
