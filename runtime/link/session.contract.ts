import type { SerialFn, TestFn } from 'ava'
import {
  type ActorRef,
  type ActorSystem,
  actorSystem,
  type DeadLetter,
  type DialRoute,
  isActorRef,
  type NodeLink,
  type NodeLinkOptions,
  nodeLink,
  type Route,
  type RouteListener,
  type Terminated,
} from '../index.ts'
import type { OpenTransport } from './route.contract.ts'

/** The actors of these tests accept any message of another node. */
const anything = (value: unknown): unknown => value
const rights = { mayStop: true }
/** The parameters of a small convolutional network. */
const manyFloats = 1_630_000

export interface TestNode {
  readonly system: ActorSystem
  readonly link: NodeLink
  readonly letters: readonly DeadLetter[]
}

/** The promises of every transport to sessions. Each transport's test file calls this with its own opening. */
export function sessionContract(test: TestFn | SerialFn, name: string, open: OpenTransport): void {
  test(`${name}: tells, asks, watches and stops reach the other node`, async (t) => {
    await using pair = await joinedPair(open, (system) => answering(system))
    const { device, entry } = pair
    t.is(await ask(device, entry, 'hello'), 'HELLO')
    const answers = await Promise.all(Array.from({ length: 500 }, (_, index) => ask(device, entry, `text ${index}`)))
    t.deepEqual(
      answers,
      answers.map((_, index) => `TEXT ${index}`),
    )
    const stopped = device.system.stopped(entry)
    device.system.stop(entry)
    t.is((await stopped).cause, undefined)
    t.deepEqual([...pair.server.letters, ...device.letters], [])
  })

  test(`${name}: the weights of a large model travel there and back, bit by bit, twice`, async (t) => {
    await using pair = await joinedPair(open, (system) => answering(system))
    const { device, entry } = pair
    for (let round = 1; round <= 2; round++) {
      const weights = Float32Array.from({ length: manyFloats }, (_, index) => Math.fround((index + round) * 0.1))
      const answer = await ask(device, entry, { round, weights })
      t.is(Object(answer).round, round)
      t.is(Buffer.compare(bytesOf(Object(answer).weights), bytesOf(weights)), 0)
    }
    t.deepEqual([...pair.server.letters, ...device.letters], [])
  })

  test(`${name}: under cuts, in the midst of large messages too, nothing is lost, doubled or reordered`, async (t) => {
    const routes = cuttableRoutes()
    const atServer: unknown[] = []
    await using pair = await joinedPair(open, (system) => noting(system, atServer), routes.around)
    const { device, server, entry } = pair
    const atDevice: unknown[] = []
    entry.tell(noting(device.system, atDevice, 'own'))
    await until(() => atServer.length === 1)
    const back = atServer.shift()
    if (!isActorRef<unknown>(back)) return t.fail()
    const count = 120
    for (let number = 0; number < count; number++) {
      const message = number % 6 === 0 ? { number, bulk: new Float64Array(60_000).fill(number) } : { number }
      entry.tell(message)
      back.tell(message)
      if (number % 12 === 5) await routes.cutAfter(1 + (number % 5))
    }
    await until(() => atServer.length >= count && atDevice.length >= count)
    t.true(routes.cuts() >= 10)
    for (const messages of [atServer, atDevice]) {
      const isBulk = (message: unknown) => 'bulk' in Object(message)
      const numbers = (lane: readonly unknown[]) => lane.map((message): number => Object(message).number)
      t.deepEqual(
        numbers(messages).toSorted((a, b) => a - b),
        Array.from({ length: count }, (_, index) => index),
      )
      for (const lane of [messages.filter(isBulk), messages.filter((message) => !isBulk(message))])
        t.deepEqual(
          numbers(lane),
          numbers(lane).toSorted((a, b) => a - b),
        )
      const isWhole = (message: unknown) =>
        Object(message).bulk.every((value: number) => value === Object(message).number)
      t.true(messages.filter(isBulk).every(isWhole))
    }
    t.deepEqual([...server.letters, ...device.letters], [])
  })

  test(`${name}: a node that died without a word, and lives again, is told once to each watcher`, async (t) => {
    const opened = await openServer(open, () => undefined)
    const { server } = opened
    const ends: Terminated[] = []
    const met: ActorRef<unknown>[] = []
    opened.onPeer = (ref) => {
      met.push(ref)
      server.system.spawn<Terminated>(`watcher-${met.length}`, (context) => {
        context.watch(ref, (terminated) => terminated)
        return (terminated) => void ends.push(terminated)
      })
    }
    const routes = cuttableRoutes()
    const first = testNode('device', 1, (system) => noting(system, []))
    first.link.connect({ dial: routes.around(opened.dial), rights })
    await until(() => met.length === 1)
    routes.silence()
    const second = testNode('device', 2, (system) => noting(system, []))
    const connection = second.link.connect({ dial: opened.dial, rights })
    await until(() => met.length === 2 && ends.length === 1 && connection.state === 'open')
    t.like(ends[0]?.cause, { code: 'LINK_NODE_ENDED' })
    server.link.declareDead('device')
    await until(() => ends.length === 2)
    await Promise.all([first.system.terminate(), second.system.terminate()])
    await opened.end()
  })

  test(`${name}: 100 nodes join at once, and each one's asks are answered`, async (t) => {
    const opened = await openServer(open, (system) => answering(system))
    const devices = Array.from({ length: 100 }, (_, index) => {
      const joined = testNode(`device-${index}`, 1, () => undefined)
      return { ...joined, entry: entryOf(joined) }
    })
    for (const { link } of devices) link.connect({ dial: opened.dial, rights })
    const answers = await Promise.all(
      devices.map(async (device, index) => ask(device, await device.entry, `from ${index}`)),
    )
    t.deepEqual(
      answers,
      answers.map((_, index) => `FROM ${index}`),
    )
    await Promise.all(devices.map(({ system }) => system.terminate()))
    await opened.end()
  })
}

interface NotedNode extends TestNode {
  onPeer: (entry: ActorRef<unknown>) => void
}

function testNode(
  name: string,
  incarnation: number,
  make: (system: ActorSystem) => ActorRef<never> | undefined,
  options: NodeLinkOptions = {},
): NotedNode {
  const system = actorSystem({ name, incarnation })
  const letters: DeadLetter[] = []
  system.deadLetters.subscribe((letter) => letters.push(letter))
  const entry = make(system)
  const link = nodeLink(system, {
    ...options,
    ...(entry && { entry }),
    onPeer({ entry: given }) {
      if (isActorRef<unknown>(given)) node.onPeer(given)
    },
  })
  const node: NotedNode = { system, link, letters, onPeer() {} }
  return node
}

/** Resolves with the entry of the next peer. */
function entryOf(node: NotedNode): Promise<ActorRef<unknown>> {
  return new Promise((resolve) => {
    node.onPeer = resolve
  })
}

async function openServer(open: OpenTransport, make: (system: ActorSystem) => ActorRef<never> | undefined) {
  const server = testNode('server', 1, make)
  const transport = await open((route) => server.link.accept(route, rights))
  return {
    server,
    dial: transport.dial,
    set onPeer(called: (entry: ActorRef<unknown>) => void) {
      server.onPeer = called
    },
    async end() {
      await server.system.terminate()
      await transport[Symbol.asyncDispose]()
    },
  }
}

/** A server and a device that has the server's entry. */
async function joinedPair(
  open: OpenTransport,
  make: (system: ActorSystem) => ActorRef<never>,
  around: (dial: DialRoute) => DialRoute = (dial) => dial,
) {
  const { server, dial, end } = await openServer(open, make)
  const device = testNode('device', 1, () => undefined)
  const entry = entryOf(device)
  device.link.connect({ dial: around(dial), rights })
  return {
    server,
    device,
    entry: await entry,
    async [Symbol.asyncDispose]() {
      await device.system.terminate()
      await end()
    },
  }
}

function noting(system: ActorSystem, into: unknown[], name = 'entry'): ActorRef<unknown> {
  return system.spawn<unknown>(name, () => (message) => void into.push(message), { decode: anything })
}

/** Answers texts in capitals, and other messages as they are. */
function answering(system: ActorSystem): ActorRef<never> {
  return system.spawn<{ readonly said: unknown; readonly replyTo: ActorRef<unknown> }>(
    'entry',
    () =>
      ({ said, replyTo }) =>
        replyTo.tell(typeof said === 'string' ? said.toUpperCase() : said),
    {
      decode(value) {
        const { said, replyTo } = Object(value)
        return isActorRef<unknown>(replyTo) ? { said, replyTo } : undefined
      },
    },
  )
}

function ask({ system }: TestNode, to: ActorRef<unknown>, said: unknown): Promise<unknown> {
  return system.ask<unknown, unknown>(to, (replyTo) => ({ said, replyTo }), { timeoutMs: 120_000, decode: anything })
}

function bytesOf(array: unknown): Uint8Array {
  if (!(array instanceof Float32Array)) throw new TypeError('no array of 32-bit floats')
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Wraps dialled routes, which can then be cut: both ends hear of the loss, and frames under way are lost. */
function cuttableRoutes() {
  const open = new Set<CuttableRoute>()
  let cuts = 0
  let isSilent = false
  let heard = () => {}
  return {
    cuts: () => cuts,
    around:
      (dial: DialRoute): DialRoute =>
      async (lane, signal) => {
        if (isSilent) throw new Error('no route')
        const route = new CuttableRoute(await dial(lane, signal), () => heard())
        open.add(route)
        return route
      },
    /** Cuts all routes after this number of further frames of the other node, or after 50 ms without. */
    async cutAfter(frames: number): Promise<void> {
      let left = frames
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50)
        heard = () => {
          left -= 1
          if (left > 0) return
          clearTimeout(timer)
          resolve()
        }
      })
      const before = cuts
      await until(() => {
        for (const route of open) if (route.cut()) cuts += 1
        open.clear()
        return cuts > before
      })
    },
    /** Lets nothing through any more, and tells nobody. */
    silence() {
      isSilent = true
      for (const route of open) route.isSilent = true
    },
  }
}

class CuttableRoute implements Route {
  readonly #route: Route
  readonly #heard: () => void
  #listener: RouteListener | undefined
  #isOver = false
  isSilent = false

  constructor(route: Route, heard: () => void) {
    this.#route = route
    this.#heard = heard
  }

  get isRelayed(): boolean {
    return this.#route.isRelayed ?? false
  }

  get carriesBothLanes(): boolean {
    return this.#route.carriesBothLanes ?? false
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.isSilent) this.#route.send(frame)
  }

  listen(listener: RouteListener): void {
    this.#listener = listener
    if (this.#isOver) return listener.lost()
    this.#route.listen({
      heard: (frame) => {
        if (this.#isOver || this.isSilent) return
        listener.heard(frame)
        this.#heard()
      },
      lost: (cause) => {
        if (!this.#isOver && !this.isSilent) listener.lost(cause)
        this.#isOver = true
      },
    })
  }

  close(): void {
    if (!this.isSilent) this.#route.close()
  }

  /** False if the route was lost before. */
  cut(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#route.close()
    this.#listener?.lost()
    return true
  }
}
