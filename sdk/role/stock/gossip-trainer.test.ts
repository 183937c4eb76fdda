import test from 'ava'
import { errorFactory, memoryStore } from '../../../runtime/index.ts'
import { disturbed } from '../../../test/support/slow-routes.ts'
import type { RoundSummary } from '../../host/index.ts'
import { roleKey } from '../../host/round-keeper.ts'
import type { ModelToCommit } from '../../registry/registry.ts'
import { fedAvg } from '../../strategy/algorithms/server/fed-avg.ts'
import { gossip, twoTier } from '../../tag/topologies.ts'
import { forSeeds, killedStore, lifeOf, rehearse, tinyPool } from '../../testing/index.ts'
import { gossipTrainer } from './gossip-trainer.ts'
import {
  completed,
  killedAtMessage,
  named,
  notingRegistry,
  publishedThoughOneLeaves,
  seeded,
  sendingBy,
} from './topology.contract.ts'

const mishap = errorFactory({ MISHAP: { message: 'client {client} is ill', hint: 'mend it' } })
const roles = { trainer: named('trainer', gossipTrainer) }

/** Models by part and round. */
const modelsOf = (rounds: readonly RoundSummary[]) =>
  [...new Set(rounds.map(({ part, round, hash, members }) => `${part} ${round} ${hash} ${members}`))].toSorted()

const weightsOf = (models: ReadonlyMap<string, ModelToCommit>) =>
  [...models].map(([name, { weights }]) => [name, weights] as const).toSorted()

const cases = [
  ...[1, 2, 3, 5].map((clients) => ({ clients, graph: 'ring' })),
  ...[3, 6].map((clients) => ({ clients, graph: 'full' })),
  { clients: 6, graph: 'torus' },
  { clients: 6, graph: 'regular:3' },
  { clients: 6, graph: 'regular:1:each-round' },
]

for (const { clients, graph } of cases)
  test(`${clients} ends on the graph ${graph} have the same models in any order of messages`, async (t) => {
    const calm = await completed({ topology: gossip({ clients, graph }) })
    t.is(modelsOf(calm.rounds).length, 3 * (clients + 1))
    await forSeeds(40, async (seed) => {
      const run = await completed(disturbed(gossip({ clients, graph }), seed))
      t.deepEqual(modelsOf(run.rounds), modelsOf(calm.rounds))
    })
  })

test('each round of each end gives the same when it is run twice', async (t) => {
  const run = await rehearse({ topology: gossip({ clients: 4 }), checkDeterminism: true })
  t.is(run.state, 'completed', String(run.cause))
})

test('200 seeds: roles that fail at some time and run again change no bit', async (t) => {
  const clients = 4
  const topology = gossip({ clients, graph: 'regular:1:each-round' })
  const expected = modelsOf((await completed({ topology })).rounds)
  await forSeeds(200, async (seed) => {
    let trainings = 0
    let evaluations = 0
    const pool = tinyPool({
      clients,
      beforeTraining() {
        trainings += 1
        if (trainings === 1 + (seed % 12)) throw new Error('a passing fault')
      },
      beforeEvaluation() {
        evaluations += 1
        if (evaluations === 1 + (seed % 3)) throw new Error('a passing fault')
      },
    })
    const run = await completed({ topology, pool, system: seeded(seed) })
    t.deepEqual(modelsOf(run.rounds), expected)
  })
})

for (const graph of ['ring', 'regular:1:each-round'])
  test(`an end on the graph ${graph} that is killed before or after any of its messages changes no bit`, async (t) => {
    const clients = 4
    const topology = gossip({ clients, graph })
    const expected = modelsOf((await completed({ topology })).rounds)
    let kills = 0
    for (let message = 1; ; message++) {
      const killed = killedAtMessage(roles.trainer, message)
      const run = await completed({ topology, roles: { trainer: killed.role }, system: seeded(message) })
      if (!killed.isDone()) break
      kills += 1
      t.deepEqual(modelsOf(run.rounds), expected, `message ${message}`)
    }
    t.true(kills > 60, `${kills} kills`)
  })

test('a process that ends just before or after any write goes on to the same models', async (t) => {
  const job = { topology: gossip({ clients: 3 }), pool: tinyPool({ clients: 3 }), rounds: 2 }
  const calm = notingRegistry()
  await completed({ ...job, registry: calm.registry })
  let kills = 0
  for (const endsAfter of [false, true])
    for (let steps = 1; ; steps++) {
      const store = memoryStore()
      const life = lifeOf(steps, endsAfter)
      const { registry, models } = notingRegistry()
      await rehearse({ ...job, store: killedStore(store, life), system: seeded(steps), registry })
      if (!life.ended) break
      kills += 1
      await completed({ ...job, store, system: seeded(steps + 1), registry })
      t.deepEqual(weightsOf(models), weightsOf(calm.models), `step ${steps}`)
    }
  t.true(kills > 20, `${kills} kills`)
})

test('200 seeds: an end that leaves for good at some time makes nobody wait, and each round has one consensus', async (t) => {
  const clients = 4
  const ends = ['trainer-0', 'trainer-1', 'trainer-2', 'trainer-3']
  let smaller = 0
  await forSeeds(200, async (seed) => {
    const published = await publishedThoughOneLeaves({
      roles,
      topology: gossip({ clients, graph: seed % 2 === 0 ? 'ring' : 'full' }),
      clients,
      leaving: ends[seed % clients] ?? '',
      leavesAt: 1 + (seed % 31),
      staying: ends,
      system: seeded(seed),
    })
    const models = new Map<number, string>()
    for (const { part, round, weights, members } of published) {
      if (part !== 'consensus') continue
      const model = `${[...weights]} ${members}`
      if ((models.get(round) ?? model) !== model) throw new Error(`two consensus models of round ${round}`)
      models.set(round, model)
      if (members.length < clients) smaller += 1
    }
    if ([...models.keys()].toSorted().join() !== '1,2,3') throw new Error(`rounds ${[...models.keys()]}`)
  })
  t.true(smaller > 20 || process.env.SEED !== undefined, `${smaller} rounds without all ends`)
})

test('on a full graph the ends have the weights of federated averaging with equal weights, to rounding', async (t) => {
  const clients = 5
  const mixed = notingRegistry()
  await completed({ topology: gossip({ clients, graph: 'full' }), registry: mixed.registry })
  const averaged = notingRegistry()
  await completed({
    topology: twoTier({ clients }),
    strategy: fedAvg({ weighting: 'equal' }),
    registry: averaged.registry,
  })
  for (const round of [1, 2, 3])
    for (const part of ['trainer-0', 'trainer-3', 'consensus'])
      for (const [i, value] of (mixed.models.get(`${part} ${round}`)?.weights ?? []).entries())
        t.true(Math.abs(value - (averaged.models.get(`undefined ${round}`)?.weights[i] ?? Number.NaN)) < 1e-6)
})

for (const late of ['trainer-0', 'trainer-1', 'trainer-3'])
  test(`${late}, which is late, is left out by its neighbours at the deadline, who are left out by it`, async (t) => {
    const clients = 4
    let [release, ahead] = [() => {}, 0]
    const waiting = new Promise<void>((resolve) => (release = resolve))
    const { registry, models } = notingRegistry()
    const run = await completed({
      topology: gossip({ clients }),
      strategy: fedAvg({ deadlineMs: 30 }),
      registry,
      pool: tinyPool({
        clients,
        beforeTraining({ end, round }) {
          if (end === late && round === 1) return waiting
          if (end !== late && round === 2 && ++ahead === clients - 1) release()
        },
      }),
      rounds: 4,
    })
    const first = run.rounds.filter(({ round, part }) => round === 1 && part !== 'consensus')
    const countedBy = new Map(first.map(({ part = '', members }) => [part, members]))
    for (const [end, members] of countedBy)
      for (const other of members) t.true(countedBy.get(other)?.includes(end), `${other} counts ${end}`)
    t.deepEqual(countedBy.get(late), [late])
    t.is([...models.keys()].filter((name) => !name.startsWith('consensus')).length, 16)
  })

test('an end whose training fails mixes its model as it was', async (t) => {
  const pool = tinyPool({
    clients: 3,
    beforeTraining({ client, round }) {
      if (client === 2 && round === 2) throw mishap('MISHAP', { client })
    },
  })
  const run = await completed({ topology: gossip({ clients: 3 }), pool })
  t.is(modelsOf(run.rounds).length, 12)
  t.deepEqual(run.notices, ['MISHAP'])
})

test('a model that is not finite, or of another size, is mixed by nobody else', async (t) => {
  const clients = 4
  for (const wrong of [Float32Array.of(1), new Float32Array(7).fill(Number.NaN)]) {
    let sent = 0
    const hostile = sendingBy(roles.trainer, (message) => {
      const isModel = 'weights' in Object(message) && ++sent % 5 === 0
      return isModel ? { ...message, weights: wrong } : message
    })
    const noted = notingRegistry()
    const run = await completed({
      topology: gossip({ clients }),
      registry: noted.registry,
      roles: { trainer: hostile },
    })
    t.true(run.notices.includes('ROLE_GOSSIP_MODEL'))
    for (let client = 0; client < clients; client++) {
      const end = `trainer-${client}`
      t.true(
        noted.models.get(`${end} 3`)?.weights.every((value) => Number.isFinite(value)),
        end,
      )
    }
  }
})

test('an end whose state is lost in some round holds up nobody', async (t) => {
  const clients = 3
  for (const graph of ['ring', 'regular:2:each-round'])
    for (const lost of ['trainer-0', 'trainer-1', 'trainer-2'])
      for (let steps = 4; ; steps += 3) {
        const store = memoryStore()
        const life = lifeOf(steps, true)
        const job = { topology: gossip({ clients, graph }), pool: tinyPool({ clients }) }
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
