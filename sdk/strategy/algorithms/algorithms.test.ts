import test from 'ava'
import fc from 'fast-check'
import type { LocalTerms } from '../../learn/learner.ts'
import type { RoleLearner } from '../../learn/role-learner.ts'
import { randomStream } from '../../random/random-stream.ts'
import { arrayOf } from '../../sum/accumulator.ts'
import { rolePasses } from '../../training/training-pool.ts'
import { layoutOf } from '../../weights/layout.ts'
import type { Algorithm } from '../algorithm.ts'
import { joined } from '../round-sum.ts'
import { fedAdam } from './fed-adam.ts'
import { fedAvg } from './fed-avg.ts'
import { fedProx } from './fed-prox.ts'
import { krum } from './krum.ts'

const size = 3
const layout = layoutOf([{ name: 'w', shape: [size] }])

interface Given {
  readonly delta: readonly number[]
  readonly weight: number
}

/** Multiples of 1/64, which are exact in float32, as are their sums here. */
const value = fc.integer({ min: -640, max: 640 }).map((count) => count / 64)
const delta = fc.array(value, { minLength: size, maxLength: size })
const given = fc.record({ delta, weight: fc.integer({ min: 1, max: 60 }) })
const members = (minLength = 1) => fc.array(given, { minLength, maxLength: 9 })

/** Runs the server's part of several rounds. Ends are named by their order. */
function stepped({ server, ...parts }: Algorithm, rounds: readonly (readonly Given[])[]) {
  const weights = new Float32Array(size).fill(1)
  const state = server.init(layout)
  for (const [index, round] of rounds.entries()) {
    const contributions = Object.fromEntries(
      round.map(({ delta, weight }, member) => [
        `trainer-${member}`,
        { vectors: { delta: Float32Array.from(delta) }, weight, samples: weight, metrics: {} },
      ]),
    )
    const aggregate = joined(parts, layout, contributions, { round: index + 1, population: 9 })
    server.step(weights, aggregate, state, randomStream(1))
  }
  return weights
}

/** The terms with which an algorithm's client trains, and the weight of its contribution. */
async function trained({ client }: Algorithm) {
  const asked: LocalTerms[] = []
  const update = { delta: Float32Array.of(1, 2, 3), samples: 5, metrics: {} }
  const train: RoleLearner['train'] = async ({ terms }) => {
    asked.push(terms)
    return update
  }
  const learner: RoleLearner = {
    layout,
    initialWeights: async () => new Float32Array(size),
    train,
    trainHeld: train,
    take: arrayOf,
    ...rolePasses(undefined, () => ({ client: 0, end: 'trainer-0' })),
    loss: async () => ({ samples: 1, metrics: {} }),
    evaluateClient: async () => ({ samples: 1, metrics: {} }),
    evaluate: async () => ({ samples: 1, metrics: {} }),
  }
  const assignment = { round: 1, weights: new Float32Array(size), terms: {} }
  const { contribution } = await client.train(assignment, null, learner, randomStream(1))
  return { terms: asked, weight: contribution.weight }
}

function near(
  t: { true(value: boolean, message?: string): void },
  a: Float32Array,
  b: Float32Array,
  tolerance: number,
) {
  t.true(
    a.every((one, index) => Math.abs(one - (b[index] ?? Number.NaN)) <= tolerance),
    `${a} and ${b}`,
  )
}

test('FedAvg moves the weights by the weighted mean of the deltas', (t) => {
  const round = [
    { delta: [1, 0, -1], weight: 1 },
    { delta: [0, 4, 1], weight: 3 },
  ]
  t.deepEqual(stepped(fedAvg(), [round]), Float32Array.of(1.25, 4, 1.5))
})

test('FedAvg of equal deltas moves by that delta', (t) => {
  fc.assert(
    fc.property(delta, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 9 }), (one, weights) => {
      const moved = stepped(fedAvg(), [weights.map((weight) => ({ delta: one, weight }))])
      t.deepEqual(
        moved,
        Float32Array.from(one, (each) => 1 + each),
      )
    }),
  )
})

test('FedAvg weighs clients by their samples, or equally', async (t) => {
  t.deepEqual(await trained(fedAvg()), { terms: [{}], weight: 5 })
  t.deepEqual(await trained(fedAvg({ weighting: 'equal' })), { terms: [{}], weight: 1 })
})

test('FedProx is FedAvg with a proximal term for the trainers', async (t) => {
  const algorithm = fedProx({ mu: 0.1, quorum: 0.5 })
  t.like(algorithm, { name: 'fedprox', server: fedAvg().server, waiting: { quorum: 0.5 } })
  t.deepEqual(await trained(algorithm), { terms: [{ proximal: 0.1 }], weight: 5 })
})

test('weighing all clients alike, or splitting one of them in two, changes no step', (t) => {
  for (const algorithm of [fedAvg(), fedAdam()]) {
    fc.assert(
      fc.property(members(), fc.integer({ min: 1, max: 60 }), (round, factor) => {
        const once = stepped(algorithm, [round, round])
        const scaled = round.map(({ delta, weight }) => ({ delta, weight: weight * factor }))
        t.deepEqual(stepped(algorithm, [scaled, scaled]), once)
        const double = round.map(({ delta, weight }) => ({ delta, weight: 2 * weight }))
        const [first, ...others] = double
        const halves = first
          ? [
              { ...first, weight: first.weight / 2 },
              { ...first, weight: first.weight / 2 },
            ]
          : []
        t.deepEqual(stepped(algorithm, [[...halves, ...others], double]), once)
      }),
      { numRuns: 30 },
    )
  }
})

test('FedAdam steps by its formula from the first round on, without bias correction', (t) => {
  const algorithm = fedAdam({ beta1: 0.5, beta2: 0.75, eta: 0.5, tau: 0.5 })
  const round = [{ delta: [1, -2, 0], weight: 1 }]
  t.deepEqual(stepped(algorithm, [round]), Float32Array.of(1 + 0.25 / 1, 1 - 0.5 / 1.5, 1))
})

test('FedAdam without memory and with a very large tau is FedAvg', (t) => {
  fc.assert(
    fc.property(members(), (round) => {
      const adam = fedAdam({ beta1: 0, beta2: 0, tau: 1e6, eta: 1e6 })
      near(t, stepped(adam, [round]), stepped(fedAvg(), [round]), 1e-3)
    }),
    { numRuns: 30 },
  )
})

test('no step of FedAdam is longer than η|m|/τ, and v is never below 0', (t) => {
  fc.assert(
    fc.property(fc.array(members(), { minLength: 1, maxLength: 4 }), (rounds) => {
      const [eta, tau] = [0.1, 0.01]
      const { server, ...parts } = fedAdam({ eta, tau })
      const weights = new Float32Array(size)
      const state = server.init(layout)
      for (const round of rounds) {
        const before = weights.slice()
        const [first] = round
        const vectors = { delta: Float32Array.from(first?.delta ?? []) }
        const one = { vectors, weight: 1, samples: 1, metrics: {} }
        server.step(weights, joined(parts, layout, { a: one }, { round: 1, population: 1 }), state, randomStream(1))
        t.true(state.v.every((each) => each >= 0))
        for (const [index, each] of weights.entries())
          t.true(Math.abs(each - (before[index] ?? 0)) <= (eta * Math.abs(state.m[index] ?? 0)) / tau + 1e-5)
      }
    }),
    { numRuns: 30 },
  )
})

test('Krum takes one of the deltas: the one that all have, and never that of an outlier', (t) => {
  fc.assert(
    fc.property(members(5), delta, (round, one) => {
      const moved = Array.from(stepped(krum({ f: 1 }), [round]), (each) => each - 1)
      t.true(round.some(({ delta }) => delta.every((each, index) => each === moved[index])))
      const same = round.map(() => ({ delta: one, weight: 1 }))
      const outlier = { delta: one.map((each) => each + 100), weight: 60 }
      t.deepEqual(stepped(krum({ f: 1 }), [[outlier, ...same]]), stepped(fedAvg(), [same]))
    }),
    { numRuns: 50 },
  )
})

test('Krum chooses the same delta wherever it is added to all of them, and of equal scores the first end', (t) => {
  fc.assert(
    fc.property(members(3), delta, (round, shift) => {
      const moved = round.map(({ delta, weight }) => ({
        weight,
        delta: delta.map((each, index) => each + (shift[index] ?? 0)),
      }))
      const [plain, shifted] = [stepped(krum({ f: 0 }), [round]), stepped(krum({ f: 0 }), [moved])]
      t.deepEqual(
        shifted,
        plain.map((each, index) => each + (shift[index] ?? 0)),
      )
    }),
    { numRuns: 50 },
  )
  const [a, b] = [
    { delta: [0, 0, 0], weight: 1 },
    { delta: [1, 0, 0], weight: 1 },
  ]
  t.deepEqual(stepped(krum({ f: 0 }), [[a, a, b, b]]), Float32Array.of(1, 1, 1))
  t.deepEqual(stepped(krum({ f: 0 }), [[b, b, a, a]]), Float32Array.of(2, 1, 1))
})

test('Krum needs 2f + 3 members, each by itself', (t) => {
  t.like(krum({ f: 2 }), { aggregation: { needs: 'each' }, waiting: { minimumUpdates: 7 } })
  t.like(krum({ f: 0, minimumUpdates: 5 }), { waiting: { minimumUpdates: 5 } })
})

test('settings out of range are refused, named with what was expected', (t) => {
  for (const [settings, name] of [
    [{ fraction: 0 }, 'fraction'],
    [{ fraction: 1.1 }, 'fraction'],
    [{ fraction: Number.NaN }, 'fraction'],
    [{ quorum: 0 }, 'quorum'],
    [{ deadlineMs: 0 }, 'deadlineMs'],
    [{ minimumUpdates: 0 }, 'minimumUpdates'],
    [{ minimumUpdates: 1.5 }, 'minimumUpdates'],
    [{ quantumBits: 52 }, 'quantumBits'],
    [{ quantumBits: 12.5 }, 'quantumBits'],
  ] as const) {
    t.like(
      t.throws(() => fedAvg(settings)),
      { code: 'STRATEGY_SETTING', values: { name } },
    )
  }
  t.like(
    t.throws(() => fedProx({ mu: -1 })),
    { code: 'STRATEGY_SETTING', message: 'fedprox: mu is -1, expected a number at least 0' },
  )
})

test('a setting that an algorithm has not is refused with those that it has, and one that is missing', (t) => {
  t.regex(
    t.throws(() => fedProx.from({ mu: 1, fractoin: 0.5 }), { code: 'STRATEGY_SETTING_UNKNOWN' })?.message ?? '',
    /fedprox has no setting fractoin; it has mu, fraction, .*did you mean fraction/,
  )
  t.like(
    t.throws(() => fedProx.from({}), { code: 'STRATEGY_SETTING' }),
    { values: { name: 'mu', expected: 'a number at least 0' } },
  )
})

test('FedAvg with fraction 1 selects all, and less a random subset', (t) => {
  const ends = ['a', 'b', 'c', 'd']
  t.deepEqual(fedAvg().select.select(ends, randomStream(1)), ends)
  t.is(fedAvg({ fraction: 0.5 }).select.select(ends, randomStream(1)).length, 2)
})
