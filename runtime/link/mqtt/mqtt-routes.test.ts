import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { connectAsync } from 'mqtt'
import { brokerRoutes, openBroker } from '../../../test/support/broker-routes.ts'
import {
  accessOf,
  type BrokerKind,
  brokerKinds,
  type TestBroker,
  type TestUser,
  testBroker,
} from '../../../test/support/brokers.ts'
import { resetSocket } from '../../node/faults/index.ts'
import type { LaneName, Route } from '../frame.ts'
import { routeContract } from '../route.contract.ts'
import { acceptMqtt, dialMqtt } from './index.ts'

const forever = new AbortController().signal

/** Records what one end of a route hears. */
class Ear {
  readonly heard: string[] = []
  readonly losses: (Error | undefined)[] = []
  doubts = 0
  #changed = () => {}

  constructor(route: Route) {
    route.listen({
      heard: (frame) => {
        this.heard.push(new TextDecoder().decode(frame))
        this.#changed()
      },
      lost: (cause) => {
        this.losses.push(cause)
        this.#changed()
      },
      doubted: () => {
        this.doubts += 1
        this.#changed()
      },
    })
  }

  async until(isSo: (ear: Ear) => boolean): Promise<void> {
    while (!isSo(this)) await new Promise<void>((resolve) => (this.#changed = resolve))
  }
}

/** A server that accepts routes over a broker. */
async function serverAt(
  { url }: Pick<TestBroker, 'url'>,
  more: { onBroker?: (lane: LaneName, lost: Error | undefined) => void; mostRoutesOfUser?: number } = {},
) {
  const routes: { readonly route: Route; readonly from: string }[] = []
  let changed = () => {}
  const accepted = await acceptMqtt(url, {
    node: 'server',
    ...accessOf('server'),
    onRoute: (route, from) => {
      routes.push({ route, from })
      changed()
    },
    ...more,
  })
  return {
    accepted,
    async next() {
      for (;;) {
        const next = routes.shift()
        if (next) return next
        await new Promise<void>((resolve) => (changed = resolve))
      }
    },
  }
}

function dialler({ url }: Pick<TestBroker, 'url'>, user: TestUser, more: { timeoutMs?: number } = {}) {
  return dialMqtt(url, { node: `node of ${user}/1`, to: 'server', ...accessOf(user), ...more })
}

function frame(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text))
}

function each(
  title: string,
  check: (t: ExecutionContext, broker: TestBroker, kind: BrokerKind) => Promise<void>,
): void {
  for (const kind of brokerKinds)
    test(`${title} (${kind})`, async (t) => {
      await using broker = await testBroker(kind)
      await check(t, broker, kind)
    })
}

for (const kind of brokerKinds) routeContract(test, kind, openBroker(kind))

for (const kind of brokerKinds)
  test(`routes of both lanes carry frames in order, both ways, until one end closes (${kind})`, async (t) => {
    await using routes = await brokerRoutes(kind)
    for (const lane of ['control', 'bulk'] as const) {
      const ends = await routes.pair(lane)
      t.true(ends.every(({ isRelayed }) => isRelayed))
      const ears = [new Ear(ends[0]), new Ear(ends[1])] as const
      const texts = Array.from({ length: 100 }, (_, index) => `${lane} ${index}`)
      for (const text of texts) {
        ends[0].send(frame(text))
        ends[1].send(frame(text.toUpperCase()))
      }
      for (const ear of ears) await ear.until(({ heard }) => heard.length === texts.length)
      t.deepEqual(ears[1].heard, texts)
      t.deepEqual(
        ears[0].heard,
        texts.map((text) => text.toUpperCase()),
      )
      const closing = lane === 'control' ? 0 : 1
      ends[closing].close()
      await ears[closing === 0 ? 1 : 0].until(({ losses }) => losses.length > 0)
    }
  })

each(
  'a broker that ends loses the routes at both ends, and routes can be made again when it is back',
  async (t, broker) => {
    const back = new Set<LaneName>()
    let isBack = () => {}
    const { accepted, next } = await serverAt(broker, {
      onBroker: (lane, lost) => {
        if (lost) back.delete(lane)
        else back.add(lane)
        if (back.size === 2) isBack()
      },
    })
    const dial = dialler(broker, 'ada')
    const [dialled, { route }] = await Promise.all([dial('bulk', forever), next()])
    const ears = [new Ear(dialled), new Ear(route)]
    await broker.kill()
    for (const ear of ears) await ear.until(({ losses }) => losses.length > 0)
    t.deepEqual(
      ears.map(({ losses }) => losses.length),
      [1, 1],
    )
    await t.throwsAsync(dial('bulk', forever), { code: 'LINK_UNREACHABLE' })
    const returned = new Promise<void>((resolve) => (isBack = resolve))
    await broker.start()
    await returned
    const [again, { route: other }] = await Promise.all([dial('bulk', forever), next()])
    const ear = new Ear(other)
    again.send(frame('again'))
    await ear.until(({ heard }) => heard.length > 0)
    t.deepEqual(ear.heard, ['again'])
    accepted.close()
    again.close()
  },
)

each('the accepting node that leaves loses the routes at the other ends', async (t, broker) => {
  const { accepted, next } = await serverAt(broker)
  const [dialled, { from }] = await Promise.all([dialler(broker, 'ada')('control', forever), next()])
  t.is(from, 'ada')
  t.is(accepted.count, 1)
  const ear = new Ear(dialled)
  accepted.close()
  await ear.until(({ losses }) => losses.length > 0)
  t.is(ear.losses.length, 1)
})

each('who has a wrong password, or none, is refused', async (t, broker) => {
  for (const access of [{ username: 'ada', password: 'wrong' }, { username: 'eve', password: 'of-ada' }, {}]) {
    const dial = dialMqtt(broker.url, { node: 'n', to: 'server', ...access })
    await t.throwsAsync(dial('control', forever), { code: 'LINK_BROKER' })
    const accepting = acceptMqtt(broker.url, { node: 'server', ...access, onRoute: () => t.fail() })
    await t.throwsAsync(accepting, { code: 'LINK_BROKER' })
  }
})

each('a device hears and reaches nothing of another, nor of the server', async (t, broker, kind) => {
  const { accepted, next } = await serverAt(broker)
  const eve = await connectAsync(broker.url, { ...accessOf('ben'), protocolVersion: 4, reconnectPeriod: 0 })
  const heard: string[] = []
  eve.on('message', (topic) => heard.push(topic))
  for (const topic of [
    '#',
    'flame/#',
    'flame/server/up/#',
    'flame/server/down/ada/#',
    'flame/server/down/+/+/+/+/#',
    '$SYS/#',
  ])
    await eve.subscribeAsync(topic).catch(() => {})
  const [dialled, { route }] = await Promise.all([dialler(broker, 'ada')('control', forever), next()])
  const ears = [new Ear(dialled), new Ear(route)] as const
  // A device that forges messages in the name of another, or of the server, doesn't get through.
  const forged = ['flame/server/up/ada/n/r/control/open', 'flame/server/gone', 'flame/server/down/ada/n/r/control']
  for (const topic of forged) {
    const forger = await connectAsync(broker.url, { ...accessOf('ben'), protocolVersion: 4, reconnectPeriod: 0 })
    forger.publish(topic, 'forged')
    if (kind === 'embedded') await new Promise<void>((resolve) => void forger.once('close', () => resolve()))
    else await forger.endAsync()
  }
  dialled.send(frame('up'))
  route.send(frame('down'))
  await ears[0].until(({ heard }) => heard.length > 0)
  await ears[1].until(({ heard }) => heard.length > 0)
  await eve.endAsync()
  t.deepEqual(heard, [])
  t.deepEqual([ears[0].heard, ears[1].heard], [['down'], ['up']])
  t.deepEqual([ears[0].losses, ears[1].losses], [[], []])
  accepted.close()
})

each('a will casts doubt on its own route alone, not on a later one of the same node', async (t, broker) => {
  const { accepted, next } = await serverAt(broker)
  const { port } = new URL(broker.url)
  await using wire = await cuttableWire(Number(port))
  const dial = dialler({ url: `mqtt://127.0.0.1:${wire.port}` }, 'ada')
  const [first, { route }] = await Promise.all([dial('control', forever), next()])
  const [atFirst, atRoute] = [new Ear(first), new Ear(route)]
  wire.cut()
  await atFirst.until(({ losses }) => losses.length > 0)
  const [second, { route: other }] = await Promise.all([dial('control', forever), next()])
  const atOther = new Ear(other)
  await atRoute.until(({ doubts }) => doubts > 0)
  second.send(frame('still here'))
  await atOther.until(({ heard }) => heard.length > 0)
  t.deepEqual([atRoute.doubts, atRoute.losses.length], [1, 0])
  t.deepEqual([atOther.doubts, atOther.losses.length], [0, 0])
  second.close()
  accepted.close()
})

/** Passes bytes to a port, until it is cut: then all connections break, and later ones pass again. */
async function cuttableWire(to: number) {
  const open = new Set<Socket>()
  const server = createServer((left) => {
    const right = connect(to, '127.0.0.1')
    for (const socket of [left, right]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        open.delete(socket)
        left.destroy()
        right.destroy()
      })
    }
    left.pipe(right).pipe(left)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const cut = () => {
    for (const socket of open) resetSocket(socket)
  }
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    cut,
    async [Symbol.asyncDispose]() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
