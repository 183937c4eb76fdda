import { createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import {
  type ActorRef,
  actorSystem,
  nodeLink,
  type Route,
  release,
  serveAtHub,
  systemClock,
} from '../../runtime/index.ts'
import { acceptMqtt } from '../../runtime/link/mqtt/index.ts'
import { acceptWebSockets, dialWebSocket } from '../../runtime/link/ws/index.ts'
import { accumulator, layoutOf } from '../../sdk/index.ts'
import { type BenchMessage, decodeBenchMessage, weightCount } from './bench-messages.ts'
import { answering } from './child.ts'
import { cpuNanoseconds } from './client.ts'

/**
 * Program: the measured server, with routes of the link at /link, and bare WebSockets at /raw. Arguments: number of
 * slots (0: messages are never lent), and the address of a broker or
 * a hub by which nodes reach this server.
 */
const [slots = 2, relay] = [Number(process.argv[2] ?? 2), process.argv[3]]
const collect = globalThis.gc ?? (() => {})
const system = actorSystem({ name: 'server', clock: systemClock() })
const routes = new Set<Route>()

let came = 0
let expected: { readonly count: number; readonly replyTo: ActorRef<unknown> } | undefined
const model = new Float32Array(weightCount).fill(0.25)
const sum = accumulator({ layout: layoutOf([{ name: 'weights', shape: [weightCount] }]) })

function arrived(): void {
  came += 1
  if (expected?.count === came) expected.replyTo.tell(came)
}

const entry = system.spawn<BenchMessage>(
  'entry',
  () => (message) => {
    switch (message.type) {
      case 'progress':
        return arrived()
      case 'expect':
        came = 0
        expected = message
        return
      case 'echo':
        release(message)
        return message.replyTo.tell(message.weights ? { weights: model } : true)
      case 'update':
        if (message.isAdded) sum.add({ end: 'sender', delta: message.weights, weight: 1 })
        release(message)
        return arrived()
    }
  },
  { decode: decodeBenchMessage, borrows: slots > 0 },
)
const link = nodeLink(system, { entry, slots: slots > 0 ? slots : 10_000 })
const server = createServer()
const accepted = (route: Route) => {
  routes.add(route)
  link.accept(route, { mayStop: false })
}
acceptWebSockets(server, { onRoute: accepted, mostUnopened: 5000 })
const name = 'server'
if (relay?.startsWith('mqtt:'))
  await acceptMqtt(relay, { node: name, username: name, password: name, onRoute: accepted })
else if (relay) serveAtHub({ dial: dialWebSocket(relay, { isRelayed: true }), name, token: name, onRoute: accepted })

const raw = new WebSocketServer({ noServer: true, perMessageDeflate: false })
server.on('upgrade', (request, socket, head) => {
  if (request.url === '/raw') raw.handleUpgrade(request, socket, head, (opened) => raw.emit('connection', opened))
})
raw.on('connection', (socket) => {
  let count = 0
  let awaited = 0
  const taken = new Uint8Array(new Float32Array(weightCount).buffer)
  const modelBytes = new Uint8Array(model.buffer)
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary && data.length === weightCount * 4) {
      taken.set(data)
      return socket.send(modelBytes)
    }
    // An update that isn't sent back.
    if (isBinary && data.length === (weightCount - 1) * 4) return socket.send('taken')
    const json: unknown = isBinary ? undefined : JSON.parse(data.toString())
    const { expect } = Object(json)
    if (typeof expect === 'number') {
      count = 0
      awaited = expect
      return
    }
    if (Object(json).ping) return socket.send(data.toString())
    count += 1
    if (count === awaited) socket.send('done')
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ ready: typeof address === 'object' && address ? address.port : 0 })
})

answering({
  /** Bytes of objects and arrays that are still in use. */
  async usedBytes() {
    for (let round = 0; round < 4; round++) {
      collect()
      await setTimeout(20)
    }
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  },
  peakBytes: async () => process.resourceUsage().maxRSS * 1024,
  cpuNanoseconds: async () => cpuNanoseconds(),
  async cpuSeconds(overMs) {
    const before = cpuNanoseconds()
    await setTimeout(overMs)
    return (cpuNanoseconds() - before) / 1e9
  },
  /** Closes every route. */
  async cut() {
    for (const route of routes) route.close()
    routes.clear()
    return 0
  },
})
