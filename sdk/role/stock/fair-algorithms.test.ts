import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../../random/random-stream.ts'
import type { Algorithm, Contribution } from '../../strategy/algorithm.ts'
import { agnostic, qFedAvg } from '../../strategy/algorithms/fair/index.ts'
import { fedAvg } from '../../strategy/algorithms/server/index.ts'
import { joined } from '../../strategy/round-sum.ts'
import { hierarchical } from '../../tag/topologies.ts'
import { clientLearner } from '../../training/training-pool.ts'
import { layoutOf } from '../../weights/layout.ts'
import { clients, quadraticPool, run, states } from './quadratic-job.contract.ts'

const equal = fedAvg({ weighting: 'equal' })
/** Three clients have their optimum at 0, one at 4. */
const pool = quadraticPool({ target: (client) => (client === 0 ? 4 : 0) })

/** The greatest loss of a client at the last weights. */
async function worstLoss(strategy: Algorithm, rounds: number): Promise<number> {
  const { weights } = await run({ strategy, pool, rounds })
  const last = Float32Array.from(weights.at(-1) ?? [])
  const losses = Array.from({ length: clients }, async (_, client) => {
    const { metrics } = await clientLearner(pool, client, `trainer-${client}`).loss(last)
    return metrics.loss ?? Number.NaN
  })
  return Math.max(...(await Promise.all(losses)))
}

for (const [name, strategy] of Object.entries({ 'q-FedAvg': qFedAvg({ q: 2 }), AFL: agnostic() })) {
  test(`${name}: a hierarchical topology gives the bits of the two-tier one`, async (t) => {
    t.deepEqual(
      (await run({ strategy, topology: hierarchical({ clients }) })).weights,
      (await run({ strategy })).weights,
    )
  })
}

test('q-FedAvg with q = 0 is FedAvg with equal weights', async (t) => {
  t.deepEqual(
    (await run({ strategy: qFedAvg({ q: 0 }), pool })).weights,
    (await run({ strategy: equal, pool })).weights,
  )
})

test('the greater q is, the smaller is the loss of the client with the greatest', async (t) => {
  const losses = await Promise.all([0, 0.5, 2].map((q) => worstLoss(qFedAvg({ q }), 120)))
  t.deepEqual(
    losses,
    losses.toSorted((a, b) => b - a),
  )
  t.true((losses[2] ?? 0) < 0.8 * (losses[0] ?? 0), String(losses))
})

test('q-FedAvg moves clients with equal losses and lengths in the direction of their mean', async (t) => {
  const layout = layoutOf([{ name: 'w', shape: [2] }])
  const { client, server, ...parts } = qFedAvg({ q: 3, lipschitz: 2 })
  const contributions: Record<string, Contribution> = {}
  for (const [end, delta] of [
    ['a', Float32Array.of(3, 4)],
    ['b', Float32Array.of(4, 3)],
  ] as const) {
    const learner = clientLearner(
      {
        ...quadraticPool(),
        train: async () => ({ delta, samples: 1, metrics: {} }),
        evaluateClient: async () => ({ samples: 1, metrics: { loss: 0.5 } }),
      },
      0,
      end,
    )
    const assignment = { end, round: 1, weights: new Float32Array(2), terms: {} }
    contributions[end] = (await client.train(assignment, null, learner, randomStream(1))).contribution
  }
  const weights = new Float32Array(2)
  server.step(
    weights,
    joined(parts, layout, contributions, { round: 1, population: 2 }),
    server.init(layout),
    randomStream(1),
  )
  // F³ = 1/8; h = 3·¼·2·25 + 1/8 for each.
  const expected = 7 / 8 / (2 * (37.5 + 1 / 8))
  for (const value of weights) t.true(Math.abs(value - expected) < 1e-6)
})

test('AFL with a very small rate of the mixture is FedAvg with equal weights', async (t) => {
  const strategy = agnostic({ mixtureLearningRate: 1e-12 })
  const [mixed, plain] = [await run({ strategy, pool }), await run({ strategy: equal, pool })]
  for (const [round, weights] of mixed.weights.entries())
    for (const [i, value] of weights.entries()) t.true(Math.abs(value - (plain.weights[round]?.[i] ?? 0)) < 1e-5)
})

test('AFL makes the greatest loss of a client smaller than FedAvg does', async (t) => {
  const [fair, plain] = [await worstLoss(agnostic({ mixtureLearningRate: 0.01 }), 150), await worstLoss(equal, 150)]
  t.true(fair < 0.7 * plain, `${fair} and ${plain}`)
})

test('the mixture of AFL stays in the simplex, whoever is selected, and rises for the client with the greatest loss', async (t) => {
  for (const settings of [{}, { fraction: 0.5 }]) {
    const { store } = await run({ strategy: agnostic({ mixtureLearningRate: 0.02, ...settings }), pool, rounds: 6 })
    const { server } = await states(store)
    const { shares, others } = Object(server)
    const known = Object.values<number>(shares)
    const sum = known.reduce((total, share) => total + share, 0) + (clients - known.length) * others
    t.true(Math.abs(sum - clients) < 1e-9)
    t.true(known.every((share) => share >= 0))
    if (Object.keys(settings).length === 0) t.is(Math.max(...known), shares['trainer-0'])
  }
})

test('the step of AFL projects onto the simplex: no other point of it is nearer', (t) => {
  const loss = fc.integer({ min: 0, max: 40 }).map((count) => count / 8)
  const { server, ...parts } = agnostic({ mixtureLearningRate: 1 })
  const layout = layoutOf([{ name: 'w', shape: [1] }])
  fc.assert(
    fc.property(fc.array(loss, { minLength: 2, maxLength: 6 }), (losses) => {
      const contributions = Object.fromEntries(
        losses.map((value, k): [string, Contribution] => {
          const scalars = { total: 1, [`loss/t${k}`]: value }
          return [`t${k}`, { vectors: { delta: new Float32Array(1) }, weight: 1, scalars, samples: 1, metrics: {} }]
        }),
      )
      const [state, population] = [server.init(layout), losses.length]
      const aggregate = joined(parts, layout, contributions, { round: 1, population })
      server.step(new Float32Array(1), aggregate, state, randomStream(1))
      const { shares } = Object(state)
      const raised = losses.map((value) => 1 / population + value)
      const projected = losses.map((_, k) => shares[`t${k}`] / population)
      t.true(Math.abs(projected.reduce((sum, value) => sum + value, 0) - 1) < 1e-9)
      // At the projection p of v, ⟨v − p, corner − p⟩ ≤ 0 for each corner of the simplex.
      const inner = raised.reduce((sum, value, k) => sum + (value - (projected[k] ?? 0)) * (projected[k] ?? 0), 0)
      for (const [k, value] of raised.entries()) t.true(value - (projected[k] ?? 0) - inner < 1e-9)
    }),
  )
})
