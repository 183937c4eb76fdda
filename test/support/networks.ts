import { createServer } from 'node:http'
import type { DialRoute, Route } from '../../runtime/index.ts'
import { acceptMqtt, dialMqtt, embeddedBroker } from '../../runtime/link/mqtt/index.ts'
import { acceptWebSockets, dialWebSocket } from '../../runtime/link/ws/index.ts'
import { type FaultProxy, faultProxy } from '../../runtime/node/faults/index.ts'
import { listening } from './web-sockets.ts'

/** Takes the routes of devices to the present life of a server. */
export type TakeRoute = (route: Route, from: string) => void

/** Connections of devices to a server, whose faults a test decides for each device. */
export interface Network extends AsyncDisposable {
  /** Begins a life of the server. Answers with a function that ends it without a word. */
  serve(take: TakeRoute): Promise<() => void>
  dial(device: string): DialRoute
  /** The part of the network that is the device's own. */
  proxy(device: string): Promise<FaultProxy>
  /** Changes the address of the server for a device's later connections. */
  move(device: string): Promise<void>
}

export const networkKinds = ['ws', 'mqtt'] as const
export type NetworkKind = (typeof networkKinds)[number]

/** Real connections over loopback, in each of which a proxy does harm. */
export async function network(kind: NetworkKind): Promise<Network> {
  const proxies = new Map<string, Promise<FaultProxy>>()
  const moved: FaultProxy[] = []
  const entry = kind === 'ws' ? await overWebSocket() : await overBroker()
  const proxy = (device: string) => {
    const found = proxies.get(device) ?? faultProxy({ target: { port: entry.port } })
    proxies.set(device, found)
    return found
  }
  return {
    proxy,
    serve: entry.serve,
    dial(device) {
      const dialled = new Map<number, DialRoute>()
      return async (lane, signal) => {
        const { port } = await proxy(device)
        const dial = dialled.get(port) ?? entry.dial(device, port)
        dialled.set(port, dial)
        return dial(lane, signal)
      }
    },
    async move(device) {
      moved.push(await proxy(device))
      proxies.delete(device)
      await proxy(device)
    },
    async [Symbol.asyncDispose]() {
      for (const one of [...moved, ...(await Promise.all(proxies.values()))]) await one.close()
      await entry.close()
    },
  }
}

interface Entry {
  readonly port: number
  readonly serve: Network['serve']
  dial(device: string, port: number): DialRoute
  close(): Promise<void>
}

async function overWebSocket(): Promise<Entry> {
  const server = createServer()
  const port = await listening(server)
  let take: TakeRoute | undefined
  const accepted = acceptWebSockets(server, {
    onRoute: (route, from) => (take ? take(route, from) : route.close()),
  })
  return {
    port,
    async serve(to) {
      take = to
      return () => {
        take = undefined
      }
    },
    dial: (_device, at) => dialWebSocket(`ws://127.0.0.1:${at}`),
    async close() {
      accepted.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

async function overBroker(): Promise<Entry> {
  const broker = await embeddedBroker({
    authenticate: async ({ username }) => (username === 'server' ? { serves: 'server' } : {}),
  })
  return {
    port: broker.port,
    async serve(onRoute) {
      const accepted = await acceptMqtt(broker.url, { node: 'server', username: 'server', password: '-', onRoute })
      return () => accepted.close()
    },
    dial: (device, at) =>
      dialMqtt(`mqtt://127.0.0.1:${at}`, { node: device, to: 'server', username: device, password: '-' }),
    close: () => broker.close(),
  }
}
