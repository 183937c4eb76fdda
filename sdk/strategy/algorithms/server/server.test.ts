import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../../../random/random-stream.ts'
import { namedPopulation } from '../../population.ts'
import { joined } from '../../round-sum.ts'
import { delta, layout, members, near, size, stepped, trained } from '../given-updates.contract.ts'
import { fedAdaGrad, fedAdam, fedAvg, fedAvgM, fedYogi } from './index.ts'

const adaptive = [fedAdaGrad, fedAdam, fedYogi]

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

test('weighing all clients alike, or splitting one of them in two, changes no step', (t) => {
  for (const algorithm of [fedAvg(), fedAvgM(), fedAdaGrad(), fedAdam(), fedYogi()]) {
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

test('FedAdam and FedYogi without memory and with a very large tau are FedAvg, as FedAdaGrad in its first round', (t) => {
  fc.assert(
    fc.property(members(), (round) => {
      for (const algorithm of adaptive) {
        const moved = stepped(algorithm({ beta1: 0, beta2: 0, tau: 1e6, eta: 1e6 }), [round])
        near(t, moved, stepped(fedAvg(), [round]), 1e-3)
      }
    }),
    { numRuns: 30 },
  )
})

test('no adaptive step is longer than η|m|/τ; v is never below 0, and that of FedAdaGrad never falls', (t) => {
  fc.assert(
    fc.property(fc.array(members(), { minLength: 1, maxLength: 4 }), (rounds) => {
      const [eta, tau] = [0.1, 0.01]
      for (const algorithm of adaptive) {
        const { name, server, ...parts } = algorithm({ eta, tau })
        const weights = new Float32Array(size)
        const state = server.init(layout)
        for (const round of rounds) {
          const [before, accumulated] = [weights.slice(), state.v.slice()]
          const vectors = { delta: Float32Array.from(round[0]?.delta ?? []) }
          const one = { vectors, weight: 1, samples: 1, metrics: {} }
          server.step(weights, joined(parts, layout, { a: one }, { round: 1, population: 1 }), state, randomStream(1))
          const least = name === 'fedadagrad' ? accumulated : new Float32Array(size)
          t.true(state.v.every((each, index) => each >= (least[index] ?? 0)))
          for (const [index, each] of weights.entries())
            t.true(Math.abs(each - (before[index] ?? 0)) <= (eta * Math.abs(state.m[index] ?? 0)) / tau + 1e-5)
        }
      }
    }),
    { numRuns: 30 },
  )
})

test('FedAdaGrad adds up squares, and FedYogi moves v by them, up or down', (t) => {
  const settings = { beta1: 0, beta2: 0.5, eta: 0.5, tau: 0.5, initialAccumulator: 1 }
  const round = [{ delta: [1, 2, 0.5], weight: 1 }]
  t.deepEqual(
    stepped(fedAdaGrad(settings), [round]),
    Float32Array.from([1, 2, 0.5], (each) => 1 + (0.5 * each) / (Math.sqrt(Math.fround(1 + each * each)) + 0.5)),
  )
  t.deepEqual(
    stepped(fedYogi(settings), [round]),
    Float32Array.from([1, 2, 0.5], (each) => {
      const v = 1 - 0.5 * each * each * Math.sign(1 - each * each)
      return 1 + (0.5 * each) / (Math.sqrt(Math.fround(v)) + 0.5)
    }),
  )
})

test('FedAvgM without momentum is FedAvg, and with momentum adds the earlier steps', (t) => {
  fc.assert(
    fc.property(members(), members(), (...rounds) => {
      t.deepEqual(stepped(fedAvgM({ serverMomentum: 0 }), rounds), stepped(fedAvg(), rounds))
    }),
    { numRuns: 30 },
  )
  const round = [{ delta: [1, -2, 0], weight: 7 }]
  const moved = stepped(fedAvgM({ serverMomentum: 0.5, serverLearningRate: 2 }), [round, round])
  t.deepEqual(moved, Float32Array.of(1 + 2 * 1 + 2 * 1.5, 1 - 2 * 2 - 2 * 3, 1))
})

test('FedAvg with fraction 1 selects all, and less a random subset', (t) => {
  const ends = ['a', 'b', 'c', 'd']
  t.deepEqual(fedAvg().select.select(namedPopulation(ends), randomStream(1)), ends)
  t.is(fedAvg({ fraction: 0.5 }).select.select(namedPopulation(ends), randomStream(1)).length, 2)
})
