import test from 'ava'
import { memoryStore } from '../../../runtime/index.ts'
import { replayedPairs } from '../../../test/support/replayed-pairs.ts'
import { disturbed } from '../../../test/support/slow-routes.ts'
import { roleKey } from '../../host/round-keeper.ts'
import { gossip } from '../../tag/topologies.ts'
import { forSeeds, killedStore, lifeOf, type RehearsalOptions, rehearse, tinyPool } from '../../testing/index.ts'
import { consensusOf } from './gossip-mixing.ts'
import { gossipPairTrainer } from './gossip-pair-trainer.ts'
import {
  completed,
  killedAtMessage,
  named,
  notingRegistry,
  publishedThoughOneLeaves,
  seeded,
  sendingBy,
} from './topology.contract.ts'

const roles = { trainer: named('trainer', gossipPairTrainer) }
const topologyOf = (clients: number, graph = 'full') => gossip({ clients, graph, asynchronous: true })

/** Checks that each model of each end follows from the order of its trainings and exchanges. */
async function checked(options: RehearsalOptions, clients: number, noted = notingRegistry()) {
  const run = await completed({ ...options, registry: noted.registry })
  const pool = tinyPool({ clients })
  const ends = Array.from({ length: clients }, (_, client) => `trainer-${client}`)
  const { models, exchanges } = await replayedPairs({
    ends,
    rounds: options.rounds ?? 3,
    initial: await pool.initialWeights(),
    orderOf: (end, round) => noted.models.get(`${end} ${round}`)?.arrivals ?? [],
    async train(end, round, weights) {
      const request = { round, weights, terms: {}, client: ends.indexOf(end), end }
      const { delta } = await pool.train({ ...request, signal: new AbortController().signal })
      return weights.map((value, i) => value + delta[i]!)
    },
  })
  for (const [end, ofEnd] of models)
    for (const [index, weights] of ofEnd.entries()) {
      const found = noted.models.get(`${end} ${index + 1}`)?.weights ?? []
      if (found.join() !== weights.join())
        throw new Error(`the model of ${end} in round ${index + 1} is ${found.join()}, not ${weights.join()}`)
    }
  return { run, exchanges, models: noted.models }
}

for (const [clients, graph] of [
  [1, 'ring'],
  [2, 'ring'],
  [3, 'full'],
  [6, 'ring'],
  [6, 'full'],
  [6, 'regular:1:each-round'],
] as const)
  test(`${clients} ends on the graph ${graph} have the models that follow from the order of their exchanges`, async (t) => {
    let exchanges = 0
    const orders = new Set<string>()
    await forSeeds(40, async (seed) => {
      const found = await checked(disturbed(topologyOf(clients, graph), seed), clients)
      exchanges += found.exchanges
      orders.add([...found.models.values()].map(({ arrivals }) => JSON.stringify(arrivals)).join())
    })
    t.true(exchanges >= (clients - 1) * 40, `${exchanges} exchanges`)
    t.true(clients < 3 || orders.size > 5, `${orders.size} orders`)
  })

test('each round of each end gives the same when it is run twice', async (t) => {
  const run = await rehearse({ topology: topologyOf(4), checkDeterminism: true })
  t.is(run.state, 'completed', String(run.cause))
})

test('an end that is killed before or after any of its messages averages a pair whole, or not at all', async (t) => {
  const clients = 4
  let kills = 0
  for (let message = 1; ; message++) {
    const killed = killedAtMessage(roles.trainer, message)
    const options = { topology: topologyOf(clients), roles: { trainer: killed.role }, system: seeded(message) }
    await checked(options, clients).catch((cause: unknown) => {
      throw new Error(`message ${message}: ${String(cause)}`, { cause })
    })
    if (!killed.isDone()) break
    kills += 1
  }
  t.true(kills > 60, `${kills} kills`)
})

test('a process that ends just before or after any write goes on in the order that it has begun', async (t) => {
  const job = { topology: topologyOf(3), pool: tinyPool({ clients: 3 }), rounds: 2 }
  let kills = 0
  for (const endsAfter of [false, true])
    for (let steps = 1; ; steps++) {
      const store = memoryStore()
      const life = lifeOf(steps, endsAfter)
      const noted = notingRegistry()
      await rehearse({ ...job, store: killedStore(store, life), system: seeded(steps), registry: noted.registry })
      if (!life.ended) break
      kills += 1
      await checked({ ...job, store, system: seeded(steps + 1) }, 3, noted).catch((cause: unknown) => {
        throw new Error(`step ${steps}: ${String(cause)}`, { cause })
      })
    }
  t.true(kills > 20, `${kills} kills`)
})

test('200 seeds: an end that leaves for good at some time makes nobody wait', async (t) => {
  const clients = 4
  await forSeeds(200, async (seed) => {
    const published = await publishedThoughOneLeaves({
      roles,
      topology: topologyOf(clients, seed % 2 === 0 ? 'ring' : 'full'),
      clients,
      leaving: `trainer-${seed % clients}`,
      leavesAt: 1 + (seed % 31),
      staying: Array.from({ length: clients }, (_, client) => `trainer-${client}`),
      system: seeded(seed),
    })
    const consensus = published.filter(({ part }) => part === 'consensus')
    if (new Set(consensus.map(({ weights }) => weights.join())).size !== 1) throw new Error('not one consensus')
  })
  t.pass()
})

test('exchanges leave the mean of all ends as it is, to rounding', async (t) => {
  const clients = 5
  const pool = tinyPool({ clients, distort: (update) => ({ ...update, delta: update.delta.fill(0) }) })
  const noted = notingRegistry()
  await completed({ topology: topologyOf(clients), pool, registry: noted.registry, system: seeded(1) })
  const last = Array.from({ length: clients }, (_, client) => noted.models.get(`trainer-${client} 3`)?.weights)
  const { mean } = consensusOf(last.flatMap((weights) => weights ?? []))
  for (const value of mean) t.true(Math.abs(value - 1) < 1e-6)
})

test('an end whose state is lost in some round holds up nobody', async (t) => {
  const clients = 3
  for (const graph of ['ring', 'regular:2:each-round'])
    for (const lost of ['trainer-0', 'trainer-1', 'trainer-2'])
      for (let steps = 4; ; steps += 3) {
        const store = memoryStore()
        const life = lifeOf(steps, true)
        const job = { topology: topologyOf(clients, graph), pool: tinyPool({ clients }) }
        await rehearse({ ...job, store: killedStore(store, life), system: seeded(steps) })
        if (!life.ended) break
        await store.remove(roleKey('job-1', lost))
        const run = await completed({ ...job, store, system: seeded(steps) })
        t.true(
          run.rounds.some(({ part, round }) => part === lost && round === 3),
          `${graph} ${lost} ${steps}`,
        )
      }
})

test('a model that is not finite, or of another size, is averaged by nobody else', async (t) => {
  const clients = 4
  for (const wrong of [Float32Array.of(1), new Float32Array(7).fill(Number.NaN)]) {
    let sent = 0
    const hostile = sendingBy(roles.trainer, (message) => {
      const isModel = 'weights' in Object(message) && ++sent % 5 === 0
      return isModel ? { ...message, weights: wrong } : message
    })
    const noted = notingRegistry()
    const run = await completed({
      topology: topologyOf(clients),
      registry: noted.registry,
      roles: { trainer: hostile },
    })
    t.true(run.notices.includes('ROLE_GOSSIP_MODEL'))
    for (let client = 0; client < clients; client++) {
      const end = `trainer-${client}`
      t.true(
        noted.models.get(`${end} 3`)?.weights?.every((value) => Number.isFinite(value)),
        end,
      )
    }
  }
})
