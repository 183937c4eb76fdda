import test from 'ava'
import { decode, memoryStore, seededScheduler } from '../../../runtime/index.ts'
import { randomStream } from '../../random/random-stream.ts'
import type { Algorithm } from '../../strategy/algorithm.ts'
import { fedDyn, fedNova, fedProx, moon, scaffold } from '../../strategy/algorithms/client/index.ts'
import { qFedAvg } from '../../strategy/algorithms/fair/index.ts'
import { flTrust } from '../../strategy/algorithms/robust/index.ts'
import { fedAvg } from '../../strategy/algorithms/server/index.ts'
import { choicesOf, chosenAlgorithm } from '../../strategy/chosen-algorithm.ts'
import { hierarchical, twoTier } from '../../tag/topologies.ts'
import { forSeeds } from '../../testing/index.ts'
import type { PoolTrainingRequest, TrainingPool } from '../../training/training-pool.ts'
import { clients, endingAt, isMean, quadraticPool, refusedPool, run, states, top } from './quadratic-job.contract.ts'

type Make = (settings: { readonly fraction?: number; readonly quorum?: number }) => Algorithm

/** Algorithms with state at the clients, or that draw their clients' work. */
const algorithms: Readonly<Record<string, Make>> = {
  'SCAFFOLD, option I': (settings) => scaffold({ option: 1, ...settings }),
  FedDyn: (settings) => fedDyn({ alpha: 0.5, ...settings }),
  MOON: (settings) => moon(settings),
  'FedNova of unequal work': (settings) => fedNova({ leastEpochs: 1, ...settings }),
}

/** Vectors of the server that are the mean of the clients' at all times. */
const means: Readonly<Record<string, readonly [server: string, client: string]>> = {
  'SCAFFOLD, option I': ['control', 'control'],
  FedDyn: ['h', 'gradient'],
}

for (const [name, make] of Object.entries(algorithms)) {
  const strategy = make({})

  test(`${name}: a hierarchical topology gives the bits of the two-tier one`, async (t) => {
    t.deepEqual(
      (await run({ strategy, topology: hierarchical({ clients }) })).weights,
      (await run({ strategy })).weights,
    )
  })

  test(`${name}: a process that ends at any write is gone on from to the same bits`, async (t) => {
    const calm = await run({ strategy })
    for (let at = 1; at <= 30; at++) {
      const store = memoryStore()
      await endingAt(at, store, { strategy })
      const { ended, published } = await run({ strategy, store })
      t.is(ended.type, 'task-completed', `write ${at}`)
      for (const { round, weights } of published) t.deepEqual([...weights], calm.weights[round - 1], `write ${at}`)
    }
  })
}

/** A pool whose server trains by the stream of its end and round. */
const rootedPool: TrainingPool = {
  ...quadraticPool(),
  trainRoot: async ({ round, end, weights }) => {
    const random = randomStream(5, round, end)
    return { delta: weights.map((value) => (random.uniform() - value) / 4), samples: 1, metrics: {} }
  },
}

for (const [name, strategy] of Object.entries({
  FLTrust: flTrust(),
  'q-FedAvg': qFedAvg({ q: 3 }),
  'FedAvg with flipped labels': chosenAlgorithm(fedAvg(), choicesOf({ attack: 'label-flip:0.5' })),
  'power-of-choice': chosenAlgorithm(fedAvg(), choicesOf({ selector: 'power-of-choice,k=2,d=3' })),
})) {
  test(`${name}: a process that ends at any write is gone on from to the same bits`, async (t) => {
    const options = { strategy, pool: rootedPool }
    const calm = await run(options)
    for (let at = 1; at <= 30; at++) {
      const store = memoryStore()
      await endingAt(at, store, options)
      const { ended, published } = await run({ ...options, store })
      t.is(ended.type, 'task-completed', `write ${at}`)
      for (const { round, weights } of published) t.deepEqual([...weights], calm.weights[round - 1], `write ${at}`)
    }
  })
}

for (const [name, vectors] of Object.entries(means)) {
  test(`${name}: whatever is refused or late, and wherever processes end, the server's state is the mean of the clients'`, (t) =>
    forSeeds(12, async (seed) => {
      const [draw, store] = [randomStream(seed), memoryStore()]
      const options = [{}, { fraction: 0.5 }, { quorum: 0.5 }, { fraction: 0.75, quorum: 0.6 }][seed % 4]
      const topology = seed % 3 === 0 ? hierarchical({ clients }) : twoTier({ clients })
      const pool = refusedPool(seed)
      const strategy = algorithms[name]?.({ ...options }) ?? fedAvg()
      for (let life = 0; life < 4; life++) {
        const system = { scheduler: seededScheduler(4 * seed + life) }
        const last = life < 3 ? 1 + draw.below(16) : Number.POSITIVE_INFINITY
        await endingAt(last, store, { topology, pool, strategy, rounds: 6, system })
        if (Object(decode((await store.load(`job/job-1/${top}`))?.bytes ?? Uint8Array.of(0xc0))).state)
          t.true(isMean(await states(store), vectors), `life ${life}`)
      }
    }))
}

test('the first round of FedDyn with all clients moves the weights by twice the mean delta', async (t) => {
  const [[plain = []] = [], [moved = []] = []] = [
    (await run({ strategy: fedAvg({ weighting: 'equal' }), rounds: 1 })).weights,
    (await run({ strategy: fedDyn({ alpha: 1e-6 }), rounds: 1 })).weights,
  ]
  const start = [1, -2, 3]
  for (const [i, value] of moved.entries())
    t.true(Math.abs(value - (start[i] ?? 0) - 2 * ((plain[i] ?? 0) - (start[i] ?? 0))) < 1e-4)
})

test('FedDyn with α = 0 is FedAvg with equal weights', async (t) => {
  const plain = await run({ strategy: fedAvg({ weighting: 'equal' }) })
  t.deepEqual((await run({ strategy: fedDyn({ alpha: 0 }) })).weights, plain.weights)
})

test('FedDyn reaches the optimum of all data, where no delta is left and the gradients add up to 0', async (t) => {
  const { weights, store } = await run({ strategy: fedDyn({ alpha: 0.5 }), rounds: 60 })
  for (const value of weights.at(-1) ?? []) t.true(Math.abs(value - 1.5) < 1e-3, String(value))
  const { server } = await states(store)
  const { h } = Object(server)
  if (!(h instanceof Float32Array)) return t.fail()
  for (const value of h) t.true(Math.abs(value) < 1e-3)
})

test('option I of SCAFFOLD takes the gradient of the client’s data as its control', async (t) => {
  const { store } = await run({ strategy: scaffold({ option: 1 }), rounds: 1 })
  const { own } = await states(store)
  for (const [client, state] of own.entries())
    t.deepEqual([...Object(state).control], [1 - client, -2 - client, 3 - client])
})

test('FedNova where all clients do the same number of steps is FedAvg', async (t) => {
  const base = quadraticPool()
  const train = (request: PoolTrainingRequest) => base.train({ ...request, work: { steps: 3 } })
  const [plain, normalised] = [
    await run({ strategy: fedAvg(), pool: { ...base, train } }),
    await run({ strategy: fedNova(), pool: { ...base, train } }),
  ]
  for (const [round, weights] of normalised.weights.entries())
    for (const [i, value] of weights.entries()) t.true(Math.abs(value - (plain.weights[round]?.[i] ?? 0)) < 1e-5)
})

test('a client that does more steps pulls FedAvg to its own optimum, and FedNova not', async (t) => {
  const rate = 0.01
  const base = quadraticPool({ target: (client) => (client === 0 ? 1 : -1) })
  const pool: TrainingPool = {
    ...base,
    ownSteps: { learningRate: rate, epochs: 1, batch: 1 },
    train: (request) => base.train({ ...request, work: { steps: request.client === 0 ? 9 : 3, learningRate: rate } }),
  }
  const strategies = [fedAvg({ weighting: 'equal' }), fedNova({ weighting: 'equal' })]
  const [averaged = 0, normalised = 0] = await Promise.all(
    strategies.map(async (strategy) => (await run({ strategy, pool, rounds: 150 })).weights.at(-1)?.[0]),
  )
  // One client has its optimum at 1, three at −1: the mean of the losses has its optimum at −0.5.
  t.true(averaged > -0.2, String(averaged))
  t.true(Math.abs(normalised + 0.5) < 0.05, String(normalised))
})

test('clients of unequal work draw their epochs from the least to their learner’s, the same when asked again', async (t) => {
  const epochs = new Set<number | undefined>()
  const again = new Map<string, number | undefined>()
  const base = quadraticPool()
  const pool: TrainingPool = {
    ...base,
    ownSteps: { learningRate: 0.25, epochs: 4, batch: 1 },
    async train(request) {
      const drawn = request.work?.epochs
      epochs.add(drawn)
      const work = `${request.round} ${request.end}`
      t.is(again.get(work) ?? drawn, drawn)
      again.set(work, drawn)
      return base.train(request)
    },
  }
  for (const strategy of [fedProx({ mu: 1, leastEpochs: 2 }), fedProx({ mu: 1, leastEpochs: 2 })])
    await run({ strategy, pool, rounds: 8 })
  t.deepEqual([...epochs].toSorted(), [2, 3, 4])
})

test('MOON tells a client of its last counted weights, and at first of the round’s', async (t) => {
  const told: (readonly number[])[] = []
  const trained: number[][] = []
  const base = quadraticPool()
  const pool: TrainingPool = {
    ...base,
    async train(request) {
      const update = await base.train(request)
      if (request.client === 0) {
        told.push([...(request.terms.contrastive?.previous ?? [])])
        trained.push([...update.delta.map((value, i) => value + (request.weights[i] ?? 0))])
      }
      return update
    },
  }
  await run({ strategy: moon(), pool, rounds: 3 })
  t.deepEqual(told, [[1, -2, 3], ...trained.slice(0, 2)])
})

test('MOON with μ = 0 is FedAvg', async (t) => {
  t.deepEqual((await run({ strategy: moon({ mu: 0 }) })).weights, (await run({ strategy: fedAvg() })).weights)
})
