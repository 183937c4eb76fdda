import test from 'ava'
import { memoryStore } from '../../../runtime/index.ts'
import { memoryRegistry } from '../../registry/memory-registry.ts'
import { fedAsync, fedBuff } from '../../strategy/algorithms/asynchronous/index.ts'
import { coordinated } from '../../tag/topologies.ts'
import { forSeeds, killedStore, lifeOf, rehearse, tinyPool } from '../../testing/index.ts'
import { coordinator } from './coordinator.ts'
import { middleAggregator } from './middle-aggregator.ts'
import { topAggregator } from './top-aggregator.ts'
import { completed, killedAtMessage, notingRegistry, publishedThoughOneLeaves, seeded } from './topology.contract.ts'
import { trainer } from './trainer.ts'

const roles = {
  'top-aggregator': topAggregator,
  'middle-aggregator': middleAggregator,
  coordinator,
  trainer,
}
const cases = [
  { clients: 1, replicas: 1, bufferSize: 1, concurrency: 1 },
  { clients: 4, replicas: 2, bufferSize: 2, concurrency: 2 },
  { clients: 3, replicas: 2, bufferSize: 2, concurrency: 5 },
  { clients: 2, replicas: 3, bufferSize: 1, concurrency: 1 },
  { clients: 3, replicas: 3, bufferSize: 1, concurrency: 3 },
  { clients: 6, replicas: 3, bufferSize: 3, concurrency: 2 },
]

for (const { clients, replicas, ...settings } of cases)
  test(`40 seeds: ${replicas} aggregators of ${clients} trainers, with buffers of ${settings.bufferSize} and ${settings.concurrency} at work, make all versions`, async (t) => {
    const orders = new Set<string>()
    await forSeeds(40, async (seed) => {
      const registry = memoryRegistry()
      const { rounds } = await completed({
        topology: coordinated({ clients, replicas }),
        strategy: fedBuff(settings),
        system: seeded(seed),
        registry,
        rounds: 4,
      })
      if (rounds.map(({ round }) => round).join() !== '1,2,3,4') throw new Error(`rounds ${rounds.length}`)
      const found = await Promise.all(rounds.map(({ round }) => registry.describe('job-1', round)))
      orders.add(JSON.stringify(found.map(({ arrivals }) => arrivals)))
    })
    t.true(clients < 3 || orders.size > 1, `${orders.size} orders`)
  })

test('each round of each end gives the same when it is run twice', async (t) => {
  const strategy = fedBuff({ bufferSize: 2, concurrency: 2 })
  const run = await rehearse({ topology: coordinated({ clients: 4 }), strategy, checkDeterminism: true })
  t.is(run.state, 'completed', String(run.cause))
})

test('a process that ends just before or after any write publishes no other model of a version', async (t) => {
  const job = {
    topology: coordinated({ clients: 3 }),
    strategy: fedBuff({ bufferSize: 2, concurrency: 2 }),
    rounds: 3,
  }
  let kills = 0
  for (const endsAfter of [false, true])
    for (let steps = 1; ; steps += 2) {
      const store = memoryStore()
      const life = lifeOf(steps, endsAfter)
      const { registry, models } = notingRegistry()
      await rehearse({ ...job, store: killedStore(store, life), system: seeded(steps), registry })
      if (!life.ended) break
      kills += 1
      await completed({ ...job, store, system: seeded(steps + 1), registry })
      t.deepEqual([...models.values()].map(({ round }) => round).toSorted(), [1, 2, 3], `step ${steps}`)
    }
  t.true(kills > 20, `${kills} kills`)
})

for (const killedRole of ['coordinator', 'middle-aggregator', 'top-aggregator'] as const)
  test(`a ${killedRole} that is killed before or after any of its messages goes on, with one model of a version`, async (t) => {
    const topology = coordinated({ clients: 4 })
    const strategy = fedBuff({ bufferSize: 2, concurrency: 2 })
    let kills = 0
    for (let message = 1; message < 120; message++) {
      const killed = killedAtMessage({ ...roles[killedRole], name: killedRole }, message)
      const { registry, models } = notingRegistry()
      const system = seeded(message)
      await completed({ topology, strategy, system, registry, rounds: 3, roles: { [killedRole]: killed.role } })
      if (!killed.isDone()) break
      kills += 1
      t.is(models.size, 3, `message ${message}`)
    }
    t.true(kills > 15, `${kills} kills`)
  })

test('200 seeds: an end that leaves for good at some time makes nobody wait', async (t) => {
  const leaving = ['trainer-0', 'trainer-3', 'middle-aggregator-0', 'middle-aggregator-1']
  await forSeeds(200, async (seed) => {
    const published = await publishedThoughOneLeaves({
      roles,
      topology: coordinated({ clients: 4 }),
      strategy: fedBuff({ bufferSize: 2, concurrency: 2 }),
      clients: 4,
      leaving: leaving[seed % leaving.length] ?? '',
      leavesAt: 1 + (seed % 29),
      staying: ['top-aggregator-0', 'coordinator-0'],
      system: seeded(seed),
    })
    if ([...new Set(published.map(({ round }) => round))].join() !== '1,2,3') throw new Error('not all versions')
  })
  t.pass()
})

test('FedAsync mixes in the model of the aggregator that is granted', async (t) => {
  const topology = coordinated({ clients: 2, replicas: 2 })
  const { rounds } = await completed({ topology, strategy: fedAsync({ alpha: 0.5, concurrency: 1 }), rounds: 3 })
  t.is(rounds.length, 3)
})

test('without a trainer that can work, the job fails and says why', async (t) => {
  const pool = tinyPool({
    clients: 2,
    distort: (update) => ({ ...update, delta: update.delta.fill(Number.NaN) }),
  })
  const { state, cause } = await rehearse({
    topology: coordinated({ clients: 2, replicas: 1 }),
    strategy: fedBuff({ bufferSize: 1, concurrency: 1 }),
    pool,
  })
  t.is(state, 'failed')
  t.like(cause, { code: 'ROLE_TOO_FEW_UPDATES' })
})
