import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'ava'
import { openWs } from '../../test/support/web-sockets.ts'
import { actorSystem, isActorRef, manualClock, nodeLink, type Route } from '../index.ts'
import { hub, hubWords } from './hub.ts'
import { dialThroughHub, serveAtHub } from './hub-routes.ts'
import { memoryRoute } from './memory-route.ts'
import { heardBy, type OpenTransport, routeContract } from './route.contract.ts'
import { sessionContract } from './session.contract.ts'
import { dialWebSocket } from './ws/index.ts'

const never = new AbortController().signal
const mayServe = async ({ token }: { readonly token: string }) => token === 'secret'

/** A hub whose own routes are of another transport. */
function openHub(carrier: OpenTransport): OpenTransport {
  return async (onRoute) => {
    const relay = hub({ mayServe })
    const transport = await carrier((route) => relay.accept(route, '192.0.2.1'))
    const stop = serveAtHub({ dial: transport.dial, name: 'server', token: 'secret', onRoute })
    return {
      dial: dialThroughHub(transport.dial, 'server'),
      async [Symbol.asyncDispose]() {
        stop()
        relay.close()
        await transport[Symbol.asyncDispose]()
      },
    }
  }
}

routeContract(test, 'hub over ws', openHub(openWs()))
sessionContract(test, 'hub over ws', openHub(openWs()))
sessionContract(
  test,
  'hub over a damaging network',
  openHub(openWs({ faults: { damagedShare: 0.01, cutEveryMs: 1000 } })),
)

/** A hub within this process, whose clock moves on command. */
function ownHub(options: { readonly mostQueuedBytes?: number } = {}) {
  const clock = manualClock()
  const relay = hub({ mayServe, clock, mostWaiting: 2, mostDialling: 2, ...options })
  const dial = async () => {
    const [near, far] = memoryRoute()
    relay.accept(far, '192.0.2.1')
    return near
  }
  return { clock, relay, dial, toServer: dialThroughHub(dial, 'server') }
}

test('a node without the right to serve under a name is refused, and nobody is joined to it', async (t) => {
  const { relay, dial, toServer, clock } = ownHub()
  const causes: unknown[] = []
  const refused = new Promise<void>((resolve) => {
    const stop = serveAtHub({
      ...{ dial, name: 'server', token: 'stolen', waiting: 1 },
      onRoute: () => t.fail(),
      onTrouble(cause) {
        causes.push(cause)
        stop()
        resolve()
      },
    })
  })
  await refused
  t.regex(String(causes[0]), /the hub refuses this node/)
  const dialled = t.throwsAsync(toServer('control', never), { code: 'LINK_UNREACHABLE' })
  await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(relay.counts, { pairs: 0, serving: 0, dialling: 1 })
  clock.advance(5000)
  t.regex((await dialled)?.message ?? '', /no node serves/)
})

test('nodes that dial first wait for the node that serves, within bounds, in their order', async (t) => {
  const { relay, dial, toServer } = ownHub()
  const [first, second] = [toServer('control', never), toServer('bulk', never)]
  await new Promise((resolve) => setImmediate(resolve))
  await t.throwsAsync(toServer('control', never), { code: 'LINK_UNREACHABLE' })
  const routes: Route[] = []
  const stop = serveAtHub({ dial, name: 'server', token: 'secret', onRoute: (route) => routes.push(route) })
  const dialled = [await first, await second]
  for (const [index, route] of dialled.entries()) route.send(Uint8Array.of(index))
  const heard = routes.map(heardBy)
  await Promise.all(heard.map(({ until }) => until(1)))
  t.deepEqual(
    heard.map(({ frames }) => frames[0]?.[0]),
    [0, 1],
  )
  t.is(relay.counts.pairs, 2)
  t.true(dialled.every(({ isRelayed }) => isRelayed))
  stop()
  relay.close()
  await Promise.all(heard.map(({ lost }) => lost))
})

test('frames that no node sends to a hub, or too early, end their route alone', async (t) => {
  const { relay, dial, clock } = ownHub()
  const serve = Uint8Array.of(1, 1, 0, 'a'.charCodeAt(0), ...new TextEncoder().encode('secret'))
  for (const frames of [
    [Uint8Array.of(9, 1, 0, 65)],
    [new Uint8Array()],
    [Uint8Array.of(2, 9, 0, 65)],
    [Uint8Array.of(2, 0, 0, 65)],
    [Uint8Array.of(2, 1, 0, 65), Uint8Array.of(1)],
    [serve, Uint8Array.of(1)],
    [],
  ]) {
    const route = await dial()
    const heard = heardBy(route)
    for (const frame of frames) route.send(frame)
    if (frames.length === 0) clock.advance(5000)
    await heard.lost
    t.is(heard.frames[0]?.[0], 4)
  }
  await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(relay.counts, { pairs: 0, serving: 0, dialling: 0 })
})

test('a hub that is killed again and again loses nothing', async (t) => {
  const lines = (child: ChildProcess) =>
    new Promise<number>((resolve) => child.stdout?.once('data', (port) => resolve(Number(port))))
  const start = (port: number) =>
    spawn(process.execPath, [new URL('../../test/support/hub-process.js', import.meta.url).pathname, String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
  let child = start(0)
  const port = await lines(child)
  const toHub = dialWebSocket(`ws://127.0.0.1:${port}`)
  const [atServer, atDevice]: [unknown[], unknown[]] = [[], []]
  const [server, device] = [actorSystem({ name: 'server' }), actorSystem({ name: 'device' })]
  const noting = (into: unknown[]) => () => (message: unknown) => void into.push(message)
  const decode = (value: unknown) => value
  const link = nodeLink(server, { entry: server.spawn<unknown>('entry', noting(atServer), { decode }) })
  const own = device.spawn<unknown>('own', noting(atDevice), { decode })
  const stop = serveAtHub({
    ...{ dial: toHub, name: 'server', token: 'secret' },
    onRoute: (route) => link.accept(route, { mayStop: true }),
  })
  const entry = new Promise<unknown>((resolve) => {
    nodeLink(device, { onPeer: ({ entry: given }) => resolve(given) }).connect({
      dial: dialThroughHub(toHub, 'server'),
      rights: { mayStop: true },
    })
  })
  const [to] = [await entry]
  if (!isActorRef<unknown>(to)) return t.fail()
  to.tell(own)
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await until(() => atServer.length === 1)
  const back = atServer.shift()
  if (!isActorRef<unknown>(back)) return t.fail()
  let sent = 0
  for (let kill = 0; kill < 5; kill++) {
    for (let number = 0; number < 40; number++, sent++)
      for (const ref of [to, back])
        ref.tell(sent % 5 === 0 ? { sent, bulk: new Float64Array(50_000).fill(sent) } : { sent })
    await until(() => atServer.length > sent - 40)
    child.kill('SIGKILL')
    await once(child, 'exit')
    child = start(port)
    await lines(child)
  }
  await until(() => atServer.length >= sent && atDevice.length >= sent)
  for (const messages of [atServer, atDevice])
    for (const isBulk of [true, false]) {
      const lane = messages.filter((message) => 'bulk' in Object(message) === isBulk)
      const numbers = lane.map((message): number => Object(message).sent)
      t.deepEqual(
        numbers,
        Array.from({ length: sent }, (_, index) => index).filter((index) => (index % 5 === 0) === isBulk),
      )
      t.true(
        lane.every(
          (message) => !isBulk || Object(message).bulk.every((value: number) => value === Object(message).sent),
        ),
      )
    }
  stop()
  await Promise.all([server.terminate(), device.terminate()])
  child.kill('SIGKILL')
  await once(child, 'exit')
})

test('a route through a hub tells how many bytes wait in this process only if its own route can tell', async (t) => {
  for (const queuedBytes of [0, 7, undefined]) {
    const answering: Route = {
      queuedBytes,
      send() {},
      listen: ({ heard }) => heard(Uint8Array.of(hubWords.joined)),
      close() {},
    }
    const route = await dialThroughHub(async () => answering, 'server')('control', never)
    t.is(route.queuedBytes, queuedBytes)
  }
})
