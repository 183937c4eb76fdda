import test from 'ava'
import fc from 'fast-check'
import { forSeeds } from '../../sdk/testing/index.ts'
import { type Fate, faultyRoutes, joined } from '../../test/support/faulty-routes.ts'
import {
  type ActorRef,
  type ActorSystem,
  type ActorSystemOptions,
  actorSystem,
  CodedError,
  type DeadLetter,
  isActorRef,
  isNodeEnd,
  manualClock,
  memoryRoute,
  type NodeLink,
  type NodeLinkOptions,
  nodeLink,
  type Peer,
  type Route,
  seededScheduler,
  type Terminated,
} from '../index.ts'

/** The actors of these tests accept any message of another node. */
const anything = (value: unknown): unknown => value

interface Node {
  readonly system: ActorSystem
  readonly link: NodeLink
  readonly letters: DeadLetter[]
  readonly peers: Peer[]
  /** Resolves with the entry of the next peer. */
  entry(): Promise<ActorRef<unknown>>
}

function node(
  name: string,
  make: (system: ActorSystem) => ActorRef<never> | undefined = () => undefined,
  { incarnation = 1, ...system }: ActorSystemOptions = {},
  options: NodeLinkOptions = {},
): Node {
  const own = actorSystem({ ...system, name, incarnation })
  const letters: DeadLetter[] = []
  own.deadLetters.subscribe((letter) => letters.push(letter))
  const peers: Peer[] = []
  const waiting: ((entry: ActorRef<unknown>) => void)[] = []
  const entry = make(own)
  const link = nodeLink(own, {
    ...options,
    ...(entry && { entry }),
    onPeer(peer) {
      peers.push(peer)
      if (isActorRef<unknown>(peer.entry)) waiting.shift()?.(peer.entry)
    },
  })
  return { system: own, link, letters, peers, entry: () => new Promise((resolve) => waiting.push(resolve)) }
}

/** Spawns an actor that notes its messages, with a decoder for other nodes. */
function noting(into: unknown[], name = 'entry') {
  return (system: ActorSystem) =>
    system.spawn<unknown>(name, () => (message) => void into.push(message), { decode: anything })
}

/** Two nodes, joined by a route without faults. The first has the entry of the second. */
async function pair(make: (system: ActorSystem) => ActorRef<never>, options: NodeLinkOptions = {}) {
  const server = node('server', make, {}, options)
  const device = node('device', () => undefined, {}, options)
  const entry = device.entry()
  joined(device.link, server.link, 'server')
  const end = async () => {
    await Promise.all([device.system.terminate(), server.system.terminate()])
  }
  return { server, device, entry: await entry, end }
}

/** Waits until all messages between nodes have been handled. */
async function settled(...nodes: readonly Node[]): Promise<void> {
  for (let round = 0; round < 6; round++) await Promise.all(nodes.map(({ system }) => system.idle()))
}

test('a message told to an actor of another node arrives, with refs that lead back and arrays of its own', async (t) => {
  const received: unknown[] = []
  const { server, device, entry, end } = await pair(noting(received))
  const replies: unknown[] = []
  const own = noting(replies, 'own')(device.system)
  const weights = Float32Array.of(1, 2)
  entry.tell({ type: 'join', ref: own, weights, again: [own] })
  await settled(server, device)
  const [message] = received
  const { ref, again, ...rest } = Object(message)
  t.deepEqual(rest, { type: 'join', weights })
  t.true(isActorRef<unknown>(ref) && again[0] === ref)
  t.is(ref.path, 'device:/own')
  t.deepEqual(ref.address, own.address)
  t.not(Object(message).weights, weights)
  ref.tell('welcome')
  await settled(server, device)
  t.deepEqual(replies, ['welcome'])
  await end()
})

test('an ask of another node is answered, or ends with the asked actor, the time-out, or its node', async (t) => {
  const kept: unknown[] = []
  const echo = (system: ActorSystem) =>
    system.spawn<{ readonly text: string; readonly replyTo: ActorRef<unknown> }>(
      'echo',
      (context) => (message) => {
        if (message.text === 'stop') return context.stop()
        if (message.text === 'silence') return void kept.push(message.replyTo)
        return message.replyTo.tell(message.text === 'garbage' ? 1 : message.text.toUpperCase())
      },
      {
        decode(value) {
          const { text, replyTo } = Object(value)
          return typeof text === 'string' && isActorRef<unknown>(replyTo) ? { text, replyTo } : undefined
        },
      },
    )
  const { server, device, entry, end } = await pair(echo)
  const decode = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const ask = (text: string, timeoutMs = 10_000) =>
    device.system.ask<string, unknown>(entry, (replyTo) => ({ text, replyTo }), { timeoutMs, decode })
  t.is(await ask('hello'), 'HELLO')
  await t.throwsAsync(ask('garbage'), { code: 'KERNEL_UNDECODABLE' })
  await t.throwsAsync(ask('silence', 1), { code: 'KERNEL_ASK_TIMEOUT' })
  await t.throwsAsync(
    device.system.ask<string, unknown>(entry, (replyTo) => replyTo, { timeoutMs: 1 }),
    {
      code: 'KERNEL_ASK_DECODER',
    },
  )
  await settled(server, device)
  const [late] = kept
  if (!isActorRef<unknown>(late)) return t.fail()
  t.is((await server.system.stopped(late)).path, `device:${entry.path}?`)
  late.tell('too late')
  await settled(server, device)
  t.is(server.letters.length + device.letters.length, 2, 'garbage, and the late reply')
  t.deepEqual(
    device.letters.map(({ reason }) => reason),
    ['undecodable', 'unknown-address'],
  )
  await t.throwsAsync(ask('stop'), { code: 'KERNEL_STOPPED' })
  t.is((await device.system.stopped(entry)).path, 'server:/echo')
  await t.throwsAsync(ask('hello'), { code: 'KERNEL_STOPPED' })
  await end()
})

test('an ask ends with the node of the asked actor, and its reply address with the node that asks', async (t) => {
  const kept: ActorRef<unknown>[] = []
  const { server, device, entry } = await pair((system) =>
    system.spawn<ActorRef<unknown>>('silent', () => (replyTo) => void kept.push(replyTo), {
      decode: (value) => (isActorRef<unknown>(value) ? value : undefined),
    }),
  )
  const ask = device.system.ask<unknown, unknown>(entry, (replyTo) => replyTo, { timeoutMs: 60_000, decode: anything })
  await settled(server, device)
  const [replyTo] = kept
  if (!replyTo) return t.fail()
  const ended = server.system.stopped(replyTo)
  const failed = t.throwsAsync(ask, { code: 'KERNEL_STOPPED' })
  device.link.close()
  t.like((await ended).cause, { code: 'LINK_NODE_ENDED' })
  await failed
  await Promise.all([device.system.terminate(), server.system.terminate()])
})

test('an actor of another node is stopped and watched as a local one, and a fault that stopped it is told', async (t) => {
  const stopped: Terminated[] = []
  const { server, device, entry, end } = await pair((system) =>
    system.spawn<unknown>(
      'entry',
      () => () => {
        throw new CodedError('TEST_FAULT', { message: 'it broke', hint: 'mend it' }, {})
      },
      { decode: anything, supervise: { type: 'stop' } },
    ),
  )
  device.system.spawn<Terminated>('watcher', (context) => {
    context.watch(entry, (terminated) => terminated)
    context.watch(entry, (terminated) => terminated)
    context.watch(entry, (terminated) => terminated)()
    return (terminated) => void stopped.push(terminated)
  })
  await settled(server, device)
  entry.tell('break')
  await settled(server, device)
  t.is(stopped.length, 2)
  t.like(stopped[0], { path: 'server:/entry' })
  t.like(stopped[0]?.cause, { code: 'TEST_FAULT', message: 'it broke' })
  t.like(await device.system.stopped(entry), { path: 'server:/entry' })
  await end()
})

test('an actor of another node stops when it is told to by system or context, its children first', async (t) => {
  const given: unknown[] = []
  const { server, device, entry, end } = await pair((system) =>
    system.spawn<ActorRef<unknown>>(
      'entry',
      (context) => {
        const children = ['a', 'b'].map((name) => context.spawn<unknown>(name, () => () => {}, { decode: anything }))
        return (replyTo) => replyTo.tell(children)
      },
      { decode: (value) => (isActorRef<unknown>(value) ? value : undefined) },
    ),
  )
  entry.tell(noting(given, 'own')(device.system))
  await settled(server, device)
  const [a, b]: readonly unknown[] = Object(given[0])
  if (!isActorRef<unknown>(a) || !isActorRef<unknown>(b)) return t.fail()
  device.system.spawn<null>('stopper', (context) => {
    context.stop(a)
    return () => {}
  })
  t.deepEqual(await device.system.stopped(a), { path: 'server:/entry/a' })
  const ends: string[] = []
  const both = [b, entry].map((ref) => device.system.stopped(ref).then(({ path }) => ends.push(path)))
  device.system.stop(entry)
  await Promise.all(both)
  t.deepEqual(ends, ['server:/entry/b', 'server:/entry'])
  t.is(server.system.size, 1)
  await end()
})

test('a stop by a node without the right to stop is a dead letter, and the actor lives', async (t) => {
  const received: unknown[] = []
  const server = node('server', noting(received))
  const device = node('device')
  const entry = device.entry()
  const [left, right] = memoryRoute()
  device.link.dial('server', left, { mayStop: true })
  server.link.accept(right, { mayStop: false, node: 'device' })
  device.system.stop(await entry)
  ;(await Promise.resolve(entry)).tell('still there')
  await settled(server, device)
  t.deepEqual(received, ['still there'])
  t.deepEqual(
    server.letters.map(({ reason, path }) => ({ reason, path })),
    [{ reason: 'refused', path: '/entry' }],
  )
  await Promise.all([device.system.terminate(), server.system.terminate()])
})

test('an offer to another node waits for a place in the mailbox, and is refused when the actor stops', async (t) => {
  let release = () => {}
  const { server, device, entry, end } = await pair((system) =>
    system.spawn<unknown>(
      'entry',
      (context) => (message) =>
        message === 'stop' ? context.stop() : new Promise<void>((resolve) => (release = resolve)),
      { decode: anything, mailbox: { capacity: 1 } },
    ),
  )
  await entry.offer('first')
  await settled(server, device)
  await entry.offer('second')
  let isAccepted = false
  const third = entry.offer('third').then(() => (isAccepted = true))
  await settled(server, device)
  t.false(isAccepted)
  release()
  await third
  const left = entry.offer('fourth')
  const refused = t.throwsAsync(left, { code: 'KERNEL_STOPPED' })
  await settled(server, device)
  await server.system.terminate()
  await refused
  await t.throwsAsync(entry.offer('fifth'), { code: 'KERNEL_STOPPED' })
  await end()
})

test('a message that is none of the protocol never reaches the handler, and one that cannot travel never leaves', async (t) => {
  const received: number[] = []
  const { server, device, entry, end } = await pair((system) =>
    system.spawn<number>('numbers', () => (message) => void received.push(message), {
      decode(value) {
        if (value === 'trap') throw new RangeError('a decoder may throw')
        return typeof value === 'number' ? value : undefined
      },
    }),
  )
  const hidden = device.system.spawn<number>('hidden', () => () => {})
  for (const message of ['text', 'trap', { a: 1 }, 7, () => {}, new Map(), hidden]) entry.tell(message)
  await t.throwsAsync(entry.offer('text'), { code: 'KERNEL_UNDECODABLE' })
  await t.throwsAsync(entry.offer(hidden), { code: 'LINK_NO_DECODER' })
  await settled(server, device)
  t.deepEqual(received, [7])
  t.deepEqual(
    server.letters.map(({ reason }) => reason),
    Array.from({ length: 4 }, () => 'undecodable'),
  )
  t.true(server.letters[1]?.cause instanceof RangeError)
  t.deepEqual(
    device.letters.map(({ reason }) => reason),
    Array.from({ length: 3 }, () => 'unencodable'),
  )
  t.is(server.system.deadLetters.count, 4)
  await end()
})

test('a ref that came home is decoded as if its messages came from the other node', async (t) => {
  const numbers: number[] = []
  const returned: unknown[] = []
  const { server, device, entry, end } = await pair(noting(returned))
  const own = server.system.spawn<number>('own', () => (message) => void numbers.push(message), {
    decode: (value) => (typeof value === 'number' ? value : undefined),
  })
  const mirror = device.system.spawn<unknown>('mirror', () => (message) => entry.tell(message), { decode: anything })
  entry.tell(mirror)
  await settled(server, device)
  const [toMirror] = returned
  if (!isActorRef<unknown>(toMirror)) return t.fail()
  toMirror.tell(own)
  await settled(server, device)
  const back = returned[1]
  if (!isActorRef<unknown>(back)) return t.fail()
  t.deepEqual(back.address, own.address)
  back.tell('a text')
  back.tell(5)
  await settled(server, device)
  t.deepEqual(numbers, [5])
  t.deepEqual(
    server.letters.map(({ reason }) => reason),
    ['undecodable'],
  )
  toMirror.tell(back)
  await settled(server, device)
  t.is(returned[2], back)
  server.system.stop(back)
  t.deepEqual(await server.system.stopped(own), { path: '/own' })
  await end()
})

test('a third node reaches an actor by a ref that was passed on, and hears its end', async (t) => {
  const received: unknown[] = []
  const given: unknown[] = []
  const server = node('server', noting(received))
  const middle = node('middle', noting([], 'middle'))
  const device = node('device', noting(given, 'device'))
  const [toServer, toDevice] = [middle.entry(), middle.entry()]
  joined(middle.link, server.link, 'server')
  const entry = await toServer
  joined(middle.link, device.link, 'device')
  ;(await toDevice).tell(entry)
  await settled(server, middle, device)
  const [ref] = given
  if (!isActorRef<unknown>(ref)) return t.fail()
  ref.tell('from afar')
  await settled(server, middle, device)
  t.deepEqual(received, ['from afar'])
  const ended = device.system.stopped(ref)
  await server.system.terminate()
  t.like(await ended, { path: 'middle:server:/entry' })
  await Promise.all([middle.system.terminate(), device.system.terminate()])
})

test('who watches an actor of a third node too late hears that the node has ended, and not only the actor', async (t) => {
  const given: unknown[] = []
  const returned: unknown[] = []
  const server = node('server', noting([]))
  const middle = node('middle', noting(returned, 'middle'))
  const device = node('device', noting(given, 'device'))
  t.teardown(() => Promise.all([server, middle, device].map(({ system }) => system.terminate())))
  const [toServer, toDevice] = [middle.entry(), middle.entry()]
  joined(middle.link, server.link, 'server')
  const entry = await toServer
  const toMiddle = device.entry()
  joined(middle.link, device.link, 'device')
  const to = await toDevice
  to.tell(entry)
  await settled(server, middle, device)
  middle.link.declareDead('server')
  await settled(middle, device)
  to.tell([entry])
  await settled(middle, device)
  const [early, [late]] = [given[0], Array.isArray(given[1]) ? given[1] : []]
  if (!isActorRef<unknown>(early) || !isActorRef<unknown>(late)) return t.fail()
  for (const ref of [early, late]) t.true(isNodeEnd((await device.system.stopped(ref)).cause))
  ;(await toMiddle).tell(early)
  await settled(middle, device)
  const [back] = returned
  if (!isActorRef<unknown>(back)) return t.fail()
  t.true(isNodeEnd((await middle.system.stopped(back)).cause))
})

test('a node that ended is told once to each watcher; what it was told since is a dead letter, also by old refs after its return', async (t) => {
  const received: unknown[] = []
  const server = node('server', noting(received))
  const device = node('device')
  const first = device.entry()
  const routes = faultyRoutes({ dialling: device.link, accepting: server.link, accepted: 'server' })
  const run = async () => {
    do await settled(server, device)
    while (routes.step())
  }
  routes.step()
  await run()
  const old = await first
  const ends: Terminated[] = []
  device.system.spawn<Terminated>('watcher', (context) => {
    for (let watch = 0; watch < 3; watch++) context.watch(old, (terminated) => terminated)
    return (terminated) => void ends.push(terminated)
  })
  await run()
  routes.stop()
  await server.system.terminate()
  old.tell('unacknowledged')
  await settled(device)
  t.is(ends.length, 0, 'a lost route is no end')

  const again = node('server', noting(received), { incarnation: 2 })
  const second = device.entry()
  const next = faultyRoutes({ dialling: device.link, accepting: again.link, accepted: 'server' })
  do await settled(again, device)
  while (next.step())
  t.is(ends.length, 3)
  t.like(ends[0]?.cause, { code: 'LINK_NODE_ENDED' })
  old.tell('to the dead')
  ;(await second).tell('to the living')
  do await settled(again, device)
  while (next.step())
  t.deepEqual(received, ['to the living'])
  t.deepEqual(
    device.letters.map(({ message, reason }) => ({ message, reason })),
    ['unacknowledged', 'to the dead'].map((message) => ({ message, reason: 'node-ended' })),
  )
  t.is(ends.length, 3)
  t.like(await device.system.stopped(old), { path: 'server:/entry' })
  await Promise.all([device.system.terminate(), again.system.terminate()])
})

test('a node that was declared dead is refused until it begins another life', async (t) => {
  const { server, device, entry } = await pair(noting([]))
  const ended = device.system.stopped(entry)
  server.link.declareDead('device')
  t.like((await ended).cause, { code: 'LINK_NODE_ENDED' })
  joined(device.link, server.link, 'server')
  await settled(server, device)
  t.is(server.peers.length, 1)
  const again = node('device', () => undefined, { incarnation: 2 })
  const second = again.entry()
  joined(again.link, server.link, 'server')
  t.is((await second).path, 'server:/entry')
  t.deepEqual(
    server.peers.map(({ nodeIncarnation }) => nodeIncarnation),
    [1, 2],
  )
  await Promise.all([server, device, again].map(({ system }) => system.terminate()))
})

test('a node of another name, of the own name, or of another version is refused', async (t) => {
  const server = node('server')
  const twin = node('server')
  const device = node('device')
  for (const [dialling, dialled, rights] of [
    [twin, 'server', {}],
    [device, 'elsewhere', {}],
    [device, 'server', { node: 'another' }],
  ] as const) {
    const [left, right] = memoryRoute()
    dialling.link.dial(dialled, left, { mayStop: true })
    server.link.accept(right, { mayStop: true, ...rights })
  }
  await settled(server, twin, device)
  t.is(device.peers.length, 0)
  t.is(twin.peers.length, 0)
  await Promise.all([server, twin, device].map(({ system }) => system.terminate()))
})

/** A sender numbers its messages in each lane, to two receivers. */
const bulky = (number: number) => ({ number, bulk: new Float64Array(5000).fill(number) })

test('120 seeds: under any losses of routes nothing is lost, doubled or reordered within a lane', async (t) => {
  let cuts = 0
  await forSeeds(120, async (seed) => {
    const scheduler = seededScheduler(seed)
    const fates: Fate[] = ['cut', 'lose', 'drop']
    const small = {
      frameBytes: { control: 300, bulk: 9000 },
      window: { control: 900, bulk: 20_000 },
      resendAfterMs: 3,
      greetWithinMs: 3,
    }
    const [atServer, atDevice]: [unknown[], unknown[]] = [[], []]
    const server = node('server', noting(atServer), { scheduler }, small)
    const device = node('device', noting(atDevice), { scheduler }, small)
    const [toServer, toDevice] = [device.entry(), server.entry()]
    let faults = 12
    const routes = faultyRoutes({
      dialling: device.link,
      accepting: server.link,
      accepted: 'server',
      pick: (count) => scheduler.pick(count),
      fate() {
        const fate = fates[scheduler.pick(24)]
        if (!fate || faults === 0) return 'deliver'
        faults -= 1
        return fate
      },
    })
    const count = 24
    const sent = Promise.all([toServer, toDevice]).then(async (refs) => {
      for (let number = 0; number < count; number++) {
        for (const ref of refs) ref.tell(scheduler.pick(3) === 0 ? bulky(number) : { number })
        if (scheduler.pick(4) === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    })
    for (let step = 0; atServer.length < count || atDevice.length < count; step++) {
      if (step > 20_000) throw new Error(`stuck at ${atServer.length}, ${atDevice.length}`)
      routes.step()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await sent
    await settled(server, device)
    for (const received of [atServer, atDevice]) {
      const numbers = received.map((message): number => Object(message).number)
      if (new Set(numbers).size !== count || numbers.length !== count) throw new Error(`lost or doubled: ${numbers}`)
      for (const isBulk of [true, false]) {
        const lane = received.filter((message) => 'bulk' in Object(message) === isBulk)
        const order = lane.map((message): number => Object(message).number)
        if (order.join() !== order.toSorted((a, b) => a - b).join()) throw new Error(`reordered: ${order}`)
      }
      for (const message of received) {
        const { number, bulk } = Object(message)
        if (bulk && !bulk.every((value: number) => value === number)) throw new Error(`another's bytes: ${number}`)
      }
    }
    if (server.letters.length + device.letters.length > 0) throw new Error('there are dead letters')
    cuts += routes.cuts
    routes.stop()
    await Promise.all([device.system.terminate(), server.system.terminate()])
  })
  t.true(cuts > 300 || process.env.SEED !== undefined, `${cuts} cuts`)
})

test('the end of a watched actor is told after the messages that it had sent, however large', async (t) => {
  const events: string[] = []
  const { server, device, entry, end } = await pair(
    (system) =>
      system.spawn<ActorRef<unknown>>(
        'entry',
        (context) => (replyTo) => {
          replyTo.tell(bulky(1))
          replyTo.tell('small')
          context.stop()
        },
        { decode: (value) => (isActorRef<unknown>(value) ? value : undefined) },
      ),
    { frameBytes: { control: 300, bulk: 300 } },
  )
  const own = device.system.spawn<unknown>(
    'own',
    (context) => {
      context.watch(entry, () => 'terminated')
      return (message) => void events.push(typeof message === 'string' ? message : 'bulk')
    },
    { decode: anything },
  )
  entry.tell(own)
  await device.system.stopped(entry)
  await settled(server, device)
  t.deepEqual(events, ['small', 'bulk', 'terminated'])
  await end()
})

test('frames that anybody may have sent close their session at most, and no handler hears of them', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }),
      fc.boolean(),
      async (frames, greet) => {
        const received: unknown[] = []
        const server = node('server', noting(received))
        const device = node('device')
        const [left, right] = memoryRoute()
        const entry = greet ? device.entry() : undefined
        if (greet) device.link.dial('server', left, { mayStop: true })
        server.link.accept(right, { mayStop: true })
        await entry
        for (const frame of frames) left.send(Uint8Array.from(frame))
        await settled(server, device)
        t.deepEqual(received, [])
        t.is(server.system.size, 2)
        await Promise.all([device.system.terminate(), server.system.terminate()])
      },
    ),
    { numRuns: 60 },
  )
})

test('frames of a node that is slowed down on purpose come later, and in order, until the delay ends', async (t) => {
  const clock = manualClock()
  const received: unknown[] = []
  const server = node('server', noting(received), { clock })
  const device = node('device', () => undefined, { clock })
  const met = device.entry()
  joined(device.link, server.link, 'server')
  const entry = await met
  server.link.disturb('device', { type: 'delay', delayMs: 100 })
  await settled(server, device)
  entry.tell(1)
  await settled(server, device)
  t.deepEqual(received, [])
  server.link.disturb('device', { type: 'delay', delayMs: 0 })
  await settled(server, device)
  entry.tell(2)
  await settled(server, device)
  t.deepEqual(received, [], 'a later frame overtakes none')
  clock.advance(100)
  await settled(server, device)
  t.deepEqual(received, [1, 2])
  await Promise.all([device.system.terminate(), server.system.terminate()])
})

test('routes that are cut on purpose are lost for both nodes, and the session goes on over another', async (t) => {
  const received: unknown[] = []
  const { server, device, entry, end } = await pair(noting(received))
  server.link.disturb('device', { type: 'cut' })
  await settled(server, device)
  entry.tell('waits')
  await settled(server, device)
  t.deepEqual(received, [])
  joined(device.link, server.link, 'server')
  await settled(server, device)
  t.deepEqual(received, ['waits'])
  t.is(server.peers.length, 1)
  await end()
})

test('routes that come as the link ends, or after, are closed', async (t) => {
  const system = actorSystem({ name: 'a' })
  const link = nodeLink(system)
  const closed: string[] = []
  const routeOf = (name: string): Route => ({
    send() {},
    listen() {},
    close: () => void closed.push(name),
  })
  link.accept(routeOf('accepted'), { mayStop: false })
  link.dial('b', routeOf('dialled'), { mayStop: false })
  const states: string[] = []
  const rights = { mayStop: false }
  const onChange = (state: string) => void states.push(state)
  link.connect({ dial: async () => routeOf('connected'), rights, onChange })
  await system.terminate()
  link.accept(routeOf('late'), { mayStop: false })
  link.connect({ dial: async () => routeOf('never'), rights, onChange })
  t.deepEqual(closed.toSorted(), ['accepted', 'dialled', 'late'])
  t.deepEqual(states, ['ended', 'ended'])
})
