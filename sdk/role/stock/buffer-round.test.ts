import test, { type ExecutionContext } from 'ava'
import { errorFactory, memoryStore, type Store, seededScheduler, virtualClock } from '../../../runtime/index.ts'
import { slowTrainer } from '../../../test/support/scripted-role.ts'
import type { Algorithm } from '../../strategy/algorithm.ts'
import { fedBuff } from '../../strategy/algorithms/asynchronous/index.ts'
import { twoTier } from '../../tag/topologies.ts'
import { killedStore, lifeOf, type RoleStage, roleStage, type StageOptions, tinyPool } from '../../testing/index.ts'
import type { RoundRecord } from '../role.ts'
import { stockRoles } from './stock-roles.ts'

const top = 'top-aggregator-0'
const mishap = errorFactory({ MISHAP: { message: 'client {client} is ill', hint: 'mend it' } })
const never = new Promise<never>(() => {})

async function run(options: Partial<StageOptions> & Pick<StageOptions, 'strategy'>) {
  await using stage = roleStage({ roles: stockRoles, topology: twoTier({ clients: 4 }), ...options })
  const ended = await stage.ended(top)
  return { ended, published: stage.published, reports: stage.reports }
}

test('with as many ends at work as a step takes, one version is the mean of all', async (t) => {
  const pool = tinyPool({
    clients: 4,
    distort: (update, { client }) => ({ ...update, delta: new Float32Array(7).fill(client) }),
  })
  const strategy = fedBuff({ bufferSize: 4, concurrency: 4 })
  const { ended, published } = await run({ strategy, pool, rounds: 1 })
  t.is(ended.type, 'task-completed')
  t.deepEqual(
    [...(published[0]?.weights ?? [])],
    Array.from({ length: 7 }, () => 2.5),
  )
  t.deepEqual(published[0]?.members, ['trainer-0', 'trainer-1', 'trainer-2', 'trainer-3'])
})

test('a contribution that started from older weights counts less, by 1/√(1 + its staleness)', async (t) => {
  const pool = tinyPool({ clients: 2, distort: (update) => ({ ...update, delta: new Float32Array(7).fill(1) }) })
  const { published } = await run({
    topology: twoTier({ clients: 2 }),
    strategy: fedBuff({ bufferSize: 1, concurrency: 2 }),
    pool,
    rounds: 3,
    roles: { ...stockRoles, trainer: slowTrainer(['trainer-0', 'trainer-1']) },
    system: { clock: virtualClock() },
  })
  // Both ends begin with version 0; the second answer is a step behind, and so is each later one.
  const steps = published.map(({ weights }, index) => (weights[0] ?? 0) - (published[index - 1]?.weights[0] ?? 1))
  t.is(steps[0], 1)
  for (const step of steps.slice(1)) t.true(Math.abs(step - Math.SQRT1_2) < 1e-6, String(steps))
})

test('what is staler than allowed is dropped and noticed', async (t) => {
  const { ended, reports } = await run({
    topology: twoTier({ clients: 2 }),
    strategy: fedBuff({ bufferSize: 1, concurrency: 2, mostStale: 0 }),
    pool: tinyPool({ clients: 2 }),
    rounds: 3,
    roles: { ...stockRoles, trainer: slowTrainer(['trainer-0', 'trainer-1']) },
    system: { clock: virtualClock() },
  })
  t.is(ended.type, 'task-completed')
  t.true(reports.some((report) => report.type === 'notice' && report.notice.code === 'ROLE_TOO_STALE'))
})

test('an end that fails is not asked again for the same version, and when nobody is left the task fails with the cause', async (t) => {
  let trainings = 0
  const pool = tinyPool({
    clients: 4,
    beforeTraining({ client }) {
      trainings += 1
      throw mishap('MISHAP', { client })
    },
  })
  const { ended } = await run({ strategy: fedBuff({ concurrency: 2 }), pool })
  t.like(ended, { type: 'task-failed', cause: { code: 'ROLE_TOO_FEW_UPDATES', hint: 'mend it' } })
  t.is(trainings, 4)
})

test('an end that leaves while it works is replaced, and holds up nobody', async (t) => {
  const stages: RoleStage[] = []
  const pool = tinyPool({
    clients: 4,
    beforeTraining({ end, round }) {
      if (round !== 2) return undefined
      stages[0]?.stop(end)
      return never
    },
  })
  const strategy = fedBuff({ bufferSize: 2, concurrency: 2 })
  await using stage = roleStage({ roles: stockRoles, topology: twoTier({ clients: 4 }), pool, strategy, rounds: 5 })
  stages.push(stage)
  t.is((await stage.ended(top)).type, 'task-completed')
  t.is(stage.published.length, 5)
})

/**
 * Fails when work of the same number starts from other weights than before, or when a round ends with other weights
 * than before.
 */
function checker() {
  const begun = new Map<number, string>()
  const published = new Map<number, string>()
  const same = (known: Map<number, string>, number: number, weights: Float32Array) => {
    const bits = new Uint32Array(
      weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength),
    ).join()
    if ((known.get(number) ?? bits) !== bits) throw new Error(`${number} had other weights before`)
    known.set(number, bits)
  }
  return {
    published,
    pool: tinyPool({ clients: 4, beforeTraining: ({ round, weights }) => same(begun, round, weights) }),
    onPublish: ({ round, weights }: RoundRecord) => same(published, round, weights),
  }
}

/** Ends an aggregator just before and just after each of its first writes. A second one must go on to the same versions. */
async function endingAtWrites(t: ExecutionContext, writes: number, job: Pick<StageOptions, 'roles' | 'strategy'>) {
  for (let at = 1; at <= writes; at++) {
    for (const endsAfter of [false, true]) {
      const store = memoryStore()
      const { pool, onPublish, published } = checker()
      const life = async (own: Store, seed: number) => {
        const system = { scheduler: seededScheduler(seed), clock: virtualClock() }
        return (await run({ ...job, rounds: 4, pool, onPublish, store: own, system })).ended
      }
      await life(killed(store, lifeOf(at, endsAfter)), at)
      const ended = await life(store, 99 - at)
      t.is(ended.type, 'task-completed', `write ${at}`)
      t.deepEqual([...published.keys()], [1, 2, 3, 4])
    }
  }
}

test('an aggregator that ends at any write is gone on from: work of one number begins from the same weights, and a version has one content', (t) =>
  endingAtWrites(t, 26, { roles: stockRoles, strategy: fedBuff({ bufferSize: 2, concurrency: 3 }) }))

/** A store that dies with `life`, and counts only the aggregator's writes. */
function killed(store: Store, life: ReturnType<typeof lifeOf>): Store {
  const dying = killedStore(store, life)
  return {
    ...dying,
    save: (key, expected, bytes) => (key.endsWith(top) ? dying : store).save(key, expected, bytes),
    append: (key, bytes, options) => (key.endsWith(top) ? dying : store).append(key, bytes, options),
  }
}

/** Stock roles, with trainers of which some take a second and some never answer. */
const withSilent = (silent: readonly string[], slow: readonly string[] = []) => ({
  ...stockRoles,
  trainer: slowTrainer(slow, [], silent),
})

test('an end that never answers is given up after its deadline, and another is asked', async (t) => {
  const strategy = fedBuff({ concurrency: 1, dispatchDeadlineMs: 1000 })
  const { ended, published, reports } = await run({
    strategy,
    pool: tinyPool({ clients: 4 }),
    roles: withSilent(['trainer-0', 'trainer-2']),
    rounds: 8,
    system: { clock: virtualClock() },
    checkDeterminism: true,
  })
  t.is(ended.type, 'task-completed')
  t.is(published.length, 8)
  for (const { members } of published) t.false(members.includes('trainer-0') || members.includes('trainer-2'))
  const overdue = reports.filter((report) => report.type === 'notice' && report.notice.code === 'ROLE_OVERDUE')
  t.true(overdue.length > 0)
})

test('the deadline of a dispatch goes on over versions, so that no version waits for a silent end', async (t) => {
  const { ended, published, reports } = await run({
    strategy: fedBuff({ bufferSize: 2, concurrency: 4, dispatchDeadlineMs: 5000 }),
    pool: tinyPool({ clients: 4 }),
    roles: withSilent(['trainer-3'], ['trainer-0', 'trainer-1', 'trainer-2']),
    rounds: 12,
    system: { clock: virtualClock() },
  })
  t.is(ended.type, 'task-completed')
  t.is(published.length, 12)
  t.true(reports.some((report) => report.type === 'notice' && report.notice.code === 'ROLE_OVERDUE'))
})

test('when every end is overdue the task fails, and says what to raise', async (t) => {
  const { ended } = await run({
    strategy: fedBuff({ concurrency: 2, dispatchDeadlineMs: 1000 }),
    pool: tinyPool({ clients: 4 }),
    roles: withSilent(['trainer-0', 'trainer-1', 'trainer-2', 'trainer-3']),
    system: { clock: virtualClock() },
  })
  t.like(ended, { type: 'task-failed', cause: { code: 'ROLE_TOO_FEW_UPDATES' } })
  t.regex(String(Object(Object(ended).cause).hint), /dispatchDeadlineMs/)
})

test('an aggregator that ends at any write gives the same ends up again', (t) =>
  endingAtWrites(t, 30, {
    roles: withSilent(['trainer-1']),
    strategy: fedBuff({ bufferSize: 2, concurrency: 1, dispatchDeadlineMs: 1000 }),
  }))

test('200 seeds: trainers that fail at some time and are run again leave versions of one content each', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const check = checker()
    let trainings = 0
    const pool = {
      ...check.pool,
      async train(request: Parameters<typeof check.pool.train>[0]) {
        trainings += 1
        if (trainings === 1 + (seed % 11)) throw new Error('a passing fault')
        return check.pool.train(request)
      },
    }
    const strategy = fedBuff({ bufferSize: 1 + (seed % 3), concurrency: 1 + (seed % 4) })
    const { ended, published } = await run({
      strategy,
      pool,
      onPublish: check.onPublish,
      rounds: 4,
      system: { scheduler: seededScheduler(seed), clock: virtualClock() },
    })
    if (ended.type === 'task-failed') throw ended.cause
    t.is(published.length, 4)
  }
})

test('a client that keeps a state goes on from the one that its last counted work left', async (t) => {
  const plain = fedBuff({ bufferSize: 2, concurrency: 1 })
  const begun: number[] = []
  const strategy: Algorithm<unknown, { readonly trainings: number }> = {
    ...plain,
    client: {
      init: () => ({ trainings: 0 }),
      async train(assignment, { trainings }, learner, random) {
        begun.push(trainings)
        const { contribution } = await plain.client.train(assignment, null, learner, random)
        return { contribution, own: { trainings: trainings + 1 } }
      },
    },
  }
  const topology = twoTier({ clients: 1 })
  await run({ topology, strategy, pool: tinyPool({ clients: 1 }), rounds: 3 })
  t.deepEqual(begun.slice(0, 6), [0, 1, 2, 3, 4, 5])
})
