import test from 'ava'
import { decode, memoryStore, type Store, seededScheduler, virtualClock } from '../../../runtime/index.ts'
import { randomStream } from '../../random/random-stream.ts'
import { scaffold } from '../../strategy/algorithms/client/index.ts'
import { fedAvg } from '../../strategy/algorithms/server/index.ts'
import { hierarchical, hybrid, ring, twoTier } from '../../tag/topologies.ts'
import { forSeeds, killedStore, lifeOf, rehearse, roleStage } from '../../testing/index.ts'
import type { PoolTrainingRequest } from '../../training/training-pool.ts'
import { clients, endingAt, isMean, quadraticPool, refusedPool, run, states, top } from './quadratic-job.contract.ts'
import { stockRoles } from './stock-roles.ts'

const strategy = scaffold()
const rate = 0.25
const controls = ['control', 'control'] as const
const never = new Promise<never>(() => {})

test('the first round of SCAFFOLD is FedAvg with equal weights', async (t) => {
  const { weights } = await run({ strategy, rounds: 1 })
  t.deepEqual(weights, (await run({ rounds: 1, strategy: fedAvg({ weighting: 'equal' }) })).weights)
})

test('where all clients have the same data and number of steps, every round of SCAFFOLD is FedAvg', async (t) => {
  const base = quadraticPool({ target: () => 2 })
  const pool = { ...base, train: (request: PoolTrainingRequest) => base.train({ ...request, client: 0 }) }
  const { weights } = await run({ strategy, rounds: 5, pool })
  const plain = await run({ rounds: 5, pool, strategy: fedAvg() })
  for (const [round, each] of weights.entries())
    for (const [i, value] of each.entries()) t.true(Math.abs(value - (plain.weights[round]?.[i] ?? 0)) < 1e-5)
})

test('clients do as many steps as the algorithm says, in place of those of their learner', async (t) => {
  const { weights } = await run({ rounds: 1, strategy: scaffold({ localSteps: 1 }) })
  const [start = [], targets = [0, 1, 2, 3]] = [[1, -2, 3]]
  const moved = start.map((value) => value + (targets.reduce((sum, each) => sum + each - value, 0) / 4) * rate)
  t.deepEqual(weights, [moved])
})

test("the server's control is the mean of the clients', whoever is selected and counted", async (t) => {
  for (const options of [{}, { fraction: 0.5 }, { quorum: 0.5 }]) {
    const late = (request: PoolTrainingRequest) => (request.round % 2 === 1 && request.client < 2 ? never : undefined)
    const pool = 'quorum' in options ? quadraticPool({ before: late }) : quadraticPool()
    const { ended, store, published } = await run({
      rounds: 'quorum' in options ? 1 : 7,
      strategy: scaffold(options),
      pool,
    })
    t.is(ended.type, 'task-completed')
    t.is(published.length, 'quorum' in options ? 1 : 7)
    t.true(isMean(await states(store), controls))
  }
})

test('a client whose update was not counted goes back to the state before it', async (t) => {
  const held: (() => void)[] = []
  const pool = quadraticPool({
    before({ client, round }) {
      // In round 2 the other clients suffice; client 0 answers when round 3 has begun.
      if (client === 0 && round === 2) return new Promise((resolve) => held.push(resolve))
      if (client === 1 && round === 3) for (const release of held.splice(0)) release()
      return undefined
    },
  })
  const store = memoryStore()
  await using stage = roleStage({
    roles: stockRoles,
    topology: twoTier({ clients }),
    pool,
    strategy: scaffold({ quorum: 0.75 }),
    store,
    rounds: 8,
  })
  t.is((await stage.ended(top)).type, 'task-completed')
  t.false(stage.published[1]?.members.includes('trainer-0'))
  for (let client = 0; client < clients; client++) await stage.ended(`trainer-${client}`)
  t.true(isMean(await states(store), controls))
})

test('a hierarchical topology gives the bits of the two-tier one', async (t) => {
  t.deepEqual((await run({ strategy, topology: hierarchical({ clients }) })).weights, (await run({ strategy })).weights)
})

test('trainers and aggregators that fail at any training, or at any write, run again to the same bits', async (t) => {
  const topology = hierarchical({ clients })
  const calm = await run({ strategy, topology })
  for (let at = 1; at <= 13; at++) {
    let trainings = 0
    const before = () => {
      trainings += 1
      if (trainings === at) throw new Error('a passing fault')
    }
    t.deepEqual(
      (await run({ strategy, topology, pool: quadraticPool({ before }) })).weights,
      calm.weights,
      `training ${at}`,
    )
  }
  for (let at = 1; at <= 30; at++)
    for (const isWritten of [false, true]) {
      let writes = 0
      const inner = memoryStore()
      const store: Store = {
        ...killedStore(inner, lifeOf(Number.POSITIVE_INFINITY, false)),
        async save(key, expected, bytes) {
          writes += 1
          if (writes !== at) return inner.save(key, expected, bytes)
          if (isWritten) await inner.save(key, expected, bytes)
          throw new Error('a passing fault')
        },
      }
      const { ended, published } = await run({ strategy, topology, store })
      t.is(ended.type, 'task-completed', `write ${at}`)
      const last = published.at(-1)
      t.deepEqual([...(last?.weights ?? [])], calm.weights.at(-1), `write ${at}`)
    }
})

test('a process that ends at any write, or at any message, is gone on from to the same bits', async (t) => {
  const topology = hierarchical({ clients })
  const calm = await run({ strategy, topology })
  const goesOn = async (store: Store, what: string) => {
    const { ended, published } = await run({ strategy, topology, store, system: { clock: virtualClock() } })
    t.is(ended.type, 'task-completed', what)
    for (const { round, weights } of published) t.deepEqual([...weights], calm.weights[round - 1], what)
    t.true(isMean(await states(store), controls), what)
  }
  for (let at = 1; at <= 40; at++) {
    const store = memoryStore()
    await endingAt(at, store, { strategy, topology })
    await goesOn(store, `write ${at}`)
  }
  for (let at = 1; at <= 240; at += 3) {
    const store = memoryStore()
    const order = seededScheduler(at)
    let picks = 0
    let kill = () => {}
    const dead = new Promise<void>((resolve) => (kill = resolve))
    const scheduler = {
      pick(count: number) {
        picks += 1
        if (picks === at) kill()
        return order.pick(count)
      },
    }
    const stage = roleStage({
      roles: stockRoles,
      topology,
      pool: quadraticPool(),
      strategy,
      store,
      system: { scheduler },
    })
    await Promise.race([stage.ended(top), dead])
    await stage.system.terminate()
    await goesOn(store, `message ${at}`)
  }
})

test('whatever is refused or late, and wherever processes end, c stays the mean of the c_k that were counted', (t) =>
  forSeeds(16, async (seed) => {
    const [draw, store] = [randomStream(seed), memoryStore()]
    const options = [{}, { fraction: 0.5 }, { quorum: 0.5 }, { fraction: 0.75, quorum: 0.6 }][seed % 4]
    const topology = seed % 3 === 0 ? hierarchical({ clients }) : twoTier({ clients })
    const pool = refusedPool(seed)
    const job = { topology, pool, strategy: scaffold({ ...options }), rounds: 6 }
    for (let life = 0; life < 4; life++) {
      const system = { scheduler: seededScheduler(4 * seed + life) }
      await endingAt(life < 3 ? 1 + draw.below(16) : Number.POSITIVE_INFINITY, store, { ...job, system })
      if (Object(decode((await store.load(`job/job-1/${top}`))?.bytes ?? Uint8Array.of(0xc0))).state)
        t.true(isMean(await states(store), controls), `life ${life}`)
    }
  }))

for (const [name, topology] of Object.entries({
  'two-tier': twoTier({ clients }),
  hierarchical: hierarchical({ clients, groups: 2 }),
  hybrid: hybrid({ clients, groups: 2 }),
  ring: ring({ clients }),
}))
  test(`the record of a ${name} round names the member that has lost its own state`, async (t) => {
    const store = memoryStore()
    const job = { strategy, topology, store, pool: quadraticPool() }
    await rehearse({ ...job, rounds: 2 })
    await store.remove('job/job-1/trainer-1')
    const { state, rounds } = await rehearse({ ...job, rounds: 4 })
    t.is(state, 'completed')
    t.deepEqual(
      rounds.filter(({ round }) => round > 2).map(({ round, anew }) => [round, anew]),
      [
        [3, ['trainer-1']],
        [4, undefined],
      ],
    )
  })
