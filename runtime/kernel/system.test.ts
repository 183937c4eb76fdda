import test from 'ava'
import fc from 'fast-check'
import { forSeeds } from '../../sdk/testing/index.ts'
import {
  type ActorRef,
  actorSystem,
  type Behavior,
  type DeadLetter,
  manualClock,
  seededScheduler,
  type Terminated,
  virtualClock,
} from '../index.ts'

/** An actor that notes its messages. */
function collector<Message>(into: Message[]): Behavior<Message> {
  return () => (message) => void into.push(message)
}

test('messages of one sender arrive in order, each once', async (t) => {
  const system = actorSystem()
  const received: number[] = []
  const ref = system.spawn('collector', collector(received))
  for (let i = 0; i < 20_000; i++) ref.tell(i)
  await system.idle()
  t.deepEqual(
    received,
    Array.from({ length: 20_000 }, (_, i) => i),
  )
  await system.terminate()
})

test('a handler whose promise is pending holds back its next message and nobody else', async (t) => {
  const system = actorSystem()
  const events: string[] = []
  let release = () => {}
  const slow = system.spawn<string>('slow', () => (message) => {
    events.push(message)
    if (message === 'first') return new Promise((resolve) => (release = resolve))
  })
  const quick = system.spawn<string>('quick', collector(events))
  slow.tell('first')
  slow.tell('second')
  quick.tell('other')
  await system.idle()
  t.deepEqual(events.toSorted(), ['first', 'other'])
  release()
  await system.idle()
  t.is(events.at(-1), 'second')
  await system.terminate()
})

test('an actor that floods itself does not starve another, nor timers', async (t) => {
  const system = actorSystem()
  let floods = 0
  const flood = system.spawn<null>('flood', ({ self }) => () => {
    floods += 1
    self.tell(null)
    if (floods % 2 === 0) self.tell(null)
  })
  flood.tell(null)
  const answered = await new Promise((resolve) => {
    system.spawn<null>('other', (context) => {
      context.after(5, null)
      return () => resolve(true)
    })
  })
  t.true(answered)
  await system.terminate()
})

test('actors that ask each other without end starve no timer', async (t) => {
  const system = actorSystem()
  const echo = system.spawn<ActorRef<null>>('echo', () => (replyTo) => replyTo.tell(null))
  const asking = system.spawn<null>('asking', (context) => async () => {
    while (!context.signal.aborted)
      await context.ask<null, ActorRef<null>>(echo, (replyTo) => replyTo, { timeoutMs: 10_000 }).catch(() => {})
  })
  asking.tell(null)
  await new Promise((resolve) => void setTimeout(resolve, 1))
  t.true(system.size === 2)
  await system.terminate()
})

test('what a settled promise tells is taken along in the same turn', async (t) => {
  const system = actorSystem()
  const echo = system.spawn<ActorRef<null>>('echo', () => (replyTo) => replyTo.tell(null))
  let tasks = 0
  const count = () => {
    tasks += 1
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  for (let asked = 0; asked < 200; asked++)
    await system.ask<null, ActorRef<null>>(echo, (replyTo) => replyTo, { timeoutMs: 10_000 })
  clearImmediate(next)
  t.true(tasks < 100, `${tasks} tasks of the event loop for 200 asks`)
  await system.terminate()
})

test('a restart makes a new state, keeps waiting messages, and does not deliver the faulted one again', async (t) => {
  const system = actorSystem()
  const seen: string[] = []
  const ref = system.spawn<string>('fragile', () => {
    let count = 0
    return (message) => {
      if (message === 'break') throw new Error('broken')
      count += 1
      seen.push(`${message}${count}`)
    }
  })
  for (const message of ['a', 'b', 'break', 'c', 'd']) ref.tell(message)
  await system.idle()
  t.deepEqual(seen, ['a1', 'b2', 'c1', 'd2'])
  await system.terminate()
})

test('a rejected promise is a fault like a throw, and resume keeps the state', async (t) => {
  const system = actorSystem()
  const seen: number[] = []
  const ref = system.spawn<boolean>(
    'fragile',
    () => {
      let count = 0
      return async (fails) => {
        count += 1
        if (fails) throw new Error('broken')
        seen.push(count)
      }
    },
    { supervise: { type: 'resume' } },
  )
  for (const fails of [false, true, false]) ref.tell(fails)
  await system.idle()
  t.deepEqual(seen, [1, 3])
  await system.terminate()
})

test('more restarts than the limit within the window escalate to the parent, whose restart stops the children first', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  const log: string[] = []
  system.events.subscribe((event) => {
    if (event.type !== 'spawned') log.push(`${event.type} ${event.path}`)
  })
  const parent = system.spawn<string>('parent', (context) => {
    const child = context.spawn<string>(
      'child',
      () => () => {
        throw new Error('always')
      },
      { supervise: { type: 'restart', max: 1, withinMs: 100 } },
    )
    return (message) => child.tell(message)
  })
  parent.tell('one')
  await system.idle()
  clock.advance(200)
  parent.tell('two')
  await system.idle()
  t.deepEqual(log, ['restarted /parent/child', 'restarted /parent/child'])
  parent.tell('three')
  await system.idle()
  t.deepEqual(log.slice(2), ['escalated /parent/child', 'stopped /parent/child', 'restarted /parent'])
  await system.terminate()
})

test('back-off waits on the clock, doubling to its limit', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  let starts = 0
  const ref = system.spawn<null>(
    'fragile',
    () => {
      starts += 1
      return () => {
        throw new Error('always')
      }
    },
    { supervise: { type: 'restart', max: 10, withinMs: 10_000, backOff: { firstMs: 100, limitMs: 150 } } },
  )
  await system.idle()
  for (const [delay, expected] of [
    [100, 2],
    [150, 3],
    [150, 4],
  ] as const) {
    ref.tell(null)
    await system.idle()
    clock.advance(delay - 1)
    await system.idle()
    t.is(starts, expected - 1)
    clock.advance(1)
    await system.idle()
    t.is(starts, expected)
  }
  await system.terminate()
})

test('a fault that reaches the top terminates the system, or goes to onFault', async (t) => {
  const faults: unknown[] = []
  const kept = actorSystem({ onFault: (cause, path) => void faults.push([String(cause), path]) })
  const behavior: Behavior<null> = () => () => {
    throw new Error('always')
  }
  kept.spawn('one', behavior, { supervise: { type: 'escalate' } }).tell(null)
  await kept.idle()
  t.deepEqual(faults, [['Error: always', '/one']])
  await kept.terminate()

  const lost = actorSystem()
  const other = lost.spawn('other', collector<null>([]))
  lost.spawn('one', behavior, { supervise: { type: 'escalate' } }).tell(null)
  t.is((await lost.stopped(other)).path, '/other')
})

test('stop ends children before parents, and a watcher hears it exactly once, also when it watches afterwards', async (t) => {
  const system = actorSystem()
  const order: string[] = []
  system.events.subscribe((event) => {
    if (event.type === 'stopped') order.push(event.path)
  })
  const heard: string[] = []
  const parent = system.spawn<never>('parent', (context) => {
    context.spawn('a', (inner) => {
      inner.spawn('b', collector<null>([]))
      return () => {}
    })
    return () => {}
  })
  await system.idle()
  const watcher = system.spawn<Terminated | 'again'>('watcher', (context) => {
    context.watch(parent, (terminated) => terminated)
    return (message) => {
      if (message === 'again') context.watch(parent, (terminated) => terminated)
      else heard.push(message.path)
    }
  })
  await system.idle()
  system.stop(parent)
  system.stop(parent)
  await system.idle()
  t.deepEqual(order, ['/parent/a/b', '/parent/a', '/parent'])
  t.deepEqual(heard, ['/parent'])
  watcher.tell('again')
  await system.idle()
  t.deepEqual(heard, ['/parent', '/parent'])
  await system.terminate()
})

test('an actor that gives up stops for good, and its watchers hear why', async (t) => {
  const system = actorSystem()
  let starts = 0
  const ref = system.spawn<string>('loser', (context) => {
    starts += 1
    return (message) => context.giveUp(message)
  })
  ref.tell('lost')
  t.deepEqual(await system.stopped(ref), { path: '/loser', cause: 'lost' })
  t.is(starts, 1)
  await system.terminate()
})

test('an actor that is stopped with a turn under way holds up nobody', async (t) => {
  const system = actorSystem()
  const received: string[] = []
  const stopped = system.spawn('stopped', collector(received))
  const other = system.spawn('other', collector(received))
  stopped.tell('first')
  await system.idle()
  stopped.tell('second')
  await system.idle()
  stopped.tell('never read')
  system.stop(stopped)
  other.tell('to the other')
  await system.idle()
  t.deepEqual(received, ['first', 'second', 'to the other'])
  await system.terminate()
  await system.idle()
})

test('a watch dies with the incarnation that made it', async (t) => {
  const system = actorSystem()
  const watched = system.spawn('watched', collector<null>([]))
  const heard: string[] = []
  let starts = 0
  const watcher = system.spawn<string>('watcher', (context) => {
    starts += 1
    if (starts === 1) context.watch(watched, ({ path }) => path)
    return (message) => {
      if (message === 'break') throw new Error('broken')
      heard.push(message)
    }
  })
  watcher.tell('break')
  await system.idle()
  system.stop(watched)
  await system.idle()
  t.deepEqual(heard, [])
  await system.terminate()
})

test('stopping an actor whose handler never settles completes, and the abandoned handler changes nothing', async (t) => {
  const system = actorSystem()
  let release = () => {}
  const ref = system.spawn<null>('stuck', () => () => new Promise((resolve) => (release = resolve)))
  ref.tell(null)
  ref.tell(null)
  await system.idle()
  const letters: DeadLetter[] = []
  system.deadLetters.subscribe((letter) => letters.push(letter))
  system.stop(ref)
  t.is((await system.stopped(ref)).path, '/stuck')
  release()
  ref.tell(null)
  await system.idle()
  t.deepEqual(
    letters.map(({ reason }) => reason),
    ['stopped', 'stopped'],
  )
  t.is(system.deadLetters.count, 2)
  await system.terminate()
})

test('an actor that is stopped while it waits for its turn holds up nobody', async (t) => {
  const system = actorSystem()
  const received: string[] = []
  const stopped = system.spawn<string>('stopped', () => () => {})
  const other = system.spawn<string>('other', collector(received))
  await system.idle()
  stopped.tell('never taken')
  other.tell('first')
  system.stop(stopped)
  other.tell('second')
  await system.idle()
  t.deepEqual(received, ['first', 'second'])

  const alone = system.spawn<string>('alone', () => () => {})
  await system.idle()
  alone.tell('never taken')
  const idle = system.idle()
  system.stop(alone)
  await idle
  t.is(system.deadLetters.count, 2)
  await system.terminate()
})

test('a stale reference never reaches a newer actor of the same name', async (t) => {
  const system = actorSystem()
  const received: string[] = []
  const old = system.spawn<string>('name', collector(received))
  await system.idle()
  system.stop(old)
  await system.stopped(old)
  const young = system.spawn<string>('name', collector(received))
  old.tell('to the old one')
  young.tell('to the young one')
  await system.idle()
  t.deepEqual(received, ['to the young one'])
  t.is(system.deadLetters.count, 1)
  t.throws(() => system.spawn('name', collector<null>([])), { code: 'KERNEL_NAME_TAKEN' })
  t.throws(() => system.spawn('a/b', collector<null>([])), { code: 'KERNEL_NAME_INVALID' })
  await system.terminate()
})

type Question = { readonly replyTo: ActorRef<string>; readonly times: number }

test('an ask takes the first reply; later ones are dead letters', async (t) => {
  const system = actorSystem()
  const answerer = system.spawn<Question>('answerer', () => ({ replyTo, times }) => {
    for (let i = 0; i < times; i++) replyTo.tell(`reply ${i}`)
  })
  t.is(
    await system.ask<string, Question>(answerer, (replyTo) => ({ replyTo, times: 3 }), { timeoutMs: 1000 }),
    'reply 0',
  )
  t.is(system.deadLetters.count, 2)
  await system.terminate()
})

test('an ask fails at its time-out on the clock, and at once when the asked actor stops', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  const silent = system.spawn('silent', collector<Question>([]))
  const timed = system.ask<string, Question>(silent, (replyTo) => ({ replyTo, times: 0 }), { timeoutMs: 1000 })
  clock.advance(1000)
  await t.throwsAsync(timed, { code: 'KERNEL_ASK_TIMEOUT' })
  const stopped = system.ask<string, Question>(silent, (replyTo) => ({ replyTo, times: 0 }), { timeoutMs: 1000 })
  system.stop(silent)
  await t.throwsAsync(stopped, { code: 'KERNEL_STOPPED' })
  await system.terminate()
})

test('timers fire on the clock, repeat, can be cancelled, and die with their actor', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  const received: string[] = []
  const ref = system.spawn<string>('timed', (context) => {
    context.after(10, 'once')
    context.every(25, 'every')
    context.after(15, 'cancelled')()
    return (message) => void received.push(message)
  })
  await system.idle()
  for (let i = 0; i < 10; i++) {
    clock.advance(6)
    await system.idle()
  }
  t.deepEqual(received, ['once', 'every', 'every'])
  system.stop(ref)
  clock.advance(100)
  await system.idle()
  t.is(system.deadLetters.count, 0)
  await system.terminate()
})

test('a full mailbox makes a tell a dead letter and an offer wait its turn', async (t) => {
  const system = actorSystem()
  const received: number[] = []
  const ref = system.spawn<number>('bounded', collector(received), { mailbox: { capacity: 2 } })
  const reasons: string[] = []
  system.deadLetters.subscribe(({ reason }) => reasons.push(reason))
  for (let i = 0; i < 4; i++) ref.tell(i)
  const offers = [ref.offer(10), ref.offer(11), ref.offer(12)]
  await Promise.all(offers)
  await system.idle()
  t.deepEqual(received, [0, 1, 10, 11, 12])
  t.deepEqual(reasons, ['mailbox-full', 'mailbox-full'])
  system.stop(ref)
  await t.throwsAsync(ref.offer(13), { code: 'KERNEL_STOPPED' })
  await system.terminate()
})

test('a virtual clock jumps to the next timer only when nothing runs and no tracked work is pending', async (t) => {
  const system = actorSystem({ clock: virtualClock() })
  const times: number[] = []
  let finish = () => {}
  const work = new Promise<void>((resolve) => (finish = resolve))
  await new Promise<void>((resolve) => {
    system.spawn<string>('sleeper', (context) => {
      context.after(3_600_000, 'hour')
      return async (message) => {
        times.push(context.clock.now())
        if (message === 'hour') {
          context.after(1000, 'late')
          setImmediate(() => setImmediate(finish))
          await context.track(work)
          times.push(context.clock.now())
        } else resolve()
      }
    })
  })
  t.deepEqual(times, [3_600_000, 3_600_000, 3_601_000])
  await system.terminate()
})

test('a listener that throws harms nobody', async (t) => {
  const system = actorSystem()
  const original = console.error
  console.error = () => {}
  system.events.subscribe(() => {
    throw new Error('listener')
  })
  const received: number[] = []
  const ref = system.spawn<number>('collector', collector(received))
  ref.tell(1)
  await system.idle()
  console.error = original
  t.deepEqual(received, [1])
  await system.terminate()
})

test('context of an ended incarnation can do nothing any more', async (t) => {
  const system = actorSystem()
  const contexts: {
    fail(cause: unknown): void
    signal: AbortSignal
    spawn(name: string, behavior: Behavior<null>): unknown
  }[] = []
  const ref = system.spawn<null>('restarted', (context) => {
    contexts.push(context)
    return () => {
      throw new Error('broken')
    }
  })
  ref.tell(null)
  await system.idle()
  t.is(contexts.length, 2)
  const [old, young] = contexts
  t.true(old?.signal.aborted)
  t.false(young?.signal.aborted)
  old?.fail(new Error('ignored'))
  t.throws(() => old?.spawn('child', collector<null>([])), { code: 'KERNEL_STALE' })
  await system.idle()
  t.is(contexts.length, 2)
  await system.terminate()
  t.is(system.size, 0)
})

test('under a seeded scheduler one pair stays in order, senders are permuted, and a seed repeats its order', async (t) => {
  const orders = new Set<string>()
  const run = async (seed: number) => {
    const system = actorSystem({ scheduler: seededScheduler(seed) })
    const received: string[] = []
    const target = system.spawn<string>('target', collector(received))
    for (const name of ['a', 'b', 'c']) {
      system.spawn<null>(name, () => {
        for (let i = 0; i < 3; i++) target.tell(`${name}${i}`)
        return () => {}
      })
    }
    await system.idle()
    await system.terminate()
    return received
  }
  await forSeeds(50, async (seed) => {
    const received = await run(seed)
    for (const name of ['a', 'b', 'c']) {
      const own = received.filter((message) => message.startsWith(name))
      if (own.join() !== [0, 1, 2].map((i) => `${name}${i}`).join()) throw new Error(`order of ${name}: ${own.join()}`)
    }
    if ((await run(seed)).join() !== received.join()) throw new Error('not repeated')
    orders.add(received.join())
  })
  t.true(orders.size > 10)
})

test('1,000 seeds: in any tree with any faults, every watch hears exactly one end, and nothing is lost uncounted', async (t) => {
  await forSeeds(1000, async (seed) => {
    const scheduler = seededScheduler(seed)
    const shape = seededScheduler(seed ^ 0x5eed)
    const clock = virtualClock()
    const system = actorSystem({ scheduler, clock, onFault: () => {} })
    const heard = new Map<number, number>()
    let watches = 0
    let delivered = 0
    let told = 0
    const refs: ActorRef<string>[] = []
    const policies = [
      { type: 'restart', max: 2, withinMs: 50 },
      { type: 'restart', max: 5, withinMs: 50, backOff: { firstMs: 5, limitMs: 20 } },
      { type: 'resume' },
      { type: 'stop' },
      { type: 'escalate' },
    ] as const
    const node =
      (depth: number): Behavior<string> =>
      (context) => {
        const children = depth < 2 ? shape.pick(3) : 0
        for (let i = 0; i < children; i++)
          refs.push(
            context.spawn(`c${i}`, node(depth + 1), {
              supervise: policies[shape.pick(policies.length)] ?? { type: 'stop' },
            }),
          )
        return (message) => {
          delivered += 1
          if (message === 'break') throw new Error('broken')
          if (message === 'stop') context.stop()
        }
      }
    for (let i = 0; i < 3; i++)
      refs.push(
        system.spawn(`root${i}`, node(0), { supervise: policies[shape.pick(policies.length)] ?? { type: 'stop' } }),
      )
    await system.idle()
    const watcher = system.spawn<number>('watcher', (context) => {
      for (const ref of refs) {
        const watch = watches++
        context.watch(ref, () => watch)
      }
      return (watch) => void heard.set(watch, (heard.get(watch) ?? 0) + 1)
    })
    await system.idle()
    for (let i = 0; i < 30; i++) {
      const ref = refs[shape.pick(refs.length)]
      told += 1
      ref?.tell(['fine', 'fine', 'break', 'stop'][shape.pick(4)] ?? 'fine')
      if (shape.pick(4) === 0) await system.idle()
    }
    await system.idle()
    if (delivered + system.deadLetters.count !== told)
      throw new Error(`${told} told, ${delivered} delivered, ${system.deadLetters.count} dead letters`)
    for (const ref of [...refs]) if (ref.path.split('/').length === 2) system.stop(ref)
    await system.idle()
    if (heard.size !== watches || [...heard.values()].some((times) => times !== 1))
      throw new Error(`${watches} watches heard ${[...heard.values()].join()}`)
    system.stop(watcher)
    await system.terminate()
    if (system.size !== 0) throw new Error(`${system.size} actors are left`)
  })
  t.pass()
})

test('messages of any senders stay in order per pair, whatever the interleaving', async (t) => {
  const property = fc.asyncProperty(
    fc.array(fc.nat({ max: 4 }), { maxLength: 60 }),
    fc.integer(),
    async (senders, seed) => {
      const system = actorSystem({ scheduler: seededScheduler(seed) })
      const received: [number, number][] = []
      const target = system.spawn<[number, number]>('target', collector(received))
      const sent = [0, 0, 0, 0, 0]
      const relays = sent.map((_, index) =>
        system.spawn<number>(`relay${index}`, () => (number) => target.tell([index, number])),
      )
      for (const sender of senders) {
        const number = sent[sender] ?? 0
        relays[sender]?.tell(number)
        sent[sender] = number + 1
      }
      await system.idle()
      await system.terminate()
      for (const index of sent.keys()) {
        const own = received.filter(([sender]) => sender === index).map(([, number]) => number)
        t.deepEqual(
          own,
          own.toSorted((a, b) => a - b),
        )
      }
      t.is(received.length, senders.length)
    },
  )
  await fc.assert(property, { numRuns: 50 })
})

test('a message of a timer or a watch that is cancelled while it waits is not handled, nor is it a dead letter', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  const handled: string[] = []
  const child = system.spawn('watched', () => () => {})
  let release = () => {}
  const ref = system.spawn<string>('timed', (context) => {
    const cancels = [context.after(10, 'after'), context.every(10, 'every'), context.watch(child, () => 'terminated')]
    context.after(10, 'kept')
    return (message) => {
      handled.push(message)
      if (message === 'hold') return new Promise((resolve) => (release = resolve))
      if (message === 'cancel') for (const cancel of cancels) cancel()
    }
  })
  ref.tell('hold')
  while (handled.length === 0) await new Promise(setImmediate)
  ref.tell('cancel')
  clock.advance(20)
  system.stop(child)
  release()
  await system.idle()
  t.deepEqual(handled, ['hold', 'cancel', 'kept'])
  t.is(system.deadLetters.count, 0)
  await system.terminate()
})

test('what waits of the timers and watches of an actor that is restarted is not handled by its next life', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  const handled: string[] = []
  const child = system.spawn('watched', () => () => {})
  let lives = 0
  const ref = system.spawn<string>('timed', (context) => {
    lives += 1
    if (lives === 1) {
      context.after(10, 'after')
      context.watch(child, () => 'terminated')
    }
    return async (message) => {
      handled.push(message)
      if (message === 'fail') {
        await new Promise(setImmediate)
        throw new Error('as planned')
      }
    }
  })
  ref.tell('fail')
  while (handled.length === 0) await new Promise(setImmediate)
  clock.advance(10)
  system.stop(child)
  ref.tell('next')
  await system.idle()
  t.deepEqual([lives, handled], [2, ['fail', 'next']])
  await system.terminate()
})

const depth = 20_000

/** A chain of actors, each the child of the previous one. */
async function chainOf(system: ReturnType<typeof actorSystem>, stopped: number[]): Promise<ActorRef<'fail'>[]> {
  const refs: ActorRef<'fail'>[] = []
  const link =
    (level: number): Behavior<'fail'> =>
    (context) => {
      refs.push(context.self)
      if (level < depth) context.spawn('c', link(level + 1), { supervise: { type: 'escalate' } })
      context.signal.addEventListener('abort', () => {})
      return () => {
        throw new Error('at the bottom')
      }
    }
  system.spawn('c', link(1), { supervise: { type: 'stop' } })
  await system.idle()
  for (const [level, ref] of refs.entries()) void system.stopped(ref).then(() => stopped.push(level))
  return refs
}

for (const [title, end] of [
  ['terminated with its system', (system) => system.terminate()],
  ['stopped at its top', (system, [top]) => system.stop(top!)],
  ['stopped by a fault that escalates from its bottom', (_, refs) => refs.at(-1)?.tell('fail')],
] as readonly [string, (system: ReturnType<typeof actorSystem>, refs: readonly ActorRef<'fail'>[]) => unknown][])
  test(`a tree of any depth is ${title}, children before parents`, async (t) => {
    const system = actorSystem()
    const stopped: number[] = []
    const refs = await chainOf(system, stopped)
    t.is(refs.length, depth)
    await end(system, refs)
    await system.idle()
    t.is(system.size, 0)
    t.deepEqual(
      stopped,
      Array.from({ length: depth }, (_, index) => depth - 1 - index),
    )
    await system.terminate()
  })

test('a ref names its node, the life of the node, and the life of the actor', async (t) => {
  const system = actorSystem({ name: 'server', incarnation: 3 })
  const first = system.spawn('a', collector<number>([]))
  t.like(first.address, { node: 'server', nodeIncarnation: 3, actor: '/a' })
  system.stop(first)
  await system.stopped(first)
  const second = system.spawn('a', collector<number>([]))
  t.true(second.address.actorIncarnation > first.address.actorIncarnation)
  await system.terminate()
})

test('a reply address has stopped, to those who watch it, once the ask has ended, and stopping it ends the ask', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  const addresses: ActorRef<number>[] = []
  const silent = system.spawn<ActorRef<number>>('silent', () => (replyTo) => void addresses.push(replyTo))
  const ask = () => system.ask<number, ActorRef<number>>(silent, (replyTo) => replyTo, { timeoutMs: 10 })
  const asks = [ask(), ask(), ask()] as const
  await system.idle()
  const [answered, late, stopped] = addresses
  if (!answered || !late || !stopped) return t.fail()
  const ended = addresses.map((ref) => system.stopped(ref))
  answered.tell(1)
  t.is(await asks[0], 1)
  system.stop(stopped)
  await t.throwsAsync(asks[2], { code: 'KERNEL_STOPPED' })
  clock.advance(10)
  await t.throwsAsync(asks[1], { code: 'KERNEL_ASK_TIMEOUT' })
  t.deepEqual(
    await Promise.all(ended),
    ended.map(() => ({ path: '/silent?' })),
  )
  t.deepEqual(await system.stopped(late), { path: '/silent?' })
  await system.terminate()
})

test('a reference that no system made is refused', (t) => {
  const system = actorSystem()
  const forged = { ...system.spawn('a', collector([])), path: '/forged', tell() {}, offer: async () => {} }
  const address = { node: 'local', nodeIncarnation: 1, actor: '/forged', actorIncarnation: 1 }
  t.throws(() => system.stop({ ...forged, address }), { code: 'KERNEL_NO_REF' })
  return system.terminate()
})

/** The order in which works of actors end, each of which lasts so many turns of the event loop. */
async function endsOf(seed: number, durations: readonly number[]): Promise<readonly number[]> {
  const system = actorSystem({ scheduler: seededScheduler(seed), clock: virtualClock() })
  const ends: number[] = []
  for (const [index, duration] of durations.entries()) {
    system
      .spawn<null>(`worker-${index}`, (context) => async () => {
        await context.outside(turnsOfTheLoop(duration))
        ends.push(index)
      })
      .tell(null)
  }
  await system.idle()
  await system.terminate()
  return ends
}

async function turnsOfTheLoop(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('a scheduler decides in which order outside work ends, whichever takes longer', async (t) => {
  const orders = new Set<string>()
  await forSeeds(30, async (seed) => {
    const order = await endsOf(seed, [1, 2, 3, 4])
    t.deepEqual(await endsOf(seed, [40, 3, 20, 0]), order)
    t.is(order.length, 4)
    orders.add(order.join())
  })
  t.true(orders.size > 5 || process.env.SEED !== undefined, `${orders.size} orders`)
})

test('outside work of an actor that has stopped holds up nobody, and a fault of outside work is the fault of its actor', async (t) => {
  await forSeeds(20, async (seed) => {
    const system = actorSystem({ scheduler: seededScheduler(seed) })
    const events: string[] = []
    const stuck = system.spawn<null>('stuck', (context) => async () => {
      await context.outside(new Promise(() => {}))
    })
    stuck.tell(null)
    for (const [name, work] of [
      ['well', () => turnsOfTheLoop(2)],
      ['ill', () => turnsOfTheLoop(2).then(() => Promise.reject(new Error('ill')))],
    ] as const)
      system
        .spawn<null>(name, (context) => async () => {
          await context.outside(work()).then(
            () => events.push(name),
            (cause: unknown) => events.push(`${name} ${cause}`),
          )
        })
        .tell(null)
    await turnsOfTheLoop(seed % 5)
    system.stop(stuck)
    await turnsOfTheLoop(40)
    t.deepEqual(events.toSorted(), ['ill Error: ill', 'well'])
    await system.terminate()
  })
})
