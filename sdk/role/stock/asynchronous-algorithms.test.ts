import test from 'ava'
import fc from 'fast-check'
import { memoryStore, seededScheduler } from '../../../runtime/index.ts'
import type { Algorithm } from '../../strategy/algorithm.ts'
import { fedAsync, fedBuff } from '../../strategy/algorithms/asynchronous/index.ts'
import { forSeeds } from '../../testing/index.ts'
import { clients, endingAt, quadraticPool, run } from './quadratic-job.contract.ts'

function weigh(algorithm: Algorithm): (staleness: number) => number {
  const { waiting } = algorithm
  if (waiting.kind !== 'buffer') throw new TypeError('no buffer')
  return waiting.weigh
}

/** What a client has after a training from given weights: two steps or three, by its number. */
async function trainedAlone(client: number, weights: Float32Array): Promise<Float32Array> {
  const end = `trainer-${client}`
  const { delta } = await quadraticPool().train({
    client,
    end,
    round: 1,
    weights,
    base: new Float32Array(3),
    terms: {},
  })
  return delta
}

test('FedAsync with α = 1 takes the weights of a client whose work is fresh', async (t) => {
  const { published } = await run({ strategy: fedAsync({ alpha: 1, concurrency: 1 }), rounds: 4 })
  let before = Float32Array.of(1, -2, 3)
  for (const { arrivals = [], weights } of published) {
    const trained = await trainedAlone(Number(arrivals[0]?.end.slice(-1)), before)
    t.deepEqual([...weights], [...trained])
    before = weights.slice()
  }
})

test('FedAsync with α = 1 and FedBuff with K = 1 do the same to fresh work', async (t) => {
  const [mixed, buffered] = await Promise.all(
    [fedAsync({ alpha: 1, concurrency: 1 }), fedBuff({ bufferSize: 1, concurrency: 1, staleness: 'none' })].map(
      (strategy) => run({ strategy, rounds: 5 }),
    ),
  )
  for (const [round, weights] of (mixed?.weights ?? []).entries())
    for (const [i, value] of weights.entries())
      t.true(Math.abs(value - (buffered?.weights[round]?.[i] ?? Number.NaN)) < 1e-5)
})

test('FedAsync mixes a share α s(τ) of the weights that a client has reached from older ones', async (t) => {
  const { published } = await run({
    strategy: fedAsync({ alpha: 0.5, staleness: 'hinge', a: 1, b: 1, concurrency: clients }),
    rounds: 8,
  })
  const versions = [Float32Array.of(1, -2, 3), ...published.map(({ weights }) => weights)]
  let mostStale = 0
  for (const [index, { arrivals = [], weights }] of published.entries()) {
    const [{ end, version }] = arrivals.length === 1 ? arrivals : [{ end: '', version: -1 }]
    const trained = await trainedAlone(Number(end.slice(-1)), versions[version] ?? new Float32Array())
    const tau = index - version
    mostStale = Math.max(mostStale, tau)
    const share = 0.5 * (tau <= 1 ? 1 : 1 / (tau - 1 + 1))
    for (const [i, value] of weights.entries()) {
      const expected = (1 - share) * (versions[index]?.[i] ?? 0) + share * (trained[i] ?? 0)
      t.true(Math.abs(value - expected) < 1e-5)
    }
  }
  t.true(mostStale > 1)
})

test('each staleness factor is 1 for fresh work and never rises; the hinge has no jump at b', (t) => {
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 20, noNaN: true }), fc.integer({ min: 0, max: 8 }), (a, b) => {
      for (const staleness of ['constant', 'polynomial', 'hinge'] as const) {
        const factor = weigh(fedAsync({ alpha: 1, staleness, a, b }))
        t.is(factor(0), 1)
        for (let tau = 0; tau < 20; tau++) t.true(factor(tau + 1) <= factor(tau))
      }
      const hinge = weigh(fedAsync({ alpha: 1, staleness: 'hinge', a, b }))
      t.is(hinge(b), 1)
      t.true(Math.abs(hinge(b + 1e-9) - 1) < 1e-6)
    }),
    { numRuns: 50 },
  )
  t.true(Math.abs(weigh(fedAsync({ alpha: 1 }))(3) - 0.5) < 1e-15)
})

test('work that is staler than mostStale is dropped', async (t) => {
  const { published } = await run({ strategy: fedAsync({ concurrency: clients, mostStale: 1 }), rounds: 8 })
  for (const [index, { arrivals = [] }] of published.entries())
    for (const { version } of arrivals) t.true(index - version <= 1)
})

test('FedBuff with momentum at the server adds up its steps', async (t) => {
  const pool = {
    ...quadraticPool(),
    train: async () => ({ delta: Float32Array.of(1, 0, -1), samples: 1, metrics: {} }),
  }
  const strategy = fedBuff({
    bufferSize: 2,
    concurrency: 1,
    staleness: 'none',
    serverMomentum: 0.5,
    serverLearningRate: 2,
  })
  const { weights } = await run({ strategy, pool, rounds: 2 })
  t.deepEqual(weights, [
    [1 + 2, -2, 3 - 2],
    [1 + 2 + 3, -2, 3 - 2 - 3],
  ])
})

for (const [name, strategy] of Object.entries({
  FedAsync: fedAsync({ concurrency: 3, rho: 0.1 }),
  'FedBuff with momentum': fedBuff({ bufferSize: 2, concurrency: 3, serverMomentum: 0.9 }),
})) {
  test(`${name}: a process that ends at any write is gone on from, and its published rounds stay`, (t) =>
    forSeeds(12, async (seed) => {
      const store = memoryStore()
      const before = new Map<number, number[]>()
      for (let life = 0; life < 3; life++) {
        const options = {
          strategy,
          rounds: 6,
          system: { scheduler: seededScheduler(3 * seed + life) },
          onPublish: ({ round, weights }: { readonly round: number; readonly weights: Float32Array }) => {
            t.deepEqual([...weights], before.get(round) ?? [...weights], `round ${round}`)
            before.set(round, [...weights])
          },
        }
        await endingAt(life < 2 ? 2 + ((seed * 7 + life * 5) % 20) : Number.POSITIVE_INFINITY, store, options)
      }
      t.is(before.size, 6)
    }))
}
