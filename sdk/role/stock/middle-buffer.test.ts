import test from 'ava'
import { memoryStore } from '../../../runtime/index.ts'
import { changed, inContext } from '../../../test/support/changed-role.ts'
import { disturbed } from '../../../test/support/slow-routes.ts'
import { memoryRegistry } from '../../registry/memory-registry.ts'
import type { ModelToCommit } from '../../registry/registry.ts'
import { fedAsync, fedBuff } from '../../strategy/algorithms/asynchronous/index.ts'
import { hierarchical, replicated, twoTier } from '../../tag/topologies.ts'
import type { Topology } from '../../tag/topology.ts'
import { forSeeds, killedStore, lifeOf, rehearse, tinyPool } from '../../testing/index.ts'
import { middleAggregator } from './middle-aggregator.ts'
import { completed, seeded } from './topology.contract.ts'

const strategy = fedBuff({ bufferSize: 2, concurrency: 2 })
const topologies: Readonly<Record<string, Topology>> = {
  hierarchical: hierarchical({ clients: 6 }),
  'hierarchical of three levels': hierarchical({ clients: 8, levels: 3 }),
  replicated: replicated({ clients: 4 }),
}

for (const [name, topology] of Object.entries(topologies)) {
  test(`40 seeds: an asynchronous ${name} topology makes all versions in any order of messages, and ends`, async (t) => {
    await forSeeds(40, async (seed) => {
      const { rounds } = await completed({ ...disturbed(topology, seed), strategy, rounds: 4 })
      t.deepEqual(
        rounds.map(({ round }) => round),
        [1, 2, 3, 4],
      )
    })
  })

  test(`an asynchronous ${name} topology runs each round twice to the same state`, async (t) => {
    const run = await rehearse({ topology, strategy, checkDeterminism: true })
    t.is(run.state, 'completed', String(run.cause))
  })

  test(`an asynchronous ${name} topology whose process ends just before or after any write publishes no other model of a version`, async (t) => {
    const job = { topology, strategy, rounds: 3 }
    let kills = 0
    for (const endsAfter of [false, true])
      for (let steps = 1; steps < 80; steps += 3) {
        const store = memoryStore()
        const life = lifeOf(steps, endsAfter)
        const models = memoryRegistry()
        const hashes = new Map<number, string | undefined>()
        let isFirstLife = true
        const registry = {
          ...models,
          async commit(model: ModelToCommit) {
            if (isFirstLife && life.ended) throw new Error('the process has ended')
            t.is(hashes.get(model.round) ?? model.hash, model.hash, `step ${steps}`)
            hashes.set(model.round, model.hash)
            return models.commit(model)
          },
        }
        await rehearse({ ...job, store: killedStore(store, life), system: seeded(steps), registry })
        if (!life.ended) break
        kills += 1
        isFirstLife = false
        await completed({ ...job, store, system: seeded(steps + 1), registry })
        t.deepEqual([...hashes.keys()].toSorted(), [1, 2, 3], `step ${steps}`)
      }
    t.true(kills > 4, `${kills} kills`)
  })
}

/** Trains each client to a delta of its own, without streams that depend on the number of the dispatch. */
function steadyPool(clients: number) {
  return tinyPool({
    clients,
    distort: (update, { client }) => ({
      ...update,
      delta: update.delta.map((_, i) => Math.fround((client + 1.1) / (i + 3))),
    }),
  })
}

test('fresh updates in buffers of buffers give the bits of one buffer with all of them, at any number of levels', async (t) => {
  const clients = 8
  const pool = steadyPool(clients)
  const hashOf = async (topology: Topology, bufferSize: number) => {
    const { rounds } = await completed({ topology, strategy: fedBuff({ bufferSize, concurrency: 8 }), pool, rounds: 1 })
    return rounds[0]?.hash
  }
  const flat = await hashOf(twoTier({ clients }), 8)
  t.is(await hashOf(hierarchical({ clients, groups: 4, levels: 3 }), 2), flat)
  const strategy = fedBuff({ bufferSize: 2, middleBufferSize: 4, concurrency: 4 })
  const { rounds } = await completed({ topology: hierarchical({ clients, groups: 2 }), strategy, pool, rounds: 1 })
  t.is(rounds[0]?.hash, flat)
})

test('a version names the trainers of its buffers, and its arrivals the work that each aggregator counted', async (t) => {
  const registry = memoryRegistry()
  const topology = hierarchical({ clients: 6, groups: 2 })
  const { rounds } = await completed({ topology, strategy, registry, rounds: 3 })
  for (const { round, members } of rounds) {
    const { arrivals = [] } = await registry.describe('job-1', round)
    t.deepEqual(
      arrivals.map(({ end }) => end.replace(/\d+$/, '')),
      ['middle-aggregator-', 'middle-aggregator-'],
    )
    const counted = arrivals.flatMap(({ buffer = [] }) => buffer)
    t.is(counted.length, 4)
    t.deepEqual([...new Set(counted.map(({ end }) => end))].toSorted(), members)
    t.true(members.every((end) => end.startsWith('trainer-')))
  }
})

test('FedAsync under a tree mixes in a share α of weights that are not stale', async (t) => {
  const pool = {
    ...tinyPool({ clients: 1 }),
    train: async () => ({ delta: new Float32Array(7).fill(3), samples: 1, metrics: {} }),
  }
  const topology = hierarchical({ clients: 1, groups: 1 })
  const { rounds } = await completed({ topology, strategy: fedAsync({ alpha: 0.5, concurrency: 1 }), pool, rounds: 1 })
  // From weights of 1 and a client's weights of 3: 2, and the sum of 7 squares.
  t.is(rounds[0]?.metrics.loss, 7 * 2 * 2)
})

test('the sum of a buffer of another size than the settings say is refused', async (t) => {
  const other = fedBuff({ bufferSize: 3, concurrency: 3 })
  const odd = inContext(middleAggregator, (context) => changed(context, { strategy: other }))
  const run = await rehearse({
    topology: hierarchical({ clients: 6, groups: 2 }),
    strategy,
    roles: { 'middle-aggregator': odd },
  })
  t.like(run, { state: 'failed', cause: { code: 'ROLE_TOO_FEW_UPDATES' } })
  t.true(run.notices.includes('ROLE_BUFFER_SIZE'))
})
