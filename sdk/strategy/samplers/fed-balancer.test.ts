import test from 'ava'
import fc from 'fast-check'
import { memoryStore, virtualClock } from '../../../runtime/index.ts'
import { randomStream } from '../../random/random-stream.ts'
import { endingAt, quadraticPool } from '../../role/stock/quadratic-job.contract.ts'
import { hierarchical, twoTier } from '../../tag/topologies.ts'
import { forSeeds, rehearse, tinyPool } from '../../testing/index.ts'
import { clientLearner, type TrainingPool } from '../../training/training-pool.ts'
import type { Algorithm } from '../algorithm.ts'
import { fedBuff } from '../algorithms/asynchronous/index.ts'
import { scaffold } from '../algorithms/client/index.ts'
import { fedAvg } from '../algorithms/server/index.ts'
import { choicesOf, chosenAlgorithm } from '../chosen-algorithm.ts'
import { requireTopology } from '../fitting-algorithm.ts'
import { requireLearner } from '../learner-needs.ts'
import { balanceAfter, balancerMetrics, balancerStart, bestDeadline } from './balancer-server.ts'
import { sampledExamples } from './fed-balancer.ts'

const chosen = (own: Algorithm = fedAvg(), settings = '') =>
  chosenAlgorithm(own, choicesOf({ datasampler: `fedbalancer${settings}` }))

/** Examples of losses 0, 1, 2, … under any weights. */
const examples = 40
const losses = Float32Array.from({ length: examples }, (_, index) => index)

function learnerOf(asked: (Uint32Array | undefined)[], evaluated: (Uint32Array | undefined)[] = []) {
  const base = tinyPool({ clients: 3 })
  return clientLearner(
    {
      ...base,
      ownSteps: { learningRate: 1, epochs: 2, batch: 5 },
      async train(request) {
        asked.push(request.indices)
        const update = await base.train(request)
        return { ...update, samples: request.indices?.length ?? examples, steps: 1 }
      },
      async evaluateClient({ indices }) {
        evaluated.push(indices)
        const found = indices ? Float32Array.from(indices, (index) => losses[index] ?? 0) : losses
        return { samples: found.length, metrics: { loss: 1 }, losses: found }
      },
    },
    0,
    'trainer-0',
  )
}

/** Trains a client in several rounds, each of `seconds`, with the server's terms. */
async function trainings(algorithm: Algorithm, terms: readonly Record<string, number>[], seconds = 10) {
  const [asked, evaluated]: (Uint32Array | undefined)[][] = [[], []]
  const learner = learnerOf(asked ?? [], evaluated)
  let own = algorithm.client.init?.(learner.layout)
  let time = 0
  const contributions = []
  for (const [index, scalars] of terms.entries()) {
    const assignment = {
      ...{ end: 'trainer-0', round: index + 1, weights: new Float32Array(7), terms: { scalars } },
      now: async () => (time += (seconds * 1000) / 2) - (seconds * 1000) / 2,
    }
    const made = await algorithm.client.train(assignment, own, learner, randomStream(index))
    const again = await algorithm.client.train({ ...assignment, now: async () => 0 }, own, learner, randomStream(index))
    asked?.pop()
    evaluated?.pop()
    contributions.push({ made: made.contribution, again: again.contribution })
    own = made.own
  }
  return { asked: asked ?? [], evaluated: evaluated ?? [], contributions }
}

test('without a deadline a client trains on all examples, as if there were no sampler', async (t) => {
  const { asked, evaluated, contributions } = await trainings(chosen(), [{ lossThreshold: 0 }, { lossThreshold: 0 }])
  t.deepEqual(asked, [undefined, undefined])
  t.is(evaluated[0], undefined)
  const metrics = contributions[1]?.made.metrics ?? {}
  t.is(metrics[balancerMetrics.low], 0)
  t.true(Math.abs((metrics[balancerMetrics.high] ?? 0) - 0.8 * 39) < 1e-5)
  t.is(metrics[balancerMetrics.sampled], 19.5)
})

test('with a deadline it trains on those over the threshold, and tells the time of its training before', async (t) => {
  // The clock is read before and after a training: 5 s, in 2 epochs of 8 batches. 4 s: (4/(2 · 5/16) − 1)·5 − 1 = 26.
  const { asked, contributions } = await trainings(chosen(), [
    { lossThreshold: 0 },
    { lossThreshold: 30, deadlineSeconds: 4 },
    { lossThreshold: 5, deadlineSeconds: 4 },
  ])
  t.is(asked[1]?.length, 26)
  t.true([...(asked[1] ?? [])].filter((index) => index >= 30).length === 10)
  t.is(asked[2]?.length, 35)
  t.true(asked[2]?.every((index) => index >= 5))
  t.is(contributions[1]?.made.samples, 26)
  t.is(contributions[0]?.made.metrics[balancerMetrics.epoch], undefined)
  t.is(contributions[1]?.made.metrics[balancerMetrics.epoch], 2.5)
  for (const { made, again } of contributions) t.deepEqual(again, made)
})

test('p shares the sampled examples, without replacement and as many as there are', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: -20, max: 40 }),
      fc.constantFrom(0, 0.3, 0.5, 1),
      fc.integer({ min: 0, max: 10 }),
      (given, capacity, share, lossThreshold) => {
        const all = Float32Array.from(given)
        const found = sampledExamples(all, { lossThreshold, capacity, share }, randomStream(1))
        t.is(new Set(found).size, found.length)
        t.deepEqual(found, found.toSorted())
        const over = given.filter((loss) => loss >= lossThreshold).length
        t.is(found.length, Math.min(given.length, Math.max(1, capacity, over)))
        const taken = [...found].filter((index) => (given[index] ?? 0) >= lossThreshold).length
        if (found.length < given.length) {
          const wanted = Math.min(
            over,
            Math.max(found.length - (given.length - over), Math.round(share * found.length)),
          )
          t.is(taken, wanted)
        }
      },
    ),
  )
})

test('the best deadline has the most ends by the second, and is a whole number of seconds', (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.1, max: 60, noNaN: true }), { minLength: 1, maxLength: 8 }), (seconds) => {
      const rate = (deadline: number) => seconds.filter((each) => each <= deadline).length / deadline
      let best = 1
      for (let deadline = 1; deadline <= 61; deadline++) if (rate(deadline) > rate(best)) best = deadline
      t.is(bestDeadline(seconds), best)
    }),
  )
})

test('thresholds stay between the losses, and the ratios between 0 and 1', (t) => {
  const state = structuredClone(balancerStart)
  const random = randomStream(3)
  for (let round = 1; round <= 60; round++) {
    const reports = Object.fromEntries(
      ['a', 'b', 'c'].map((end) => {
        const low = random.uniform()
        const metrics = {
          [balancerMetrics.low]: low,
          [balancerMetrics.high]: low + 2,
          [balancerMetrics.sampled]: low + 1,
          [balancerMetrics.epoch]: 1 + random.uniform(),
          [balancerMetrics.epochs]: 3,
        }
        return [end, { samples: 10, seconds: 10 + random.uniform(), metrics }] as const
      }),
    )
    balanceAfter(state, { reports }, { window: 2, lossStep: 0.3, deadlineStep: 0.3 })
    const { lossRatio, deadlineRatio, lossThreshold, deadlineSeconds = 0 } = state
    for (const ratio of [lossRatio, deadlineRatio]) t.true(ratio >= 0 && ratio <= 1)
    t.true(lossThreshold >= 0 && lossThreshold <= 3)
    t.true(deadlineSeconds > 0 && deadlineSeconds <= 11)
  }
})

test('a job samples, runs twice alike, and keeps the states of its algorithm', async (t) => {
  const base = tinyPool({ clients: 4 })
  for (const own of [fedAvg(), scaffold()]) {
    const pool = {
      ...base,
      ownSteps: { learningRate: 1, epochs: 2, batch: 5 },
      abilities: ['losses'] as const,
      train: async (request: Parameters<typeof base.train>[0]) => ({ ...(await base.train(request)), steps: 1 }),
      evaluateClient: async ({ indices }: Parameters<typeof base.evaluateClient>[0]) => {
        const found = indices ? Float32Array.from(indices, (index) => losses[index] ?? 0) : losses
        return { samples: found.length, metrics: { loss: 1 }, losses: found }
      },
    }
    const run = await rehearse({
      strategy: chosen(own, ',w=1'),
      topology: twoTier({ clients: 4 }),
      pool,
      rounds: 5,
      system: { clock: virtualClock() },
      checkDeterminism: true,
    })
    t.is(run.state, 'completed', String(run.cause))
    t.is(run.rounds.length, 5)
  }
})

test('a sampler needs each update, rounds, the losses of examples and the settings of steps', (t) => {
  t.throws(() => requireTopology(chosen(), hierarchical({ clients: 4 }).schema), { message: /the sampler of fedavg/ })
  t.throws(() => requireTopology(chosen(fedBuff()), twoTier({ clients: 4 }).schema), {
    message: /leave the sampler out/,
  })
  t.throws(() => requireLearner(chosen(), {}), { code: 'STRATEGY_LEARNER' })
})

test('a process that ends at any write is gone on from, and its published rounds stay, with what clients measured', (t) =>
  forSeeds(16, async (seed) => {
    const base = quadraticPool()
    const pool: TrainingPool = {
      ...base,
      evaluateClient: async (request) => ({
        ...(await base.evaluateClient(request)),
        losses: Float32Array.from(request.indices ?? losses.keys(), (index) => losses[index] ?? 0),
      }),
    }
    const store = memoryStore()
    const before = new Map<number, string>()
    for (let life = 0; life < 3; life++) {
      await endingAt(life < 2 ? 2 + ((seed * 7 + life * 5) % 40) : Number.POSITIVE_INFINITY, store, {
        ...{ strategy: chosen(fedAvg(), ',w=1'), pool, rounds: 5 },
        onPublish({ round, weights, metrics }) {
          const content = JSON.stringify({ weights: [...weights], metrics })
          t.is(before.get(round) ?? content, content)
          before.set(round, content)
        },
      })
    }
    t.is(before.size, 5)
    t.regex(before.get(5) ?? '', /train-epoch-seconds/)
  }))
