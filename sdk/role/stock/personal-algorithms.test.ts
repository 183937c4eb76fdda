import test from 'ava'
import { memoryStore } from '../../../runtime/index.ts'
import { ditto, fedBn, fedPer, fedRep, pFedMe } from '../../strategy/algorithms/personal/index.ts'
import { fedAvg } from '../../strategy/algorithms/server/index.ts'
import { staged } from '../../strategy/stages/staged.ts'
import { hierarchical } from '../../tag/topologies.ts'
import type { TrainingPool } from '../../training/training-pool.ts'
import { layoutOf } from '../../weights/layout.ts'
import { clients, endingAt, quadraticPool, run, states } from './quadratic-job.contract.ts'

const start = [1, -2, 3]
const algorithms = {
  FedPer: fedPer(),
  FedRep: fedRep({ headEpochs: 3 }),
  FedBN: fedBn(),
  Ditto: ditto({ lambda: 0.5 }),
  pFedMe: pFedMe({ R: 3, K: 2, lambda: 1 }),
}

/** The personal vector of each client. */
async function personals(store: Awaited<ReturnType<typeof run>>['store']): Promise<readonly number[][]> {
  const { own } = await states(store)
  return own.map((state) => [...Object(state).personal])
}

for (const [name, strategy] of Object.entries(algorithms)) {
  test(`${name}: a hierarchical topology gives the bits of the two-tier one`, async (t) => {
    t.deepEqual(
      (await run({ strategy, topology: hierarchical({ clients }) })).weights,
      (await run({ strategy })).weights,
    )
  })

  test(`${name}: a process that ends at any write is gone on from to the same bits, personal ones too`, async (t) => {
    const calm = await run({ strategy })
    for (let at = 1; at <= 30; at += 2) {
      const store = memoryStore()
      await endingAt(at, store, { strategy })
      const { ended, published } = await run({ strategy, store })
      t.is(ended.type, 'task-completed', `write ${at}`)
      for (const { round, weights } of published) t.deepEqual([...weights], calm.weights[round - 1], `write ${at}`)
      t.deepEqual(await personals(store), await personals(calm.store), `write ${at}`)
    }
  })
}

test('FedPer and FedRep without a head, and FedBN without a batch normalization, are FedAvg', async (t) => {
  const pool: TrainingPool = {
    ...quadraticPool(),
    layout: layoutOf(['a/kernel', 'b/kernel', 'c/kernel'].map((name) => ({ name, shape: [1] }))),
  }
  const { weights } = await run({ strategy: fedAvg(), pool })
  for (const strategy of [fedPer({ headLayers: 0 }), fedRep({ headLayers: 0 }), fedBn()])
    t.deepEqual((await run({ strategy, pool })).weights, weights)
})

test('where everything is personal the global model never changes, and each client trains alone', async (t) => {
  const { weights, store } = await run({ strategy: fedPer({ headLayers: 3 }), rounds: 2 })
  t.deepEqual(weights, [start, start])
  const alone = Array.from({ length: clients }, async (_, client) => {
    const request = { client, end: `trainer-${client}`, round: 1, base: new Float32Array(3), terms: {} }
    const first = await quadraticPool().train({ ...request, weights: Float32Array.from(start) })
    return [...(await quadraticPool().train({ ...request, weights: first.delta })).delta]
  })
  t.deepEqual(await personals(store), await Promise.all(alone))
})

test('the head stays at each client, and the server’s head as it was initialised', async (t) => {
  for (const [strategy, personal] of [
    [fedPer(), 2],
    [fedRep(), 2],
    [fedPer({ personal: 'head + base' }), 2],
    [fedBn(), 1],
  ] as const) {
    const { weights, store } = await run({ strategy, rounds: 3 })
    for (const each of weights) t.is(each[personal], start[personal])
    const heads = await personals(store)
    t.is(new Set(heads.map(String)).size, clients)
  }
  const error = await run({ strategy: fedPer({ personal: 'tail' }) })
  t.regex(JSON.stringify(Object(error.ended).cause), /ROLE_TOO_FEW_UPDATES|tail/)
})

test('FedRep trains the head on the fixed base, then the base under the fixed head', async (t) => {
  const trained: unknown[] = []
  const pool = quadraticPool({
    before({ client, trainable, work, label }) {
      if (client === 0) trained.push([trainable, work?.epochs, label])
    },
  })
  await run({ strategy: fedRep({ headEpochs: 4, baseEpochs: 2 }), pool, rounds: 1 })
  t.deepEqual(trained, [
    [[false, false, true], 4, 'personal'],
    [[true, true, false], 2, 'shared'],
  ])
})

test('clients evaluate their personal models, on the state that the round counted', async (t) => {
  for (const strategy of [
    fedPer({ clientEvaluation: 1 }),
    ditto({ clientEvaluation: 1 }),
    staged(fedPer({ clientEvaluation: 1 }), [{ name: 'nothing' }]),
  ]) {
    const evaluated = new Map<string, number[]>()
    const base = quadraticPool()
    const pool: TrainingPool = {
      ...base,
      async evaluateClient(request) {
        if (request.on === 'held-out') evaluated.set(`trainer-${request.client}`, [...request.weights])
        return base.evaluateClient(request)
      },
    }
    const { store, weights } = await run({ strategy, pool, rounds: 2 })
    const { own } = await states(store)
    for (const [client, state] of own.entries()) {
      const { inner = state } = Object(state)
      const { personal } = Object(inner)
      const [first = 0, second = 0] = weights.at(-1) ?? []
      const model = strategy.name === 'ditto' ? [...personal] : [first, second, ...personal]
      t.deepEqual(evaluated.get(`trainer-${client}`), model)
    }
  }
})

test('the global model of Ditto is that of FedAvg, bit for bit', async (t) => {
  t.deepEqual((await run({ strategy: ditto({ lambda: 2 }) })).weights, (await run({ strategy: fedAvg() })).weights)
})

test('the personal model of Ditto is local training alone for λ = 0, and nearer to the global one the greater λ is', async (t) => {
  const distances: number[] = []
  for (const lambda of [0, 0.5, 3]) {
    const { store, weights } = await run({ strategy: ditto({ lambda }), rounds: 6 })
    const own = await personals(store)
    const last = weights.at(-1) ?? []
    distances.push(Math.max(...own.map((personal) => Math.abs((personal[0] ?? 0) - (last[0] ?? 0)))))
    // The optimum of client k alone is k.
    if (lambda === 0)
      for (const [client, personal] of own.entries()) t.true(Math.abs((personal[0] ?? 0) - client) < 0.05)
  }
  t.deepEqual(
    distances,
    distances.toSorted((a, b) => b - a),
  )
  t.true((distances[2] ?? 0) < 0.6 * (distances[0] ?? 0), String(distances))
})

test('pFedMe brings the global model to the optimum of all data, and each personal one near its own, farther for small λ', async (t) => {
  const distances: number[] = []
  for (const lambda of [0.5, 8]) {
    const strategy = pFedMe({ lambda, K: 8, R: 1, personalLearningRate: 0.1 })
    const { store, weights } = await run({ strategy, rounds: 60 })
    const last = weights.at(-1)?.[0] ?? 0
    t.true(Math.abs(last - 1.5) < 0.1, String(last))
    const own = await personals(store)
    distances.push(Math.max(...own.map((personal) => Math.abs((personal[0] ?? 0) - last))))
  }
  t.true((distances[1] ?? 0) < 0.5 * (distances[0] ?? 0), String(distances))
})
