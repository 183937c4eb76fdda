import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../../../random/random-stream.ts'
import { layoutOf } from '../../../weights/layout.ts'
import type { Algorithm } from '../../algorithm.ts'
import { joined } from '../../round-sum.ts'
import { fedAvg } from '../server/index.ts'
import { bulyan } from './bulyan.ts'
import { centredClipping } from './centred-clipping.ts'
import { squaredDistance, squaredNorm } from './distances.ts'
import { geometricMedian } from './geometric-median.ts'
import { krum, multiKrum } from './krum.ts'
import { median, trimmedMean } from './median.ts'
import { signMajority } from './sign-majority.ts'
import { meanOfRanks } from './sorted-blocks.ts'

const size = 3

/** Multiples of 1/64, which are exact in float32, as are their sums here. */
const value = fc.integer({ min: -640, max: 640 }).map((count) => count / 64)
const delta = fc.array(value, { minLength: size, maxLength: size }).map((values) => Float32Array.from(values))
const deltas = (minLength: number, maxLength = 11) => fc.array(delta, { minLength, maxLength })
const runs = { numRuns: 60 }

/** The step from weights of 0, and the server's state, after rounds of deltas. Ends are named by their order. */
function stateAfter<State>(algorithm: Algorithm<State>, rounds: readonly (readonly Float32Array[])[]) {
  const layout = layoutOf([{ name: 'w', shape: [rounds[0]?.[0]?.length ?? size] }])
  const weights = new Float32Array(layout.size)
  const state = algorithm.server.init(layout)
  for (const [index, members] of rounds.entries()) {
    weights.fill(0)
    const contributions = Object.fromEntries(
      members.map((delta, member) => [
        `trainer-${`${member}`.padStart(3, '0')}`,
        { vectors: { delta }, weight: 1, samples: 1, metrics: {} },
      ]),
    )
    const aggregate = joined(algorithm, layout, contributions, { round: index + 1, population: members.length })
    algorithm.server.step(weights, aggregate, state, randomStream(1))
  }
  return { step: weights, state }
}

const stepOf = (algorithm: Algorithm, members: readonly Float32Array[]) => stateAfter(algorithm, [members]).step

const isNear = (a: Float32Array, b: Float32Array, tolerance = 1e-4) => Math.sqrt(squaredDistance(a, b)) <= tolerance

const mean = (members: readonly Float32Array[]) => stepOf(fedAvg({ weighting: 'equal' }), members)

/** Rules that are the same wherever one vector is added to all updates. */
const translated = [
  krum({ f: 1 }),
  multiKrum({ f: 1, q: 3 }),
  bulyan({ f: 1 }),
  median(),
  trimmedMean({ f: 2 }),
  geometricMedian({ until: 'converged' }),
]

test('identical updates give that update', (t) => {
  fc.assert(
    fc.property(delta, fc.integer({ min: 7, max: 12 }), (one, count) => {
      const members = Array.from({ length: count }, () => one)
      for (const algorithm of [...translated, centredClipping({ rho: 100 })])
        t.true(isNear(stepOf(algorithm, members), one), algorithm.name)
      t.deepEqual(stepOf(signMajority({ serverLearningRate: 1 }), members), one.map(Math.sign))
    }),
    runs,
  )
})

test('other names of the ends, or another order, change nothing beyond ties', (t) => {
  fc.assert(
    fc.property(deltas(7), fc.nat(), (members, seed) => {
      const order = randomStream(seed).shuffle(Uint32Array.from(members.keys()))
      const permuted = [...order].map((member) => members[member] ?? new Float32Array(size))
      for (const algorithm of [median(), trimmedMean({ f: 1 })])
        t.deepEqual(stepOf(algorithm, permuted), stepOf(algorithm, members))
      for (const algorithm of [geometricMedian(), centredClipping({ rho: 1 })])
        t.true(isNear(stepOf(algorithm, permuted), stepOf(algorithm, members)), algorithm.name)
    }),
    runs,
  )
})

test('with nothing dropped and nobody faulty, trimmed mean and Multi-Krum are the equal mean', (t) => {
  fc.assert(
    fc.property(deltas(3), (members) => {
      const expected = mean(members)
      t.true(isNear(stepOf(trimmedMean({ beta: 0 }), members), expected))
      t.true(isNear(stepOf(multiKrum({ f: 0 }), members), expected))
      t.true(isNear(stepOf(multiKrum({ f: 0, q: members.length }), members), expected))
    }),
    runs,
  )
})

test('Krum takes one of the updates, and Multi-Krum with q = 1 the same; both name the ends they took', (t) => {
  fc.assert(
    fc.property(deltas(5), (members) => {
      const { step, state } = stateAfter(krum({ f: 1 }), [members])
      t.is(state.chosen.length, 1)
      t.deepEqual(step, members[Number(state.chosen[0]?.slice(-3))])
      t.deepEqual(stateAfter(multiKrum({ f: 1, q: 1 }), [members]), { step, state })
    }),
    runs,
  )
})

test('trimming all but the middle is the median, and the median of one or two is their mean', (t) => {
  fc.assert(
    fc.property(deltas(1), (members) => {
      const most = Math.floor((members.length - 1) / 2)
      t.deepEqual(stepOf(trimmedMean({ f: most }), members), stepOf(median(), members))
      const few = members.slice(0, 2)
      t.true(isNear(stepOf(median(), few), mean(few)))
    }),
    runs,
  )
})

test('whatever fewer than half of the members send, median and trimmed mean stay between honest values', (t) => {
  fc.assert(
    fc.property(deltas(4, 8), deltas(0, 3), fc.integer({ min: 1, max: 1000 }), (honest, faulty, factor) => {
      const bad = faulty.map((delta) => delta.map((value) => value * factor))
      for (const algorithm of [median(), trimmedMean({ f: bad.length })]) {
        const step = stepOf(algorithm, [...honest, ...bad])
        for (const [i, value] of step.entries()) {
          const values = honest.map((delta) => delta[i] ?? 0)
          t.true(value >= Math.min(...values) - 1e-4 && value <= Math.max(...values) + 1e-4, algorithm.name)
        }
      }
    }),
    runs,
  )
})

test('adding one vector to all updates adds it to the step', (t) => {
  fc.assert(
    fc.property(deltas(7), delta, (members, shift) => {
      const moved = members.map((delta) => delta.map((value, i) => value + (shift[i] ?? 0)))
      for (const algorithm of translated) {
        const expected = stepOf(algorithm, members).map((value, i) => value + (shift[i] ?? 0))
        t.true(isNear(stepOf(algorithm, moved), expected, 1e-3), algorithm.name)
      }
    }),
    runs,
  )
})

test('rotating all updates rotates the step of the Krum family, of the geometric median and of clipping', (t) => {
  // A quarter turn, exact in floating point.
  const turned = ([x = 0, y = 0, z = 0]: Float32Array) => Float32Array.of(-y, x, z)
  fc.assert(
    fc.property(deltas(7), (members) => {
      for (const algorithm of [
        krum({ f: 1 }),
        multiKrum({ f: 1, q: 3 }),
        geometricMedian(),
        centredClipping({ rho: 1 }),
      ])
        t.true(isNear(stepOf(algorithm, members.map(turned)), turned(stepOf(algorithm, members))), algorithm.name)
    }),
    runs,
  )
})

test("no pass makes the geometric median's objective greater", (t) => {
  fc.assert(
    fc.property(deltas(1), (members) => {
      const { objectives } = stateAfter(geometricMedian({ iterations: 8 }), [members]).state
      t.is(objectives.length, 9)
      for (const [pass, each] of objectives.entries()) t.true(each <= (objectives[pass - 1] ?? each) + 1e-9)
    }),
    runs,
  )
})

test('centred clipping moves at most ρ a round, and remembers where it was', (t) => {
  fc.assert(
    fc.property(deltas(3), deltas(3), (first, second) => {
      const rho = 0.5
      const once = stateAfter(centredClipping({ rho }), [first]).step
      t.true(Math.sqrt(squaredNorm(once)) <= rho + 1e-5)
      const twice = stateAfter(centredClipping({ rho }), [first, second]).step
      t.true(Math.sqrt(squaredDistance(once, twice)) <= rho + 1e-5)
      t.true(isNear(stepOf(centredClipping({ rho: 1e6 }), first), mean(first)))
    }),
    runs,
  )
})

test('a majority of signs moves each weight by the rate, and a tie moves nothing', (t) => {
  const [up, down, none] = [1, -1, 0].map((sign) => Float32Array.of(sign)) as [Float32Array, Float32Array, Float32Array]
  const rate = signMajority({ serverLearningRate: 0.25 })
  t.deepEqual(stepOf(rate, [up, up, down]), Float32Array.of(0.25))
  t.deepEqual(stepOf(rate, [up, down, none]), Float32Array.of(0))
})

test('ranks are those of a sort, for any number of members and over the border of blocks', (t) => {
  for (let members = 1; members <= 40; members++) {
    const random = randomStream(members)
    const length = members % 8 === 0 ? 5000 : 5
    const given = Array.from({ length: members }, () => Float32Array.from({ length }, () => random.below(50) - 25))
    for (const rank of [0, members >> 1, members - 1]) {
      const expected = Float32Array.from({ length }, (_, i) => {
        const values = given.map((delta) => delta[i] ?? 0)
        return values.toSorted((a, b) => a - b)[rank] ?? Number.NaN
      })
      t.deepEqual(meanOfRanks(given, rank, rank + 1), expected)
    }
  }
})

test('each rule needs the members of its paper, each by itself', (t) => {
  for (const [algorithm, minimumUpdates] of [
    [krum({ f: 2 }), 7],
    [multiKrum({ f: 1, q: 8 }), 9],
    [bulyan({ f: 2 }), 11],
    [trimmedMean({ f: 2 }), 5],
    [median(), 1],
  ] as const)
    t.like(algorithm, { aggregation: { needs: 'each' }, waiting: { minimumUpdates } })
  t.is(signMajority().aggregation.needs, 'sum')
})
