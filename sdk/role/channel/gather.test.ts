import test from 'ava'
import fc from 'fast-check'
import { type Clock, manualClock, memoryStore, type Store } from '../../../runtime/index.ts'
import { numbers, pairTopology, type Script } from '../../../test/support/scripted-role.ts'
import { killedStore, lifeOf, type RoleStage, roleStage } from '../../testing/index.ts'
import type { GatheredArrival, GatherOptions } from './channel.ts'

interface Gathering extends GatherOptions<number> {
  readonly rights: number
  /** Script of each right end after it's asked. */
  readonly answer: Script<number>
  readonly store?: Store
  readonly clock?: Clock
  readonly absent?: readonly string[]
  readonly refuse?: (end: string, message: number) => boolean
  /** Runs after the gather, in the same round. */
  readonly after?: (counted: readonly string[], stage: RoleStage) => unknown
  readonly onFirst?: (stage: RoleStage) => unknown
  /** Takes answers that wait together, then refuses or counts them. */
  readonly together?: boolean
}

/** Asks all right ends, and gathers. Returns the ends counted by the last attempt, and the task's end. */
async function gathered(gathering: Gathering) {
  const { rights, answer, store, clock, absent, refuse, after, onFirst, together, ...options } = gathering
  let counted: string[] = []
  let attempts = 0
  let largest = 0
  const left = numbers('left', async (channel) => {
    attempts += 1
    await channel.awaitJoin()
    const ends = Array.from({ length: rights }, (_, index) => `right-${index}`)
    channel.broadcast(0, ends)
    counted = []
    const taken: GatheredArrival<number>[] = []
    for await (const arrival of channel.gather(ends, options)) {
      taken.push(arrival)
      if (together && arrival.more) continue
      largest = Math.max(largest, taken.length)
      for (const one of taken.splice(0)) {
        if (refuse?.(one.end, one.message)) one.refuse()
        else counted.push(one.end)
        if (counted.length === 1) await onFirst?.(stage)
      }
    }
    if (taken.length > 0) throw new Error('an answer that was announced did not follow')
    await after?.(counted, stage)
  })
  await using stage: RoleStage = roleStage({
    topology: pairTopology({ right: rights }),
    roles: { left, right: numbers('right', answer) },
    ...(store ? { store } : {}),
    ...(absent ? { absent } : {}),
    ...(clock ? { system: { clock } } : {}),
  })
  const { type } = await stage.ended('left-0')
  return { counted: counted.toSorted(), type, attempts, largest }
}

const never = new Promise<never>(() => {})
const numberOf = (end: string) => Number(end.slice(end.lastIndexOf('-') + 1))

const answers: Script<number> = async (channel) => {
  await channel.recv('left-0')
  channel.send('left-0', 1, { keep: false })
}

/** Answers, except the ends of these numbers. */
const answersBut =
  (...silent: readonly number[]): Script<number> =>
  async (channel, context) => {
    await channel.recv('left-0')
    if (silent.includes(numberOf(context.end))) return never
    channel.send('left-0', 1, { keep: false })
  }

/**
 * Answers each time it's asked, except the ends of these numbers. Never done, so that it goes on in another process.
 */
const keepsAnswering =
  (...silent: readonly number[]): Script<number> =>
  async (channel, context) => {
    for (;;) {
      await channel.recv('left-0')
      if (!silent.includes(numberOf(context.end))) channel.send('left-0', 1, { keep: false })
    }
  }

/** Fails the first attempt after its gather. */
function failsOnce(): () => void {
  let failed = false
  return () => {
    if (failed) return
    failed = true
    throw new Error('a passing fault')
  }
}

/** Number of entries in the journal of the gathering end. */
async function recorded(store: Store): Promise<number> {
  let entries = 0
  for await (const _ of store.read('job/job-1/left-0')) entries += 1
  return entries
}

test('without a quorum and a deadline all ends are counted, and nothing needs to be written down', async (t) => {
  const store = memoryStore()
  t.deepEqual((await gathered({ rights: 3, answer: answers, store })).counted, ['right-0', 'right-1', 'right-2'])
  t.is(await recorded(store), 0)
})

test('a gather of nobody ends at once', async (t) => {
  t.deepEqual((await gathered({ rights: 0, answer: answers })).counted, [])
})

test('a quorum is the least number of ends that makes the fraction, whatever floating point makes of the product', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 1, max: 100 }), async (rights, percent) => {
      const { counted } = await gathered({ rights, quorum: percent / 100, answer: answers })
      const least = Math.ceil((percent * rights) / 100)
      t.is(counted.length, least)
    }),
    {
      numRuns: 40,
      examples: [
        [25, 28],
        [20, 55],
        [10, 70],
      ],
    },
  )
})

test('a quorum of 0.07 of 100 ends is 7, not 8', async (t) => {
  t.is((await gathered({ rights: 100, quorum: 0.07, answer: answers })).counted.length, 7)
})

test('a deadline ends the gather with those who were there', async (t) => {
  const clock = manualClock()
  const { counted } = await gathered({
    rights: 3,
    deadlineMs: 100,
    clock,
    answer: answersBut(1, 2),
    onFirst: () => clock.advance(100),
  })
  t.deepEqual(counted, ['right-0'])
})

test('a quorum met before the deadline leaves no timer behind', async (t) => {
  const clock = manualClock()
  let scheduled = 0
  const counting: Clock = {
    now: () => clock.now(),
    schedule(delayMs, callback) {
      scheduled += 1
      const cancel = clock.schedule(delayMs, callback)
      return () => {
        scheduled -= 1
        cancel()
      }
    },
  }
  await gathered({ rights: 2, deadlineMs: 100, clock: counting, answer: answers })
  t.is(scheduled, 0)
})

test('an answer that is no answer to this gather is dropped, and its end still awaited', async (t) => {
  const { counted } = await gathered({
    rights: 2,
    matching: (message) => message === 7,
    refuse: (_, message) => message !== 7,
    answer: async (channel) => {
      await channel.recv('left-0')
      for (const message of [1, 2, 7]) channel.send('left-0', message)
    },
  })
  t.deepEqual(counted, ['right-0', 'right-1'])
})

test('a refused answer does not count towards the quorum, and its end is not awaited again', async (t) => {
  const { counted } = await gathered({
    rights: 4,
    quorum: 0.5,
    answer: answers,
    refuse: (end) => numberOf(end) < 2,
  })
  t.deepEqual(counted, ['right-2', 'right-3'])
})

test('an end that dies is not waited for', async (t) => {
  const { counted } = await gathered({
    rights: 3,
    answer: answersBut(1),
    onFirst: (stage) => stage.stop('right-1'),
  })
  t.deepEqual(counted, ['right-0', 'right-2'])
})

test('who was counted is honoured after a crash: exactly these are awaited, though others would be quicker', async (t) => {
  let attempt = 0
  const { counted, attempts } = await gathered({
    rights: 4,
    quorum: 0.5,
    after: failsOnce(),
    // In the first attempt only ends 2 and 3 answer. Later ends 0 and 1 answer at once, 2 and 3 when asked again.
    answer: async (channel, context) => {
      const slow = numberOf(context.end) >= 2
      for (;;) {
        await channel.recv('left-0')
        if (!slow && attempt++ < 2) continue
        channel.send('left-0', 1, { keep: false })
      }
    },
  })
  t.is(attempts, 2)
  t.deepEqual(counted, ['right-2', 'right-3'])
})

test('all counted before a deadline are counted after a crash too, though the deadline passes meanwhile', async (t) => {
  const clock = manualClock()
  const asked = new Map<string, number>()
  const { counted, attempts } = await gathered({
    rights: 3,
    deadlineMs: 100,
    clock,
    after: failsOnce(),
    answer: async (channel, { end }) => {
      for (;;) {
        await channel.recv('left-0')
        asked.set(end, (asked.get(end) ?? 0) + 1)
        // The second answer comes after the deadline has passed.
        if (asked.get(end) === 2 && end === 'right-2') clock.advance(1000)
        channel.send('left-0', 1, { keep: false })
      }
    },
  })
  t.is(attempts, 2)
  t.deepEqual(counted, ['right-0', 'right-1', 'right-2'])
})

test('a counted end that has gone for good after a crash is left out by a new decision, which is honoured from then on', async (t) => {
  const store = memoryStore()
  const fault = failsOnce()
  const secondFault = failsOnce()
  let attempt = 0
  const { counted, attempts } = await gathered({
    rights: 4,
    quorum: 0.75,
    store,
    answer: async (channel, { end }) => {
      for (;;) {
        await channel.recv('left-0')
        // Right 3 doesn't answer at first, and so isn't among the three counted.
        if (end === 'right-3' && attempt === 0) continue
        channel.send('left-0', 1, { keep: false })
      }
    },
    async after(ends, stage) {
      attempt += 1
      if (attempt === 1) {
        t.deepEqual(ends.toSorted(), ['right-0', 'right-1', 'right-2'])
        stage.stop('right-1')
        fault()
      }
      if (attempt === 2) secondFault()
    },
  })
  t.is(attempts, 3)
  t.deepEqual(counted, ['right-0', 'right-2'])
  t.is(await recorded(store), 2)
})

test('a counted end whose process has ended too by the time of the crash is left out as well', async (t) => {
  const store = memoryStore()
  // The first process counts three ends; the fourth is late. The process ends before its round is committed.
  const first = new Promise<readonly string[]>((resolve) => {
    void gathered({
      rights: 4,
      quorum: 0.75,
      store,
      answer: keepsAnswering(3),
      after: async (ends, stage) => {
        resolve(ends)
        await stage.system.terminate()
      },
    })
  })
  t.deepEqual([...(await first)].toSorted(), ['right-0', 'right-1', 'right-2'])
  // In the second process, one of the counted ends joins, and then ends before it answers.
  const second = await gathered({
    rights: 4,
    quorum: 0.75,
    store,
    answer: keepsAnswering(1),
    onFirst: (stage) => stage.stop('right-1'),
  })
  t.deepEqual(second.counted, ['right-0', 'right-2'])
  t.is(await recorded(store), 2)
})

test('who was counted is durable before the round goes on', async (t) => {
  const store = memoryStore()
  let durable = 0
  const turns = (count: number): Promise<void> =>
    count === 0 ? Promise.resolve() : Promise.resolve().then(() => turns(count - 1))
  await gathered({
    rights: 2,
    quorum: 0.5,
    answer: answers,
    store: {
      ...killedStore(store, lifeOf(Number.POSITIVE_INFINITY, false)),
      async append(key, bytes) {
        await turns(50)
        durable += 1
        return store.append(key, bytes)
      },
    },
    after: () => t.is(durable, 1),
  })
})

test('whom an interrupted run counted for one purpose is not awaited for another', async (t) => {
  const store = memoryStore()
  const job = { rights: 2, quorum: 0.5, store }
  await new Promise<void>((resolve) => {
    void gathered({
      ...job,
      purpose: 'round 1',
      answer: keepsAnswering(0),
      after: async (ends, stage) => {
        t.deepEqual(ends, ['right-1'])
        resolve()
        await stage.system.terminate()
      },
    })
  })
  t.deepEqual((await gathered({ ...job, purpose: 'round 2', answer: keepsAnswering(1) })).counted, ['right-0'])
})

/**
 * Takes a message of each of three ends by `next`, and then runs `after`. In the first attempt the ends answer in the
 * order 2, 0, 1; in later attempts in the order 0, 1, 2. Returns the ends taken in each attempt.
 */
async function taken(after: (stage: RoleStage) => unknown): Promise<readonly string[][]> {
  const store = memoryStore()
  const attempts: string[][] = []
  const order = ['right-2', 'right-0', 'right-1']
  const turns = new Map(order.map((end) => [end, turn()]))
  const left = numbers('left', async (channel) => {
    const ends: string[] = []
    attempts.push(ends)
    await channel.awaitJoin()
    channel.broadcast(0, order)
    turns.get('right-2')?.begin()
    for (;;) {
      const awaited = order.filter((end) => !ends.includes(end) && channel.has(end))
      const arrival = await channel.next(new Set(awaited), { matching: (message) => message === 1 })
      if (!arrival) break
      ends.push(arrival.end)
      if (attempts.length === 1 && (await recorded(store)) < ends.length) throw new Error('an arrival is not durable')
      turns.get(order[ends.length] ?? '')?.begin()
    }
    await after(stage)
  })
  const right = numbers('right', async (channel, { end }) => {
    for (;;) {
      await channel.recv('left-0')
      await turns.get(end)?.begun
      for (const message of [5, 1]) channel.send('left-0', message, { keep: false })
    }
  })
  await using stage: RoleStage = roleStage({ topology: pairTopology({ right: 3 }), roles: { left, right }, store })
  await stage.ended('left-0')
  return attempts
}

function turn(): { readonly begun: Promise<void>; begin(): void } {
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  return { begun, begin: () => begin() }
}

test('a round that is run again takes messages in the order in which they first came', async (t) => {
  const order = ['right-2', 'right-0', 'right-1']
  t.deepEqual(await taken(failsOnce()), [order, order])
})

test('an end that has gone for good loses its turn to the next one', async (t) => {
  const fault = failsOnce()
  const attempts = await taken((stage) => {
    stage.stop('right-0')
    fault()
  })
  t.deepEqual(attempts[1], ['right-2', 'right-1'])
})

test('answers that wait are taken together, and refused ones among them leave the quorum to be met by others', async (t) => {
  /** Lets the event loop turn, so that other ends answer. */
  const turns = async () => {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => void setImmediate(resolve))
  }
  const seen: number[] = []
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 8 }),
      fc.constantFrom(0.3, 0.7, 1),
      fc.nat(3),
      async (rights, quorum, bad) => {
        const gathering = {
          rights,
          quorum,
          answer: answers,
          onFirst: turns,
          refuse: (end: string) => numberOf(end) < bad,
        }
        const one = await gathered(gathering)
        const several = await gathered({ ...gathering, together: true })
        const good = Math.max(0, rights - bad)
        t.is(several.type, 'task-completed')
        t.is(several.counted.length, Math.min(Math.ceil(quorum * rights - 1e-9), good))
        t.is(several.counted.length, one.counted.length)
        seen.push(several.largest)
      },
    ),
    { numRuns: 30 },
  )
  t.true(Math.max(...seen) > 1)
})
