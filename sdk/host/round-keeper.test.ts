import test from 'ava'
import { decode, encode, errorFactory, isNumber, memoryStore, type Store } from '../../runtime/index.ts'
import { numbers, pairTopology } from '../../test/support/scripted-role.ts'
import { interruptedStore } from '../../test/support/stores.ts'
import { type OwnState, type RoundRecord, role } from '../role/role.ts'
import { killedStore, type Life, lifeOf, roleStage } from '../testing/index.ts'

const rounds = 4
const key = 'job/job-1/left-0'
const silent = numbers('right', () => {})

interface Draws {
  readonly drawn: readonly number[]
}

/** A role that draws a new number each round and publishes it. */
function drawing(draw: () => number) {
  return role({
    name: 'left',
    open: () => null,
    init: (): Draws => ({ drawn: [] }),
    isState: (value): value is Draws => typeof value === 'object' && value !== null && 'drawn' in value,
    done: ({ drawn }) => drawn.length === rounds,
    async round({ drawn }, context) {
      const value = await context.decide('draw', draw, isNumber)
      context.publish({
        round: drawn.length + 1,
        weights: Float32Array.of(value),
        metrics: {},
        members: [],
      })
      return { drawn: [...drawn, value] }
    },
  })
}

interface Process {
  readonly published: readonly RoundRecord[]
  readonly announced: readonly number[]
  readonly completed: boolean
}

/** Runs the role in one process, with the options of `life`. */
async function run(store: Store, draw: () => number, life: Life): Promise<Process> {
  await using stage = roleStage({
    topology: pairTopology(),
    roles: { left: drawing(draw), right: silent },
    store: killedStore(store, life),
    absent: ['right-0'],
    onPublish: () => life.step(async () => {}),
  })
  const { type } = await stage.ended('left-0')
  return { published: stage.published, announced: stage.announced, completed: type === 'task-completed' }
}

const immortal = () => lifeOf(Number.POSITIVE_INFINITY, false)
const contentOf = ({ round, weights }: RoundRecord) => [round, weights[0]] as const

test('a process that ends at any step of any commit is gone on from: a round is published with one content only', async (t) => {
  let deaths = 0
  for (let step = 1; step <= 3 * rounds; step++) {
    for (const endsAfter of [false, true]) {
      const store = memoryStore()
      let draws = 0
      const draw = () => ++draws
      const life = lifeOf(step, endsAfter)
      const first = await run(store, draw, life)
      deaths += Number(life.ended)
      const second = await run(store, draw, immortal())
      t.true(second.completed, `step ${step}`)
      const contents = new Map<number, number | undefined>()
      for (const record of [...first.published, ...second.published]) {
        const [round, value] = contentOf(record)
        t.is(contents.get(round) ?? value, value, `round ${round} was published twice, step ${step}`)
        contents.set(round, value)
      }
      t.is(contents.size, rounds)
      // Each round was announced, except perhaps the one whose commit the first process had just finished.
      const announced = new Set([...first.announced, ...second.announced])
      t.true(announced.size >= rounds - 1 && announced.size === first.announced.length + second.announced.length)
    }
  }
  t.is(deaths, 2 * 3 * rounds)
})

test('a round publishes before its state is saved, and announces after', async (t) => {
  const store = memoryStore()
  const seen: (number | undefined)[] = []
  await using stage = roleStage({
    topology: pairTopology(),
    roles: { left: drawing(() => 5), right: silent },
    store,
    onPublish: async () => void seen.push((await store.load(key))?.version),
  })
  await stage.ended('left-0')
  t.deepEqual(seen, [undefined, 1, 2, 3])
  t.deepEqual(stage.announced, [1, 2, 3, 4])
})

test('a round that gives back its state and decided nothing writes nothing', async (t) => {
  const store = memoryStore()
  let calls = 0
  const idle = role({
    name: 'left',
    open: () => null,
    init: () => ({ count: 0 }),
    isState: (value): value is { count: number } => typeof value === 'object' && value !== null && 'count' in value,
    done: () => calls === 5,
    async round(state) {
      calls += 1
      return state
    },
  })
  await using stage = roleStage({ topology: pairTopology(), roles: { left: idle, right: silent }, store })
  t.is((await stage.ended('left-0')).type, 'task-completed')
  t.is(await store.load(key), undefined)
})

test('a snapshot of another role, or of another kind, is refused and named', async (t) => {
  for (const [snapshot, found] of [
    [{ role: 'trainer', state: { drawn: [] } }, 'trainer'],
    [{ role: 'left', state: { something: 'else' } }, 'left'],
    ['nonsense', 'unknown'],
  ] as const) {
    const store = memoryStore()
    await store.save(key, 0, encode(snapshot))
    await using stage = roleStage({ topology: pairTopology(), roles: { left: drawing(() => 1), right: silent }, store })
    t.like(await stage.ended('left-0'), {
      type: 'task-failed',
      cause: { code: 'ROLE_SNAPSHOT_FOREIGN', values: { end: 'left-0', found, role: 'left' } },
    })
  }
})

test('a server that took the job over fences off the other: nothing that it writes late is kept', async (t) => {
  for (const step of [1, 2, 3, 4, 5]) {
    const store = memoryStore()
    let wake = () => {}
    const asleep = new Promise<void>((resolve) => {
      wake = resolve
    })
    let stall = () => {}
    const stalled = new Promise<void>((resolve) => {
      stall = resolve
    })
    let steps = 0
    // A process that stalls at one of its writes, and goes on after another process has taken its tasks over.
    const stalling = interruptedStore(store, (call, when) => {
      if (when === 'after' || !['append', 'save'].includes(call) || ++steps !== step) return undefined
      stall()
      return asleep
    })
    await using stale = roleStage({
      topology: pairTopology(),
      roles: { left: drawing(() => -1), right: silent },
      store: stalling,
      absent: ['right-0'],
    })
    await stalled
    const committed = Math.floor((step - 1) / 2)
    let draws = 0
    await using next = roleStage({
      topology: pairTopology(),
      roles: { left: drawing(() => ++draws), right: silent },
      store,
      takenOver: true,
      absent: ['right-0'],
      // The stalled process wakes up in the middle of a round of the other.
      onPublish: async ({ round }) => {
        if (round !== committed + 1) return
        wake()
        const report = await stale.ended('left-0')
        t.like(report, { type: 'task-failed', cause: { code: 'STORE_VERSION' } }, `step ${step}`)
      },
    })
    const report = await next.ended('left-0')
    t.is(report.type, 'task-completed', report.type === 'task-failed' ? String(report.cause) : '')
    await using again = roleStage({ topology: pairTopology(), roles: { left: drawing(() => 0), right: silent }, store })
    t.is((await again.ended('left-0')).type, 'task-completed')
    t.deepEqual(again.published, [], 'all is committed')
    t.is(next.published.length, rounds - committed)
  }
})

test('nothing is published before the decisions that it rests on are durable', async (t) => {
  const store = memoryStore()
  let durable = 0
  const publishedAt: number[] = []
  const turns = (count: number): Promise<void> =>
    count === 0 ? Promise.resolve() : Promise.resolve().then(() => turns(count - 1))
  const slow: Store = {
    ...killedStore(store, immortal()),
    async append(entry, bytes, options) {
      await turns(50)
      durable += 1
      return store.append(entry, bytes, options)
    },
  }
  await using stage = roleStage({
    topology: pairTopology(),
    roles: { left: drawing(() => 5), right: silent },
    store: slow,
    onPublish: () => void publishedAt.push(durable),
  })
  await stage.ended('left-0')
  t.deepEqual(publishedAt, [1, 2, 3, 4])
})

const mishap = errorFactory({ MISHAP: { message: 'the process ends here', hint: 'start another' } })

/** A role whose one round runs a script on its own state. */
const own = (script: (own: OwnState) => Promise<unknown>) => numbers('left', (_, context) => script(context.own))

/** Runs a script in a new process. */
async function runOwn(store: Store, script: (own: OwnState) => Promise<unknown>): Promise<void> {
  await using stage = roleStage({
    topology: pairTopology(),
    roles: { left: own(script), right: silent },
    store,
    absent: ['right-0'],
  })
  await stage.ended('left-0')
}

test('the own state that counts is the one after a round that was counted, and the one before it otherwise', async (t) => {
  await runOwn(memoryStore(), async (kept) => {
    t.is(await kept.before(1), undefined)
    await kept.keep(1, 10)
    t.is(await kept.before(2, 1), 10)
    await kept.keep(2, 20)
    t.is(await kept.before(5, 1), 10, 'round 2 was not counted')
    await kept.keep(5, 50)
    t.is(await kept.before(6, 5), 50)
  })
})

test('asked again for a round, an end starts from the same own state, also in a process that comes later', async (t) => {
  const store = memoryStore()
  const arrays = { control: Float32Array.of(1, -2) }
  await runOwn(store, async (kept) => {
    await kept.before(1)
    await kept.keep(1, arrays)
    t.is(await kept.before(1), undefined)
    t.deepEqual(await kept.before(2, 1), arrays)
    await kept.keep(2, null)
    throw mishap('MISHAP', {})
  })
  await runOwn(store, async (kept) => {
    t.deepEqual(await kept.before(2, 1), arrays)
    await kept.keep(2, null)
    t.is(await kept.before(3, 2), null)
  })
})

test('own state that was kept is durable, and a commit of the role leaves it as it is', async (t) => {
  const store = memoryStore()
  await runOwn(store, async (kept) => {
    await kept.before(1)
    await kept.keep(1, 10)
    t.is((await store.load(key))?.version, 1)
  })
  t.is((await store.load(key))?.version, 2, 'the round was committed')
  const saved = await store.load(key)
  t.like(saved && decode(saved.bytes), { own: { round: 1, after: 10 }, state: { done: true }, commits: 1 })
})

test('a durable decision is in the store before the role goes on, and another is at its commit', async (t) => {
  const store = memoryStore()
  const entries = async () => {
    let count = 0
    for await (const _ of store.read(key)) count += 1
    return count
  }
  const left = numbers('left', async (_, context) => {
    await context.decide('pairing', () => 1, isNumber)
    await context.decide('pairing', () => 2, isNumber, { durable: true })
    t.is(await entries(), 2)
  })
  await using stage = roleStage({
    topology: pairTopology(),
    roles: { left, right: silent },
    store,
    absent: ['right-0'],
  })
  t.is((await stage.ended('left-0')).type, 'task-completed')
})
