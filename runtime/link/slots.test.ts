import test from 'ava'
import { forSeeds } from '../../sdk/testing/index.ts'
import { type Fate, type FaultyRoutes, faultyRoutes, joined } from '../../test/support/faulty-routes.ts'
import {
  type ActorRef,
  type ActorSystem,
  type ActorSystemOptions,
  actorSystem,
  type DeadLetter,
  isActorRef,
  keep,
  type NodeLink,
  type NodeLinkOptions,
  nodeLink,
  release,
  type Scheduler,
  seededScheduler,
  type Terminated,
} from '../index.ts'

const small: NodeLinkOptions = {
  frameBytes: { control: 300, bulk: 40_000 },
  window: { control: 900, bulk: 100_000 },
  slotFromBytes: 60_000,
  resendAfterMs: 3,
}

interface Node {
  readonly system: ActorSystem
  readonly link: NodeLink
  readonly letters: DeadLetter[]
  /** The entry of the next node with which a session begins. */
  readonly peer: Promise<ActorRef<unknown>>
}

function node(
  name: string,
  options: NodeLinkOptions,
  system: ActorSystemOptions = {},
  make?: (system: ActorSystem) => ActorRef<never>,
): Node {
  const own = actorSystem({ ...system, name })
  const letters: DeadLetter[] = []
  own.deadLetters.subscribe((letter) => letters.push(letter))
  const entry = make?.(own)
  let resolve: (entry: ActorRef<unknown>) => void = () => {}
  const peer = new Promise<ActorRef<unknown>>((found) => (resolve = found))
  const onPeer: NodeLinkOptions['onPeer'] = ({ entry: given }) => isActorRef<unknown>(given) && resolve(given)
  const link = nodeLink(own, { ...small, ...options, onPeer, ...(entry && { entry }) })
  return { system: own, link, letters, peer }
}

interface Update {
  readonly from: string
  readonly number: number
  readonly values: Float64Array
}

/** 80,000 bytes: two frames, and a slot. */
const update = (from: string, number: number, values = 10_000): Update => ({
  from,
  number,
  values: new Float64Array(values).fill(number),
})
const decode = (value: unknown): Update | undefined => {
  const { from, number, values } = Object(value)
  return typeof number === 'number' && values instanceof Float64Array ? { from, number, values } : undefined
}

/** Spawns an entry that borrows updates. */
const borrowing = (handle: (update: Update) => void) => (system: ActorSystem) =>
  system.spawn<Update>('entry', () => handle, { decode, borrows: true })

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function until(isDone: () => boolean, routes: readonly FaultyRoutes[] = [], scheduler?: Scheduler) {
  for (let step = 0; !isDone(); step++) {
    if (step > 20_000) throw new Error('stuck')
    routes[scheduler?.pick(routes.length) ?? 0]?.step()
    await turn()
  }
}

const terminate = (...nodes: readonly Node[]) => Promise.all(nodes.map(({ system }) => system.terminate()))

test('40 seeds: under losses of routes every update of many senders arrives once, and few are lent at a time', async (t) => {
  let cuts = 0
  await forSeeds(40, async (seed) => {
    const scheduler = seededScheduler(seed)
    const fates: Fate[] = ['cut', 'lose', 'drop']
    const lent: Update[] = []
    const came = new Map<string, number[]>()
    let most = 0
    const server = node(
      'server',
      { slotPatienceMs: 1e9, greetWithinMs: 3 },
      { scheduler },
      borrowing((borrowed) => {
        lent.push(borrowed)
        most = Math.max(most, lent.filter(({ values }) => values.length === 10_000).length)
        came.set(borrowed.from, [...(came.get(borrowed.from) ?? []), borrowed.number])
        if (!borrowed.values.every((value) => value === borrowed.number)) throw new Error('the bytes of another')
      }),
    )
    const devices = Array.from({ length: 5 }, (_, index) =>
      node(`device-${index}`, { greetWithinMs: 3 }, { scheduler }),
    )
    let faults = 10
    const routes = devices.map(({ link }) =>
      faultyRoutes({
        dialling: link,
        accepting: server.link,
        accepted: 'server',
        pick: (count) => scheduler.pick(count),
        fate() {
          const fate = fates[scheduler.pick(24)]
          if (!fate || faults === 0) return 'deliver'
          faults -= 1
          return fate
        },
      }),
    )
    for (const [index, { peer }] of devices.entries())
      void peer.then((entry) => {
        for (let number = 0; number < 4; number++)
          entry.tell(update(`device-${index}`, number, scheduler.pick(3) === 0 ? 5000 : 10_000))
      })
    await until(
      () => {
        const [first] = lent
        if (first && scheduler.pick(8) === 0) {
          lent.shift()
          release(first)
          // Messages of one frame, or of fresh memory, weren't lent.
          if (first.values.length === 10_000) throw new Error('a released array is still there')
        }
        return lent.length === 0 && [...came.values()].flat().length === 20
      },
      routes,
      scheduler,
    )
    for (const [from, numbers] of came)
      if (numbers.join() !== '0,1,2,3') throw new Error(`${from} sent 0 to 3, and ${numbers} came`)
    if (server.letters.length > 0) throw new Error('there are dead letters')
    // Two in slots, and two for which room was promised.
    if (most > 4) throw new Error(`${most} at a time`)
    for (const each of routes) {
      cuts += each.cuts
      each.stop()
    }
    await terminate(server, ...devices)
  })
  t.true(cuts > 80 || process.env.SEED !== undefined, `${cuts} cuts`)
})

test('a message is the own one of an actor that does not borrow, and of one that keeps it', async (t) => {
  for (const borrows of [false, true]) {
    const own: Update[] = []
    const server = node('server', { slots: 1, slotPatienceMs: 1e9 }, {}, (system) =>
      system.spawn<Update>(
        'entry',
        () => (given) => {
          own.push(given)
          if (borrows) keep(given)
        },
        { decode, borrows },
      ),
    )
    const device = node('device', {})
    joined(device.link, server.link, 'server')
    const entry = await device.peer
    for (let number = 0; number < 5; number++) entry.tell(update('device', number))
    await until(() => own.length === 5)
    for (const { number, values } of own) t.true(values.length === 10_000 && values.every((value) => value === number))
    // It isn't lent any more.
    for (const given of own) release(given)
    t.is(own[0]?.values.length, 10_000)
    await terminate(server, device)
  }
})

test('a consumer that holds its messages until another one comes delays it, but gets it', async (t) => {
  const held: Update[] = []
  const server = node(
    'server',
    { slots: 1, slotPatienceMs: 5 },
    {},
    borrowing((given) => held.push(given)),
  )
  const device = node('device', {})
  joined(device.link, server.link, 'server')
  const entry = await device.peer
  for (let number = 0; number < 4; number++) entry.tell(update('device', number))
  await until(() => held.length === 4)
  for (const { number, values } of held) t.true(values.length === 10_000 && values.every((value) => value === number))
  for (const given of held) release(given)
  t.deepEqual(
    held.map(({ values }) => values.length),
    [0, 0, 0, 0],
  )
  await terminate(server, device)
})

test('the slots of a sender that is declared dead in the middle of a message are free for others', async (t) => {
  const came: number[] = []
  const server = node(
    'server',
    { slots: 1, slotPatienceMs: 1e9 },
    {},
    borrowing((given) => {
      came.push(given.number)
      release(given)
    }),
  )
  const dying = node('dying', {})
  let hasPart = false
  const routes = faultyRoutes({
    dialling: dying.link,
    accepting: server.link,
    accepted: 'server',
    // The first part of a message arrives, and then nothing.
    fate: (frame) => {
      if (hasPart) return 'drop'
      hasPart = frame[0] === 2 && frame[1] === 3
      return 'deliver'
    },
  })
  void dying.peer.then((entry) => entry.tell(update('dying', 7)))
  await until(() => hasPart, [routes])
  const device = node('device', {})
  joined(device.link, server.link, 'server')
  ;(await device.peer).tell(update('device', 1))
  for (let step = 0; step < 50; step++) await turn()
  t.deepEqual(came, [])
  server.link.declareDead('dying')
  await until(() => came.length === 1)
  t.deepEqual(came, [1])
  routes.stop()
  await terminate(server, dying, device)
})

test('a dead letter holds no slot, and keeps its arrays', async (t) => {
  const server = node('server', { slots: 1, slotPatienceMs: 1e9 }, {}, (system) =>
    system.spawn<Update>('entry', () => () => {}, { decode: () => undefined, borrows: true }),
  )
  const device = node('device', {})
  joined(device.link, server.link, 'server')
  const entry = await device.peer
  for (let number = 0; number < 3; number++) entry.tell(update('device', number))
  await until(() => server.letters.length === 3)
  for (const { message } of server.letters) t.is(decode(message)?.values.length, 10_000)
  await terminate(server, device)
})

test('after a large message the next one is sent without being asked for, and a third waits for a slot', async (t) => {
  const held: Update[] = []
  const server = node(
    'server',
    { slots: 1, slotPatienceMs: 1e9 },
    {},
    borrowing((given) => held.push(given)),
  )
  const device = node('device', {})
  const frames: string[] = []
  const routes = faultyRoutes({
    dialling: device.link,
    accepting: server.link,
    accepted: 'server',
    fate(frame, direction) {
      if (frame[0] === 2)
        frames.push(`${direction === 0 ? 'device' : 'server'} ${(frame[1] ?? 0) & 1 ? 'bulk' : 'control'}`)
      return 'deliver'
    },
  })
  let entry: ActorRef<unknown> | undefined
  void device.peer.then((given) => (entry = given))
  await until(() => entry !== undefined, [routes])
  for (const number of [0, 1, 2]) {
    frames.length = 0
    entry?.tell(update('device', number))
    for (let step = 0; step < 100; step++) {
      routes.step()
      await turn()
    }
    // The first needs an announcement and a grant; the second was promised; no slot is free for the third.
    t.is(frames[0], number === 1 ? 'device bulk' : 'device control', `message ${number}`)
    t.is(held.length, Math.min(2, number + 1))
  }
  for (const each of [...held]) release(each)
  await until(() => held.length === 2 + 1, [routes])
  t.deepEqual(
    held.map(({ number, values }) => [number, values[9999]]),
    [
      [0, undefined],
      [1, undefined],
      [2, 2],
    ],
  )
  routes.stop()
  await terminate(server, device)
})

test('a node that sends a large message without a slot loses its session', async (t) => {
  const server = node(
    'server',
    { slots: 1 },
    {},
    borrowing(() => t.fail()),
  )
  const device = node('device', { slotFromBytes: 1e9 })
  joined(device.link, server.link, 'server')
  const entry = await device.peer
  const ended = device.system.stopped(entry)
  entry.tell(update('device', 1))
  const { cause }: Terminated = await ended
  t.like(cause, { code: 'LINK_NODE_ENDED' })
  t.regex(String(cause), /a message of \d+ bytes has no slot/)
  await terminate(server, device)
})

test('beyond the queue for a node a tell is a dead letter, and an offer waits', async (t) => {
  const came: number[] = []
  const server = node(
    'server',
    {},
    {},
    borrowing((given) => void came.push(given.number)),
  )
  const device = node('device', { queue: { control: 20_000, bulk: 1_000_000 } })
  const routes = faultyRoutes({ dialling: device.link, accepting: server.link, accepted: 'server' })
  let entry: ActorRef<unknown> | undefined
  void device.peer.then((given) => (entry = given))
  await until(() => entry !== undefined, [routes])
  // Nothing is sent from here on until the next step.
  for (let number = 0; number < 30; number++) entry?.tell(update('device', number, 5000))
  t.deepEqual(
    device.letters.map(({ reason }) => reason),
    Array.from({ length: device.letters.length }, () => 'queue-full'),
  )
  t.true(device.letters.length > 0 && device.letters.length < 10)
  let isAccepted = false
  const offered = entry?.offer(update('device', 99, 5000)).then(() => (isAccepted = true))
  await turn()
  t.false(isAccepted)
  await until(() => isAccepted, [routes])
  await offered
  t.deepEqual(came, [...Array.from({ length: 30 - device.letters.length }, (_, index) => index), 99])

  const failed: string[] = []
  for (let number = 0; number < 30; number++) entry?.tell(update('device', number, 5000))
  void entry?.offer(update('device', 100, 5000)).catch((cause) => failed.push(Object(cause).code))
  device.link.close()
  await until(() => failed.length > 0)
  t.deepEqual(failed, ['KERNEL_STOPPED'])
  routes.stop()
  await terminate(server, device)
})
