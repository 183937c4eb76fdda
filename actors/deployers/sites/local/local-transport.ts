import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { DialRoute, NodeLink } from '../../../../runtime/index.ts'

// Loaded when they are needed: a run has one of them, and their libraries take a while.
const mqtt = () => import('../../../../runtime/link/mqtt/index.ts')
const webSockets = () => import('../../../../runtime/link/ws/index.ts')

/** The way between the processes of a run: WebSocket, a broker in the parent's process, or the broker at a URL. */
export type LocalTransport = 'ws' | 'mqtt' | { readonly broker: string }

/** Where a process dials its parent. */
export interface DialledAt {
  readonly transport: 'ws' | 'mqtt'
  readonly url: string
  readonly username?: string
  readonly password?: string
}

export interface OpenedTransport {
  /** The address for the process of this name, which proves itself by its token. */
  dialledBy(name: string, token: string): DialledAt
  close(): Promise<void>
}

/** Accepts routes of local processes on loopback, or over a broker. `isToken` tells whether a token is a process's own. */
export async function openTransport(
  transport: LocalTransport,
  node: string,
  link: Pick<NodeLink, 'accept'>,
  isToken: (name: string, token: string) => boolean,
): Promise<OpenedTransport> {
  if (transport === 'ws') return overWebSocket(link)
  return transport === 'mqtt' ? overOwnBroker(node, link, isToken) : overBroker(transport.broker, node, link)
}

/** The way of a process to its parent's node. */
export async function dialOf({ transport, url, ...access }: DialledAt, node: string, to: string): Promise<DialRoute> {
  return transport === 'ws'
    ? (await webSockets()).dialWebSocket(url)
    : (await mqtt()).dialMqtt(url, { node, to, ...access })
}

async function overWebSocket(link: Pick<NodeLink, 'accept'>): Promise<OpenedTransport> {
  const { acceptWebSockets } = await webSockets()
  const server = createServer((_, response) => response.writeHead(404).end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new TypeError('the server listens on no port')
  const accepted = acceptWebSockets(server, { onRoute: (route, from) => link.accept(route, { from }) })
  return {
    dialledBy: () => ({ transport: 'ws', url: `ws://127.0.0.1:${address.port}/link` }),
    async close() {
      accepted.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function overOwnBroker(
  node: string,
  link: Pick<NodeLink, 'accept'>,
  isToken: (name: string, token: string) => boolean,
): Promise<OpenedTransport> {
  const { acceptMqtt, embeddedBroker } = await mqtt()
  const password = randomBytes(24).toString('hex')
  const broker = await embeddedBroker({
    async authenticate(claim) {
      if (claim.username === node) return claim.password === password ? { serves: node } : undefined
      return isToken(claim.username, claim.password) ? {} : undefined
    },
  })
  const accepted = await acceptMqtt(broker.url, { node, username: node, password, onRoute: accept(link) })
  return {
    dialledBy: (name, token) => ({ transport: 'mqtt', url: broker.url, username: name, password: token }),
    async close() {
      accepted.close()
      await broker.close()
    },
  }
}

/** All processes are the broker's same user, by the URL's name and password if it has these. */
async function overBroker(given: string, node: string, link: Pick<NodeLink, 'accept'>): Promise<OpenedTransport> {
  const { acceptMqtt } = await mqtt()
  const url = new URL(given)
  const access =
    url.username === ''
      ? {}
      : { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
  url.username = ''
  url.password = ''
  const accepted = await acceptMqtt(url, { node, ...access, onRoute: accept(link) })
  return {
    dialledBy: () => ({ transport: 'mqtt', url: url.href, ...access }),
    async close() {
      accepted.close()
    },
  }
}

function accept(link: Pick<NodeLink, 'accept'>) {
  return (route: Parameters<NodeLink['accept']>[0], from: string) => link.accept(route, { from })
}
