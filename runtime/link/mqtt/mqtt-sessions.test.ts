import test, { type ExecutionContext } from 'ava'
import { openBroker } from '../../../test/support/broker-routes.ts'
import { accessOf, brokerKinds, type TestBroker, testBroker } from '../../../test/support/brokers.ts'
import { type ActorRef, actorSystem, isActorRef, nodeLink, type Refusal } from '../../index.ts'
import { sessionContract } from '../session.contract.ts'
import { acceptMqtt, dialMqtt } from './index.ts'

/** A message of these tests: a number, with weights if it is to travel in the bulk lane. */
interface Numbered {
  readonly number: number
  readonly weights?: Float32Array
}

const anything = (value: unknown): unknown => value
const weightsOf = (number: number) => new Float32Array(30_000).fill(number)

/** Numbers in the order of their arrival, of each lane. */
class Received {
  readonly small: number[] = []
  readonly large: number[] = []
  #changed = () => {}

  take({ number, weights }: Numbered): void {
    if (weights === undefined) this.small.push(number)
    else this.large.push(weights.every((weight) => weight === number) ? number : Number.NaN)
    this.#changed()
  }

  async until(small: number, large: number): Promise<void> {
    while (this.small.length < small || this.large.length < large)
      await new Promise<void>((resolve) => (this.#changed = resolve))
  }
}

function isNumbered(value: unknown): value is Numbered {
  return typeof value === 'object' && value !== null && 'number' in value && typeof value.number === 'number'
}

/** A server and a device over a broker. Each gets a ref of the other's receiving actor. */
async function joined(broker: Pick<TestBroker, 'url'>) {
  const [atServer, atDevice] = [new Received(), new Received()]
  const serverSystem = actorSystem({ name: 'server', incarnation: 1 })
  const refusals: Refusal[] = []
  let gotDevice = (_ref: ActorRef<unknown>) => {}
  const toDevice = new Promise<ActorRef<unknown>>((resolve) => (gotDevice = resolve))
  const entry = serverSystem.spawn<unknown>(
    'entry',
    () => (message) => {
      if (isActorRef<unknown>(message)) gotDevice(message)
      else if (isNumbered(message)) atServer.take(message)
    },
    { decode: anything },
  )
  const serverLink = nodeLink(serverSystem, {
    authenticate: async ({ token, node, from }) => {
      if (token !== `token of ${node} at ${from}`) throw new Error('unknown token')
      return { node, mayStop: false, entry: () => entry }
    },
    onRefused: (refusal) => refusals.push(refusal),
  })
  const accepted = await acceptMqtt(broker.url, {
    node: 'server',
    ...accessOf('server'),
    onRoute: (route, from) => serverLink.accept(route, { from }),
  })
  const deviceSystem = actorSystem({ name: 'device', incarnation: 1 })
  const own = deviceSystem.spawn<unknown>(
    'own',
    () => (message) => {
      if (isNumbered(message)) atDevice.take(message)
    },
    { decode: anything },
  )
  let gotServer = (_ref: ActorRef<unknown>) => {}
  const toServer = new Promise<ActorRef<unknown>>((resolve) => (gotServer = resolve))
  const deviceLink = nodeLink(deviceSystem, {
    onPeer({ entry: given }) {
      if (isActorRef<unknown>(given)) gotServer(given)
    },
  })
  const connection = deviceLink.connect({
    dial: dialMqtt(broker.url, { node: 'device', to: 'server', ...accessOf('ada') }),
    token: 'token of device at ada',
    node: 'server',
    rights: { mayStop: true },
  })
  const server = await toServer
  server.tell(own)
  return {
    atServer,
    atDevice,
    refusals,
    connection,
    server,
    device: await toDevice,
    async [Symbol.asyncDispose]() {
      connection.close()
      await Promise.all([deviceSystem.terminate(), serverSystem.terminate()])
      accepted.close()
    },
  }
}

function send(to: ActorRef<unknown>, small: number, large: number): void {
  for (let number = 0; number < large; number++) to.tell({ number, weights: weightsOf(number) })
  for (let number = 0; number < small; number++) to.tell({ number })
}

function assertWhole(t: ExecutionContext, { small, large }: Received, counts: readonly [number, number]): void {
  t.deepEqual(small, [...Array(counts[0]).keys()])
  t.deepEqual(large, [...Array(counts[1]).keys()])
}

for (const kind of brokerKinds)
  test.serial(
    `a session loses, doubles and reorders nothing while its broker ends and comes back in mid-transfer (${kind})`,
    async (t) => {
      await using broker = await testBroker(kind)
      await using ends = await joined(broker)
      const [small, large] = [40_000, 120]
      send(ends.server, small, large)
      send(ends.device, small, large)
      const both = [ends.atServer, ends.atDevice]
      for (let kill = 1; kill <= 5; kill++) {
        const part = kill / 6
        await Promise.race(both.map((received) => received.until(small * part, 0)))
        await Promise.race(both.map((received) => received.until(0, Math.floor(large * part))))
        await broker.kill()
        await broker.start()
      }
      await Promise.all(both.map((received) => received.until(small, large)))
      for (const received of both) assertWhole(t, received, [small, large])
      t.deepEqual(ends.refusals, [])
    },
  )

for (const kind of brokerKinds) {
  sessionContract(test.serial, kind, openBroker(kind))
  sessionContract(
    test.serial,
    `${kind} behind a network that cuts`,
    // By bytes, too: a machine that is busy hardly gets further between cuts by time alone.
    openBroker(kind, { delayMs: 1, cutEveryMs: 1000, cutAfterBytes: 2_000_000, lateShare: 0.5, lateMs: 20 }),
  )
}
