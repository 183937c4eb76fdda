import test from 'ava'
import { errorFactory, memoryStore, seededScheduler, virtualClock } from '../../../runtime/index.ts'
import type { RoundSummary } from '../../host/index.ts'
import { memoryRegistry } from '../../registry/memory-registry.ts'
import type { ModelToCommit } from '../../registry/registry.ts'
import { fedAvg } from '../../strategy/algorithms/server/fed-avg.ts'
import { ring, twoTier } from '../../tag/topologies.ts'
import {
  forSeeds,
  killedStore,
  lifeOf,
  type Rehearsal,
  type RehearsalOptions,
  type RoleStage,
  rehearse,
  roleStage,
  tinyPool,
} from '../../testing/index.ts'
import { ringTrainer } from './ring-trainer.ts'

const hashesOf = ({ rounds }: Rehearsal) => rounds.map(({ hash }) => hash).join()
const withoutTime = (round: RoundSummary) => ({ ...round, seconds: 0 })
const seeded = (seed: number) => ({ scheduler: seededScheduler(seed), clock: virtualClock() })
const mishap = errorFactory({ MISHAP: { message: 'client {client} is ill', hint: 'mend it' } })

async function completed(options: RehearsalOptions): Promise<Rehearsal> {
  const run = await rehearse(options)
  if (run.state !== 'completed') throw new Error(`the job ended ${run.state}: ${String(run.cause)}`)
  return run
}

for (const clients of [1, 2, 3, 5, 9])
  test(`a ring of ${clients} has the members, metrics and bits of two tiers, in any order of messages`, async (t) => {
    const pool = tinyPool({ clients })
    const flat = await completed({ topology: twoTier({ clients }), pool })
    await forSeeds(40, async (seed) => {
      const run = await completed({ topology: ring({ clients }), pool, system: seeded(seed) })
      t.deepEqual(run.rounds.map(withoutTime), flat.rounds.map(withoutTime))
    })
  })

test('each round of each end gives the same when it is run twice', async (t) => {
  const run = await rehearse({ topology: ring({ clients: 4 }), checkDeterminism: true })
  t.is(run.state, 'completed', String(run.cause))
})

test('ends that fail at some time and run again change no bit', async (t) => {
  const clients = 4
  const calm = hashesOf(await completed({ topology: twoTier({ clients }) }))
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
    const run = await completed({ topology: ring({ clients }), pool, system: seeded(seed) })
    const hashes = [...new Set(run.rounds.map(({ hash }) => hash))].join()
    if (hashes !== calm) throw new Error(`hashes ${hashes}, expected ${calm}`)
  })
  t.pass()
})

test('a process that ends just before or after any write goes on to the same hashes', async (t) => {
  const job = { topology: ring({ clients: 3 }), pool: tinyPool({ clients: 3 }), rounds: 2 }
  const calm = await completed(job)
  const expected = new Map(calm.rounds.map(({ round, hash }) => [round, hash]))
  let kills = 0
  for (const endsAfter of [false, true])
    for (let steps = 1; steps < 60; steps++) {
      const store = memoryStore()
      const life = lifeOf(steps, endsAfter)
      const models = memoryRegistry()
      const registry = {
        ...models,
        async commit(model: ModelToCommit) {
          t.is<string | undefined, string | undefined>(model.hash, expected.get(model.round), `step ${steps}`)
          seen.add(model.round)
          return models.commit(model)
        },
      }
      const seen = new Set<number>()
      const first = await rehearse({
        ...job,
        store: killedStore(store, life),
        system: seeded(steps),
        registry,
      })
      if (!life.ended) break
      kills += 1
      t.not(first.state, 'stopped')
      const second = await completed({ ...job, store, system: seeded(steps + 1), registry })
      t.is(second.state, 'completed')
      t.deepEqual([...seen].toSorted(), [...expected.keys()], `step ${steps}`)
    }
  t.true(kills > 10, `${kills} kills`)
})

test('200 seeds: an end that leaves for good at some time makes nobody wait, and the others have the same model', async (t) => {
  const clients = 4
  let ordinary = 0
  await forSeeds(200, async (seed) => {
    const stages: RoleStage[] = []
    let steps = 0
    const leaving = `trainer-${seed % clients}`
    const step = () => {
      steps += 1
      if (steps === 1 + (seed % 13)) stages[0]?.stop(leaving)
    }
    const counting = memoryStore()
    await using stage = roleStage({
      roles: { trainer: { name: 'trainer', runOn: (runner) => ringTrainer.runOn(runner) } },
      topology: ring({ clients }),
      pool: tinyPool({ clients, beforeTraining: step, beforeEvaluation: step }),
      store: {
        ...killedStore(counting, lifeOf(Number.POSITIVE_INFINITY, false)),
        async append(key, bytes, options) {
          step()
          return counting.append(key, bytes, options)
        },
      },
      system: seeded(seed),
    })
    stages.push(stage)
    const models = new Map<number, string>()
    for (let index = 0; index < clients; index++) {
      const end = `trainer-${index}`
      if (end === leaving) continue
      const ended = await stage.ended(end)
      if (ended.type === 'task-failed') throw ended.cause
    }
    for (const { round, weights, members } of stage.published) {
      const model = `${[...weights]} ${members}`
      if ((models.get(round) ?? model) !== model) throw new Error(`two models of round ${round}`)
      models.set(round, model)
      if (members.length < clients) ordinary += 1
    }
    if ([...models.keys()].join() !== '1,2,3') throw new Error(`rounds ${[...models.keys()]}`)
  })
  t.true(ordinary > 100 || process.env.SEED !== undefined, `${ordinary} rounds without the end that left`)
})

test('an end that is late is left out at the deadline, and goes on with the committed model', async (t) => {
  const clients = 3
  let release = () => {}
  const late = new Promise<void>((resolve) => (release = resolve))
  const run = await completed({
    topology: ring({ clients }),
    strategy: fedAvg({ deadlineMs: 20 }),
    pool: tinyPool({
      clients,
      beforeTraining({ client, round }) {
        if (client === 0 && round === 1) return late
        if (client === 1 && round === 2) release()
      },
    }),
    rounds: 4,
  })
  t.deepEqual([...new Set(run.rounds.map(({ round }) => round))], [1, 2, 3, 4])
  t.is(new Set(run.rounds.map(({ hash }) => hash)).size, 4)
  t.deepEqual(run.rounds[0]?.members, ['trainer-1', 'trainer-2'])
})

test('an end whose training fails sums without a contribution, and the round goes on', async (t) => {
  const pool = tinyPool({
    clients: 4,
    beforeTraining({ client, round }) {
      if (client === 2 && round === 2) throw mishap('MISHAP', { client })
    },
  })
  const run = await completed({ topology: ring({ clients: 4 }), pool })
  t.deepEqual(
    run.rounds.map(({ members }) => members.length),
    [4, 3, 4],
  )
  t.is(hashesOf(run), hashesOf(await completed({ topology: twoTier({ clients: 4 }), pool })))
})

test('a ring that counts fewer contributions than the algorithm needs fails', async (t) => {
  const { state, cause } = await rehearse({ topology: ring({ clients: 2 }), strategy: fedAvg({ minimumUpdates: 3 }) })
  t.is(state, 'failed')
  t.like(cause, { code: 'ROLE_TOO_FEW_UPDATES' })
})
