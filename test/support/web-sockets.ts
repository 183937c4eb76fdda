import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { OpenTransport } from '../../runtime/link/route.contract.ts'
import { acceptWebSockets, dialWebSocket, type WebSocketAcceptOptions } from '../../runtime/link/ws/index.ts'
import { type Faults, faultProxy } from '../../runtime/node/faults/index.ts'

/** Listens on a free port of loopback. */
export async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
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

/** Routes over WebSocket, through a network with faults if any are given. */
export function openWs(faults?: Faults): OpenTransport {
  return async (onRoute) => {
    const at = await accepting({ onRoute })
    const proxy = faults && (await faultProxy({ target: { port: at.port }, faults }))
    return {
      dial: dialWebSocket(`ws://127.0.0.1:${proxy?.port ?? at.port}`),
      async [Symbol.asyncDispose]() {
        await proxy?.close()
        await at[Symbol.asyncDispose]()
      },
    }
  }
}
