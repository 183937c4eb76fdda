import test from 'ava'
import { memoryStore } from '../../../runtime/index.ts'
import { memoryRegistry } from '../../registry/memory-registry.ts'
import type { ModelToCommit } from '../../registry/registry.ts'
import { fedBuff } from '../../strategy/algorithms/asynchronous/fed-buff.ts'
import { hierarchical, replicated } from '../../tag/topologies.ts'
import type { Topology } from '../../tag/topology.ts'
import { forSeeds, killedStore, lifeOf, rehearse, tinyPool } from '../../testing/index.ts'
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
      const { rounds } = await completed({ topology, strategy, system: seeded(seed), rounds: 4 })
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

test('a buffer of all trainers below each of two aggregators is the mean of the means', async (t) => {
  const topology = hierarchical({ clients: 4 })
  const pool = tinyPool({
    clients: 4,
    distort: (update, { client }) => ({ ...update, delta: new Float32Array(7).fill(client) }),
  })
  const loss = (await completed({ topology, strategy, pool, rounds: 1 })).rounds[0]?.metrics.loss
  // w = 1 + (1/2) (U_0 + U_1), and Σ s Δ over the clients 0 … 3 is 6: 7 weights of 1 + 6/4.
  t.is(loss, 7 * 2.5 * 2.5)
})
