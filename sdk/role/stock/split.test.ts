import test from 'ava'
import { memoryStore, virtualClock } from '../../../runtime/index.ts'
import { changed, inContext } from '../../../test/support/changed-role.ts'
import { gradientSteps } from '../../learn/gradient-steps.ts'
import { batchesOf } from '../../learn/local-training.ts'
import { randomStream } from '../../random/random-stream.ts'
import { memoryRegistry } from '../../registry/memory-registry.ts'
import type { ModelToCommit } from '../../registry/registry.ts'
import { fedAdam, fedAvg } from '../../strategy/algorithms/server/index.ts'
import { split, twoTier } from '../../tag/topologies.ts'
import { forSeeds, killedStore, lifeOf, type RehearsalOptions, rehearse, roleStage } from '../../testing/index.ts'
import { rolePasses, type TrainingPool } from '../../training/training-pool.ts'
import type { AnyRole } from '../role.ts'
import { chainPool } from './chain-pool.contract.ts'
import { splitAggregator } from './split-aggregator.ts'
import { splitServer } from './split-server.ts'
import { splitTrainer } from './split-trainer.ts'
import { completed, killedAtMessage, named, seeded, topologyContract } from './topology.contract.ts'

const roles = {
  aggregator: named('aggregator', splitAggregator),
  'split-server': splitServer,
  trainer: named('trainer', splitTrainer),
}
const trainers = ['trainer-0', 'trainer-1', 'trainer-2', 'trainer-3']
const under = {
  topologyOf: split,
  calmOf: split,
  poolOf: chainPool,
  roles,
  leaving: trainers,
  staying: ['aggregator-0'],
}

topologyContract(test, 'a split model with a copy for each client', { ...under, instants: 40 })
topologyContract(test, 'a split model in turns, whose labels stay', {
  ...under,
  settings: { splitVersion: 2, labels: 'kept', cut: 2 },
  instants: 60,
})

topologyContract(test, 'a split model whose lower part clients hand on', {
  ...under,
  settings: { splitVersion: 0 },
  instants: 40,
})

const variants = {
  'parts handed on': { splitVersion: 0 },
  'parts handed on, labels kept': { splitVersion: 0, labels: 'kept' },
  'a copy for each client': { splitVersion: 1 },
  'one part in turns': { splitVersion: 2 },
  'a copy for each client, labels kept': { splitVersion: 1, labels: 'kept' },
  'one part in turns, labels kept': { splitVersion: 2, labels: 'kept' },
} as const

/** The weights after each round. */
async function weightsOf(options: RehearsalOptions): Promise<readonly (readonly number[])[]> {
  const models: number[][] = []
  const registry = memoryRegistry()
  await completed({
    ...options,
    registry: {
      ...registry,
      async commit(model: ModelToCommit) {
        models[model.round - 1] = [...model.weights]
        return registry.commit(model)
      },
    },
  })
  return models
}

/** The greatest difference between the weights of two runs. */
function distance(some: readonly (readonly number[])[], others: readonly (readonly number[])[]): number {
  return Math.max(...some.flatMap((row, i) => row.map((value, j) => Math.abs(value - (others[i]?.[j] ?? Number.NaN)))))
}

for (const [name, settings] of Object.entries(variants))
  test(`${name}: a fault at any pass of any end, which then runs again, changes no bit`, async (t) => {
    let passes = 0
    const job = { topology: split({ clients: 3 }), settings, rounds: 2 }
    const calm = await completed({ ...job, pool: chainPool({ clients: 3, beforeTraining: () => void passes++ }) })
    const expected = calm.rounds.map(({ round, hash }) => `${round} ${hash}`)
    t.true(passes > 30, `${passes} passes`)
    for (let faultAt = 1; faultAt <= passes; faultAt++) {
      let calls = 0
      const beforeTraining = () => {
        calls += 1
        if (calls === faultAt) throw new Error('a passing fault')
      }
      const run = await completed({ ...job, pool: chainPool({ clients: 3, beforeTraining }), system: seeded(faultAt) })
      t.deepEqual([...new Set(run.rounds.map(({ round, hash }) => `${round} ${hash}`))], expected, `pass ${faultAt}`)
    }
  })

for (const [name, settings] of Object.entries(variants))
  test(`${name}: an end that fails just before or after any of its messages changes no bit`, async (t) => {
    const job = { topology: split({ clients: 3 }), pool: chainPool({ clients: 3 }), settings, rounds: 2 }
    const calm = await completed(job)
    const expected = calm.rounds.map(({ round, hash }) => `${round} ${hash}`)
    for (const [place, role] of Object.entries(roles)) {
      let kills = 0
      for (let message = 1; ; message++) {
        const killed = killedAtMessage(role, message)
        const run = await completed({ ...job, roles: { ...roles, [place]: killed.role }, system: seeded(message) })
        if (!killed.isDone()) break
        kills += 1
        const found = [...new Set(run.rounds.map(({ round, hash }) => `${round} ${hash}`))]
        t.deepEqual(found, expected, `message ${message} of ${place}`)
      }
      t.true(kills >= 16, `${kills} kills of ${place}`)
    }
  })

test('with a copy for each client, a split model is the whole model under the same algorithm, to rounding', async (t) => {
  for (const strategy of [fedAvg(), fedAvg({ weighting: 'equal' }), fedAdam()]) {
    const job = { pool: chainPool({ clients: 5 }), strategy, rounds: 4 }
    const whole = await weightsOf({ ...job, topology: twoTier({ clients: 5 }) })
    for (const settings of [
      {},
      { cut: 'second' },
      { cut: 3 },
      { labels: 'kept' },
      { labels: 'kept', cut: 1, upperCut: 2 },
    ])
      t.true(distance(await weightsOf({ ...job, settings, topology: split({ clients: 5 }) }), whole) < 1e-6)
  }
})

test('labels that stay with the clients change the weights by no more than rounding', async (t) => {
  // In turns, the last part of several clients is a mean, unless it's handed on, and the server's is none.
  for (const [splitVersion, clients] of [
    [0, 4],
    [1, 4],
    [2, 1],
  ] as const) {
    const job = { pool: chainPool({ clients }), topology: split({ clients }), rounds: 4 }
    const sent = await weightsOf({ ...job, settings: { splitVersion } })
    const kept = await weightsOf({ ...job, settings: { splitVersion, labels: 'kept' } })
    t.true(distance(kept, sent) < 1e-6)
  }
})

/**
 * One round of version 2 without any roles: the server's part, cut after the first layer, is trained in this order; and of
 * version 0, where the whole model is.
 */
async function inTurns(
  pool: TrainingPool,
  weights: Float32Array,
  round: number,
  order: readonly string[],
  isHandedOn = false,
) {
  const optimizer = gradientSteps(pool.ownSteps ?? { learningRate: 1, epochs: 1, batch: 1 })
  let top: Float32Array = weights.slice(2)
  let bottom = weights.subarray(0, 2)
  const sum = new Float64Array(2)
  let total = 0
  for (const end of order) {
    const client = Number(end.split('-')[1])
    const passes = rolePasses(pool, () => ({ client, end }))
    const samples = await passes.samples()
    let whole: Float32Array = Float32Array.of(...bottom, ...top)
    const random = randomStream(1, round, end, 'train')
    for (const { indices } of batchesOf({ examples: samples, batch: 2, epochs: 2 }, random)) {
      const { gradient } = await passes.lossOfPart({ part: {}, weights: whole, round, of: { indices } })
      whole = optimizer.step(whole, gradient, optimizer.begin(8)).weights
    }
    top = whole.slice(2)
    if (isHandedOn) bottom = whole.slice(0, 2)
    for (const index of [0, 1]) sum[index] = (sum[index] ?? 0) + samples * ((whole[index] ?? 0) - (weights[index] ?? 0))
    total += samples
  }
  if (isHandedOn) return Float32Array.of(...bottom, ...top)
  return Float32Array.of(...weights.subarray(0, 2).map((value, index) => value + (sum[index] ?? 0) / total), ...top)
}

for (const splitVersion of [0, 2])
  test(`version ${splitVersion}: clients train one part in an order drawn from seed and round, whatever the order of messages`, async (t) => {
    const pool = chainPool({ clients: 4 })
    const served: string[] = []
    const watched: TrainingPool = {
      ...pool,
      pass(request) {
        const [client = ''] = String(request.label).split(' ')
        const turn = `${request.round} ${client}`
        if (request.end === 'split-server-0' && served.at(-1) !== turn) served.push(turn)
        return pool.pass(request)
      },
    }
    const orders = [1, 2, 3].map((round) =>
      Array.from(
        randomStream(1, round, '', 'order').shuffle(Uint32Array.of(0, 1, 2, 3)),
        (index) => trainers[index] ?? '',
      ),
    )
    t.true(new Set(orders.map((order) => order.join())).size > 1)
    const expected: (readonly number[])[] = []
    let weights = await pool.initialWeights()
    for (const [index, order] of orders.entries()) {
      weights = await inTurns(pool, weights, index + 1, order, splitVersion === 0)
      expected.push([...weights])
    }
    await forSeeds(20, async (seed) => {
      served.length = 0
      const job = { topology: split({ clients: 4 }), settings: { splitVersion }, pool: watched }
      const found = await weightsOf({ ...job, system: seeded(seed) })
      t.deepEqual(
        served,
        orders.flatMap((order, index) => order.map((end) => `${index + 1} ${end}`)),
      )
      t.true(distance(found, expected) < 1e-6)
    })
  })

/** The role of trainers, one of which hangs after its first pass backward. */
function hanging(end: string): AnyRole {
  return inContext(named('trainer', splitTrainer), (context) => {
    if (context.end !== end) return context
    const learner = changed(context.learner, { backward: () => new Promise(() => {}) })
    return changed(context, { learner })
  })
}

for (const splitVersion of [0, 2])
  test(`version ${splitVersion}: a client that hangs in its turn costs those after it the round, and its steps are taken back`, async (t) => {
    const pool = chainPool({ clients: 4 })
    const order = Array.from(
      randomStream(1, 1, '', 'order').shuffle(Uint32Array.of(0, 1, 2, 3)),
      (index) => trainers[index] ?? '',
    )
    await using stage = roleStage({
      roles: { ...roles, trainer: hanging(order[2] ?? '') },
      topology: split({ clients: 4 }),
      pool,
      settings: { splitVersion },
      strategy: fedAvg({ deadlineMs: 1_000 }),
      rounds: 1,
      system: { clock: virtualClock() },
    })
    const ended = await stage.ended('aggregator-0')
    t.is(ended.type, 'task-completed')
    const [record] = stage.published
    t.deepEqual(record?.members, order.slice(0, 2).toSorted())
    t.deepEqual(
      record?.notCounted?.map(({ reason }) => reason),
      ['late', 'late'],
    )
    const expected = await inTurns(pool, await pool.initialWeights(), 1, order.slice(0, 2), splitVersion === 0)
    t.true(distance([[...(record?.weights ?? [])]], [[...expected]]) < 1e-6)
  })

test('a quorum, and kills at any write: a round that runs again has the members and the bits that were published', async (t) => {
  let again = 0
  await forSeeds(150, async (seed) => {
    const store = memoryStore()
    const models = memoryRegistry()
    const seen = new Map<number, string>()
    const registry = {
      ...models,
      async commit(model: ModelToCommit) {
        if (seen.has(model.round)) again += 1
        const known = seen.get(model.round) ?? model.hash
        if (known !== model.hash) throw new Error(`round ${model.round} has the hashes ${known} and ${model.hash}`)
        seen.set(model.round, model.hash ?? '')
        return models.commit(model)
      },
    }
    const settings = { splitVersion: Math.floor(seed / 32) % 3 }
    const strategy = fedAvg({ quorum: 0.5 })
    const job = { topology: split({ clients: 4 }), pool: chainPool({ clients: 4 }), strategy, settings, registry }
    const life = lifeOf(1 + (seed % 16), Math.floor(seed / 16) % 2 === 1)
    await rehearse({ ...job, store: killedStore(store, life), system: seeded(seed) })
    await completed({ ...job, store, system: seeded(seed + 1) })
  })
  t.true(again > 5 || process.env.SEED !== undefined, `${again} rounds were published twice`)
})

test('a server of the upper part that leaves for good ends the job, with the reason', async (t) => {
  let passes = 0
  const stages: { stop(end: string): void }[] = []
  const beforeTraining = () => {
    passes += 1
    if (passes === 20) stages[0]?.stop('split-server-0')
  }
  await using stage = roleStage({
    roles,
    topology: split({ clients: 3 }),
    pool: chainPool({ clients: 3, beforeTraining }),
    system: { clock: virtualClock() },
  })
  stages.push(stage)
  const ended = await stage.ended('aggregator-0')
  t.is(ended.type, 'task-failed')
  t.like(ended.type === 'task-failed' && ended.cause, { code: 'ROLE_SPLIT_SERVER_LEFT' })
})

for (const [name, settings] of Object.entries(variants))
  test(`${name}: a client whose numbers are not finite is left out, and the round goes on without it`, async (t) => {
    const pool = chainPool({ clients: 4 })
    const bad: TrainingPool = {
      ...pool,
      async pass(request) {
        const answer = await pool.pass(request)
        return request.client === 2 && 'values' in answer && 'to' in request.way
          ? { ...answer, values: answer.values.fill(Number.NaN) }
          : answer
      },
    }
    const run = await completed({ topology: split({ clients: 4 }), pool: bad, settings })
    t.deepEqual(
      run.rounds.map(({ members }) => members),
      [1, 2, 3].map(() => ['trainer-0', 'trainer-1', 'trainer-3']),
    )
    t.deepEqual(run.rounds[0]?.notCounted, [{ end: 'trainer-2', reason: 'refused', code: 'ROLE_SPLIT_DIVERGED' }])
  })
