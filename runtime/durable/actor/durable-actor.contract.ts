import type { TestFn } from 'ava'
import fc from 'fast-check'
import { interruptedStore } from '../../../test/support/interrupted-store.ts'
import { type NotebookMessage, notebook } from '../../../test/support/notebook.ts'
import { type ActorRef, type ActorSystem, actorSystem, encode, type Store } from '../../index.ts'
import { journal, type OpenStore } from '../contract/store-under-test.ts'

/** An actor system whose replies are collected. */
function stage(): { readonly system: ActorSystem; readonly replies: string[]; readonly client: ActorRef<string> } {
  const system = actorSystem({ onFault: () => {} })
  const replies: string[] = []
  return { system, replies, client: system.spawn<string>('client', () => (reply) => void replies.push(reply)) }
}

const patient = { supervise: { type: 'restart', max: 1000, withinMs: 1 } } as const
const add = (replyTo: ActorRef<string>, ...numbers: number[]): NotebookMessage => ({ type: 'add', numbers, replyTo })

/** What a durable actor promises, on any store. */
export function durableActorContract(
  test: TestFn,
  open: OpenStore,
  { runs = 100 }: { readonly runs?: number } = {},
): void {
  test('no reply, not even to a question, is heard before what it tells of is durable', async (t) => {
    await using opened = await open()
    const { store, reached, release } = heldAppend(opened.store, 'after')
    const { system, replies, client } = stage()
    const ref = system.spawn('notebook', notebook({ store }))
    ref.tell(add(client, 1))
    ref.tell({ type: 'read', replyTo: client })
    await reached
    ref.tell({ type: 'read', replyTo: client })
    // What runs in the meantime would have come by now.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    t.deepEqual(replies, [])
    release()
    await system.idle()
    t.deepEqual(replies, ['added 1', 'read 1', 'read 1'])
    await system.terminate()
  })

  test('messages that wait together are written together', async (t) => {
    await using opened = await open()
    let appends = 0
    const store = interruptedStore(opened.store, (call, when) => {
      if (call === 'append' && when === 'before') appends += 1
    })
    const { system, replies, client } = stage()
    const ref = system.spawn('notebook', notebook({ store }))
    for (let i = 0; i < 3000; i++) ref.tell(add(client, i))
    await system.idle()
    t.is(replies.length, 3000)
    t.true(appends < 100, `${appends} writes`)
    await system.terminate()
  })

  test('a snapshot is saved and the journal truncated every so many events, and a start loads both', async (t) => {
    await using opened = await open()
    const { store } = opened
    for (let start = 0; start < 3; start++) {
      const { system, replies, client } = stage()
      let recovered: readonly number[] = []
      const onRecovered = (numbers: readonly number[]) => (recovered = numbers)
      const ref = system.spawn('notebook', notebook({ store, snapshotEvery: 4, onRecovered }))
      for (let i = 0; i < 10; i++) {
        ref.tell(add(client, start * 10 + i))
        await system.idle()
      }
      t.is(replies.length, 10)
      t.deepEqual(
        recovered,
        Array.from({ length: start * 10 }, (_, i) => i),
      )
      t.true((await journal(store, 'notebook')).length < 4)
      await system.terminate()
    }
    t.is((await store.load('notebook'))?.version, 7)
  })

  for (const within of ['handle', 'promise', 'apply'] as const) {
    test(`a fault in ${within} keeps nothing of its message; those before it are answered, those after it too`, async (t) => {
      await using opened = await open()
      const { system, replies, client } = stage()
      const ref = system.spawn('notebook', notebook({ store: opened.store, snapshotEvery: 1 }), patient)
      await system.idle()
      ref.tell(add(client, 1, 2))
      ref.tell({ type: 'break', within })
      ref.tell(add(client, 3))
      ref.tell({ type: 'read', replyTo: client })
      await system.idle()
      t.deepEqual(replies, ['added 1,2', 'added 3', 'read 1,2,3'])
      await system.terminate()
    })
  }

  test('an effect that throws is a fault, and keeps no other from being heard', async (t) => {
    await using opened = await open()
    const { system, replies, client } = stage()
    const faults: string[] = []
    system.events.subscribe((event) => {
      if (event.type === 'restarted') faults.push(String(event.cause))
    })
    const ref = system.spawn('notebook', notebook({ store: opened.store }), patient)
    await system.idle()
    ref.tell(add(client, 1))
    ref.tell({ type: 'break', within: 'effect' })
    ref.tell(add(client, 2))
    await system.idle()
    ref.tell({ type: 'read', replyTo: client })
    await system.idle()
    t.deepEqual(replies, ['added 1', 'added 2', 'read 1,2'])
    t.deepEqual(faults, ['Error: broken in an effect'])
    await system.terminate()
  })

  test('of two writers the one that writes second stops, whatever its supervision, and acknowledges nothing', async (t) => {
    await using opened = await open()
    const { store } = opened
    const { system, replies, client } = stage()
    const first = system.spawn('first', notebook({ store }), patient)
    const second = system.spawn('second', notebook({ store }), patient)
    await system.idle()
    first.tell(add(client, 1))
    await system.idle()
    second.tell(add(client, 2))
    const { cause } = await system.stopped(second)
    t.like(cause, { code: 'STORE_VERSION' })
    first.tell(add(client, 3))
    await system.idle()
    t.deepEqual(replies, ['added 1', 'added 3'])
    await system.terminate()
  })

  test('an actor that follows a stopped one waits for what that still writes', async (t) => {
    await using opened = await open()
    const { store, reached, release } = heldAppend(opened.store, 'before')
    const { system, replies, client } = stage()
    const stopped = system.spawn('notebook', notebook({ store }))
    stopped.tell(add(client, 1))
    await reached
    system.stop(stopped)
    await system.stopped(stopped)
    const next = system.spawn('notebook', notebook({ store }))
    next.tell(add(client, 2))
    // What it loads too early it would have loaded by now.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    release()
    await system.idle()
    next.tell({ type: 'read', replyTo: client })
    await system.idle()
    t.deepEqual(replies, ['added 2', 'read 1,2'])
    await system.terminate()
  })

  test('a writer is noticed by its snapshot too', async (t) => {
    await using opened = await open()
    const { store } = opened
    const { system, client } = stage()
    const ref = system.spawn('notebook', notebook({ store, snapshotEvery: 2 }))
    ref.tell(add(client, 1))
    await system.idle()
    await store.save('notebook', 0, encode({ state: [9], upTo: 1 }))
    ref.tell(add(client, 2))
    t.like((await system.stopped(ref)).cause, { code: 'STORE_VERSION' })
    await system.terminate()
  })

  test('a state, an event or a journal that is not its own fails the start', async (t) => {
    await using opened = await open()
    const { store } = opened
    await store.save('state', 0, encode({ state: 'text', upTo: 0 }))
    await store.append('event', encode([encode([{ other: true }])]))
    await store.append('gap', encode([encode([{ number: 1 }])]))
    await store.append('gap', encode([encode([{ number: 2 }])]))
    await store.truncate('gap', 1)
    for (const [key, code] of [
      ['state', 'STORE_STATE_FOREIGN'],
      ['event', 'STORE_EVENT_FOREIGN'],
      ['gap', 'STORE_DAMAGED'],
    ] as const) {
      const { system } = stage()
      const ref = system.spawn(key, notebook({ store, key }), { supervise: { type: 'stop' } })
      t.like((await system.stopped(ref)).cause, { code }, key)
      await system.terminate()
    }
  })

  test('more messages than may wait are all answered, in order', async (t) => {
    await using opened = await open()
    const { system, replies, client } = stage()
    const ref = system.spawn('notebook', notebook({ store: opened.store }))
    for (let i = 0; i < 5000; i++) ref.tell({ type: 'read', replyTo: client })
    for (let i = 0; i < 5000; i++) ref.tell(i % 2 === 0 ? add(client, i) : { type: 'read', replyTo: client })
    await system.idle()
    t.is(replies.length, 10_000)
    const added = replies.filter((reply) => reply.startsWith('added')).map((reply) => Number(reply.slice(6)))
    t.deepEqual(
      added,
      added.toSorted((a, b) => a - b),
    )
    await system.terminate()
  })

  test('any messages with crashes at any point in between give the same state as without', async (t) => {
    const property = fc.asyncProperty(
      fc.record({
        /** Messages that are told at once, before the client waits for the answers. */
        groups: fc.oneof(
          fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
          fc.array(fc.constant(1), { minLength: 1, maxLength: 20 }),
        ),
        snapshotEvery: fc.integer({ min: 1, max: 6 }),
        /** At the n-th interruption: fail the call, or take the system away. */
        crashes: fc.array(fc.tuple(fc.nat({ max: 60 }), fc.constantFrom('fail', 'terminate')), { maxLength: 8 }),
        faults: fc.array(fc.constantFrom('handle', 'promise', 'apply', 'effect', undefined), { maxLength: 20 }),
      }),
      async ({ groups, snapshotEvery, crashes, faults }) => {
        await using opened = await open()
        const plan = new Map(crashes)
        let calls = 0
        let { system, replies, client } = stage()
        const acknowledged = new Set<string>()
        const store: Store = interruptedStore(opened.store, () => {
          const crash = plan.get(calls++)
          if (crash === 'fail') throw new Error('the store broke')
          if (crash === 'terminate') void system.terminate()
        })
        const spawn = () => system.spawn('notebook', notebook({ store, snapshotEvery }), patient)
        let ref = spawn()
        let next = 0
        for (const size of groups) {
          let waiting = Array.from({ length: size }, () => next++)
          while (waiting.length > 0) {
            for (const number of waiting) {
              ref.tell(add(client, number))
              const within = faults.shift()
              if (within) ref.tell({ type: 'break', within })
            }
            await system.idle()
            for (const reply of replies) acknowledged.add(reply)
            waiting = waiting.filter((number) => !acknowledged.has(`added ${number}`))
            if (waiting.length === 0) continue
            await system.terminate()
            ;({ system, replies, client } = stage())
            ref = spawn()
          }
        }
        await system.terminate()
        ;({ system, replies, client } = stage())
        let recovered: readonly number[] = []
        system.spawn('notebook', notebook({ store: opened.store, onRecovered: (numbers) => (recovered = numbers) }))
        await system.idle()
        await system.terminate()
        const expected = Array.from({ length: next }, (_, i) => i)
        // A message told before the answer to an earlier one may overtake it when that must be repeated.
        const inOrder = groups.every((size) => size === 1)
        t.deepEqual(inOrder ? recovered : recovered.toSorted((a, b) => a - b), expected)
      },
    )
    await fc.assert(property, { numRuns: runs })
  })
}

/** A store whose appends wait, before or after they are done, until they are released; `reached` resolves at the first. */
function heldAppend(of: Store, place: 'before' | 'after') {
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  let appending = () => {}
  const reached = new Promise<void>((resolve) => (appending = resolve))
  const store = interruptedStore(of, (call, when) => {
    if (call !== 'append' || when !== place) return
    appending()
    return held
  })
  return { store, reached, release: () => release() }
}
