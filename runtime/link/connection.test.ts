import test from 'ava'
import {
  type ClockedNode,
  clockedNode,
  dialling,
  later,
  noting,
  settled,
  type TestedRoute,
  terminated,
} from '../../test/support/clocked-nodes.ts'
import {
  type Claim,
  CodedError,
  type ConnectionState,
  isActorRef,
  type LaneName,
  memoryRoute,
  nodeLink,
  type Route,
} from '../index.ts'
import { decodeFrame } from './frame.ts'

const bulk = { weights: new Float64Array(10_000).fill(1) }

/** A device that notes its messages, and a server with the device's ref. `changed` may harm a lane's route of a number. */
async function joined(changed = (_route: TestedRoute, _lane: LaneName, _number: number) => {}) {
  let toDevice: unknown
  const atDevice: unknown[] = []
  const server = clockedNode('server', {
    authenticate: async () => ({ mayStop: false }),
    onPeer: ({ entry }) => (toDevice = entry),
  })
  const device = clockedNode('device')
  const { dial, routes, last, cut } = dialling(() => server)
  const own = noting(device.system, atDevice)
  device.link.connect({
    async dial(lane, signal) {
      const route = await dial(lane, signal)
      const made = last(lane)
      if (made) changed(made, lane, routes[lane].length)
      return route
    },
    rights: { mayStop: false, entry: () => own },
  })
  await settled(server, device)
  if (!isActorRef<unknown>(toDevice)) throw new Error("the server has no ref of the device's actor")
  return { server, device, toDevice, atDevice, routes, last, cut }
}

test('a connection makes a route for small messages, and another one as soon as either node has large ones', async (t) => {
  const [atServer, atDevice]: [unknown[], unknown[]] = [[], []]
  const server = clockedNode('server', {
    authenticate: async () => ({ mayStop: false, node: 'device', entry: () => noting(server.system, atServer) }),
  })
  const entries: unknown[] = []
  const device = clockedNode('device', { onPeer: ({ entry }) => entries.push(entry) })
  const { dial, routes, cut } = dialling(() => server)
  const states: ConnectionState[] = []
  const own = noting(device.system, atDevice, 'own')
  const connection = device.link.connect({ dial, rights: { mayStop: true }, onChange: (state) => states.push(state) })
  await settled(server, device)
  t.is(connection.state, 'open')
  const [entry] = entries
  if (!isActorRef<unknown>(entry)) return t.fail()
  entry.tell(own)
  await settled(server, device)
  t.deepEqual([routes.control.length, routes.bulk.length], [1, 0])
  const [back] = atServer
  if (!isActorRef<unknown>(back)) return t.fail()
  back.tell(bulk)
  await settled(server, device)
  t.is(routes.bulk.length, 1)
  t.deepEqual(atDevice, [bulk])

  cut('bulk')
  await settled(server, device)
  entry.tell(bulk)
  entry.tell('small')
  await settled(server, device)
  t.deepEqual(atServer, [back, 'small'], 'a large message waits for its route')
  await later(10, [device])
  await settled(server, device)
  t.deepEqual(atServer, [back, 'small', bulk])

  cut('control')
  entry.tell('again')
  await settled(server, device)
  t.is(connection.state, 'connecting')
  await later(10, [device])
  await settled(server, device)
  t.is(connection.state, 'open')
  t.deepEqual(atServer, [back, 'small', bulk, 'again'])
  t.deepEqual(states, ['open', 'connecting', 'open'])
  connection.close()
  await settled(server, device)
  t.is(connection.state, 'ended')
  await terminated(server, device)
})

for (const lost of [['bulk'], ['bulk', 'control'], ['control', 'bulk']] as const)
  test(`a node that dials tells of a lost bulk route, which the other node doesn't notice: ${lost.join(', then ')}`, async (t) => {
    const { server, device, toDevice, atDevice, routes, cut } = await joined()
    for (let round = 1; round <= 3; round++) {
      toDevice.tell(bulk)
      await settled(server, device)
      t.deepEqual([atDevice.length, routes.bulk.length], [round, round])
      for (const lane of lost) cut(lane)
      // The server's clock stands still: no time of its own tells the server of the loss.
      await later(50, [device], 5)
    }
    await terminated(server, device)
  })

test('a node that dials tells of a bulk route that it lost before the welcome, on which the other node sends', async (t) => {
  const { server, device, toDevice, atDevice, routes, cut } = await joined((route, lane, made) => {
    const isGreeting = (frame: Uint8Array<ArrayBuffer>) =>
      ['challenge', 'hello'].includes(decodeFrame(frame, 'either').kind)
    if (lane === 'bulk' && made === 1) route.change = (frame) => (isGreeting(frame) ? [frame] : [])
  })
  toDevice.tell(bulk)
  await settled(server, device)
  t.deepEqual([atDevice.length, routes.bulk.length], [0, 1])
  cut('bulk')
  await later(50, [device], 5)
  t.deepEqual([atDevice.length, routes.bulk.length], [1, 2])
  await terminated(server, device)
})

test('large frames that are lost are sent again, however often the route for small messages is cut', async (t) => {
  const { server, device, toDevice, atDevice, routes, last, cut } = await joined()
  toDevice.tell(bulk)
  await settled(server, device)
  const route = last('bulk')
  if (!route) return t.fail()
  route.change = () => []
  toDevice.tell(bulk)
  await settled(server, device)
  route.change = (frame) => [frame]
  for (let cuts = 0; cuts < 10; cuts++) {
    await later(1500, [server, device], 100)
    cut('control')
  }
  t.deepEqual([atDevice.length, routes.bulk.length], [2, 1])
  await terminated(server, device)
})

test('a node whose greeting was answered in vain gives the same entry when it greets again', async (t) => {
  const entries: unknown[] = []
  const server = clockedNode('server', {
    authenticate: async () => ({ mayStop: false }),
    onPeer: ({ entry }) => entries.push(entry),
  })
  const device = clockedNode('device')
  const { dial, routes } = dialling(() => server)
  const received: unknown[] = []
  let made = 0
  device.link.connect({
    async dial(...args) {
      const route = await dial(...args)
      const [first, ...others] = routes.control
      // The first welcome is lost.
      if (first && others.length === 0) first.change = (frame) => (frame[0] === 1 ? [] : [frame])
      return route
    },
    rights: { mayStop: true, entry: () => noting(device.system, received, `entry-${made++}`) },
  })
  await settled(server, device)
  routes.control[0]?.lose()
  await later(10, [server, device])
  const [entry] = entries
  if (!isActorRef<unknown>(entry)) return t.fail()
  entry.tell('welcome')
  await settled(server, device)
  t.deepEqual([received, entries.length], [['welcome'], 1])
  await terminated(server, device)
})

test('a route that carries both lanes is the only one', async (t) => {
  const received: unknown[] = []
  const server = clockedNode('server')
  const device = clockedNode('device', {
    onPeer({ entry }) {
      if (isActorRef<unknown>(entry)) entry.tell(bulk)
    },
  })
  const serverLink = nodeLink(server.system, { entry: noting(server.system, received) })
  let dials = 0
  device.link.connect({
    async dial() {
      dials += 1
      const [left, right] = memoryRoute()
      serverLink.accept(right, { mayStop: false })
      return Object.assign(left, { carriesBothLanes: true })
    },
    rights: { mayStop: true },
  })
  await settled(server, device)
  t.deepEqual(received, [bulk])
  t.is(dials, 1)
  await terminated(server, device)
})

test('a node dials again after delays that grow from 2 ms to 5 s, also if routes open and die without progress', async (t) => {
  const server = clockedNode('server', { authenticate: async () => ({ mayStop: false }) })
  const device = clockedNode('device', { randomBytes: (count) => new Uint8Array(count).fill(255) })
  const { dial, cut } = dialling(() => server)
  const causes: unknown[] = []
  let isDown = true
  let dials = 0
  device.link.connect({
    async dial(...args) {
      dials += 1
      if (isDown) throw new CodedError('TEST_DOWN', { message: 'it is down', hint: 'wait' }, {})
      return dial(...args)
    },
    rights: { mayStop: true },
    onChange: (_state, cause) => cause && causes.push(cause),
  })
  const delays = async (count: number) => {
    const found: number[] = []
    for (let delay = 2; found.length < count; delay = Math.min(5000, 1.25 * delay)) {
      const before = dials
      await later(delay * 0.9, [device])
      t.is(dials, before, `not before ${delay} ms`)
      await later(delay * 0.11, [device])
      t.is(dials, before + 1, `after ${delay} ms`)
      found.push(delay)
      if (!isDown) {
        await settled(server, device)
        cut('control')
      }
    }
    return found
  }
  await settled(device)
  t.deepEqual((await delays(38)).slice(-3).map(Math.round), [4930, 5000, 5000])
  t.like(causes[0], { code: 'TEST_DOWN' })
  isDown = false
  await later(5000, [device])
  await settled(server, device)
  await later(6000, [device, server])
  cut('control')
  await delays(6)
  await terminated(server, device)
})

test('a node that has too many others to greet is dialled after delays that double', async (t) => {
  const server = clockedNode('server', { authenticate: async () => ({ mayStop: false }), mostGreeting: 0 })
  const device = clockedNode('device', { randomBytes: (count) => new Uint8Array(count).fill(255) })
  const { dial, routes } = dialling(() => server)
  const causes: unknown[] = []
  device.link.connect({
    dial,
    rights: { mayStop: true },
    onChange: (_state, cause) => cause && causes.push(Object(cause).code),
  })
  await settled(server, device)
  const count = 6
  for (let [dials, delay] = [1, 2]; dials <= count; dials++, delay *= 2) {
    t.is(routes.control.length, dials)
    await later(delay, [device])
    await settled(server, device)
  }
  t.deepEqual(new Set(causes), new Set(['LINK_BUSY']))
  await terminated(server, device)
})

test('a node whose token is refused stays out, and the refusal can be audited; nothing but the token was read', async (t) => {
  const claims: Claim[] = []
  const server = clockedNode('server', {
    async authenticate(claim) {
      claims.push(claim)
      throw new Error('the token has ended')
    },
  })
  const device = clockedNode('device')
  const { dial, routes } = dialling(() => server)
  const changes: unknown[] = []
  const connection = device.link.connect({
    dial,
    token: 'old',
    rights: { mayStop: true },
    onChange: (state, cause) => changes.push([state, Object(cause).code]),
  })
  await settled(server, device)
  await later(10_000, [server, device])
  t.is(connection.state, 'refused')
  t.deepEqual(changes, [['refused', 'LINK_TOKEN']])
  t.deepEqual(claims, [{ token: 'old', node: 'device', from: '192.0.2.1' }])
  t.is(routes.control.length, 1)
  t.like(server.refusals[0], { from: '192.0.2.1', node: 'device' })
  t.like(server.refusals[0]?.cause, { code: 'LINK_TOKEN' })
  t.like(server.refusals[0]?.cause.cause, { message: 'the token has ended' })
  await terminated(server, device)
})

test('a node with the name of another is refused, and a new life of the same node takes over', async (t) => {
  const server = clockedNode('server', {
    authenticate: async ({ token }) => ({ mayStop: false, identity: token }),
  })
  const { dial } = dialling(() => server)
  const first = clockedNode('device')
  const other = clockedNode('device', {}, 2)
  const next = clockedNode('device', {}, 2)
  const causes: unknown[] = []
  const onChange = (_state: ConnectionState, cause?: Error) => cause && causes.push(Object(cause).code)
  const connect = ({ link }: ClockedNode, token: string) =>
    link.connect({ dial, token, rights: { mayStop: true }, onChange })
  const one = connect(first, 'anna')
  await settled(server, first)
  const two = connect(other, 'ben')
  await settled(server, first, other)
  t.deepEqual([one.state, two.state], ['open', 'refused'])
  t.deepEqual(causes, ['LINK_NAME'])
  const three = connect(next, 'anna')
  await settled(server, first, next)
  t.deepEqual([one.state, three.state], ['ended', 'open'])
  t.deepEqual(causes, ['LINK_NAME', 'LINK_INCARNATION'])
  await terminated(server, first, other, next)
})

test('a dialling that never ends is given up, with a reason, and tried again', async (t) => {
  const device = clockedNode('device')
  let dials = 0
  const dial = () => {
    dials += 1
    return new Promise<Route>(() => {})
  }
  const causes: unknown[] = []
  device.link.connect({ dial, rights: { mayStop: true }, onChange: (_state, cause) => causes.push(cause) })
  await settled(device)
  await later(10_000, [device])
  t.like(causes[0], { code: 'LINK_HANDSHAKE', message: 'no session with node unknown: no route in 10000 ms' })
  await later(10, [device])
  t.is(dials, 2)
  await terminated(device)
})

test('a callback that throws is reported, and ends neither the link nor a session', async (t) => {
  const server = clockedNode('server', { authenticate: async () => ({ mayStop: false }) })
  const device = clockedNode('device')
  const faults: unknown[] = []
  device.system.events.subscribe((event) => event.type === 'resumed' && faults.push(event.cause))
  const { dial, cut } = dialling(() => server)
  const fault = new Error('a fault of the callback')
  const connection = device.link.connect({
    dial,
    rights: { mayStop: true },
    onChange(state) {
      if (state === 'connecting') throw fault
    },
  })
  await settled(server, device)
  cut('control')
  await later(20, [server, device], 5)
  t.deepEqual(faults, [fault])
  t.is(connection.state, 'open')
  await terminated(server, device)
})
