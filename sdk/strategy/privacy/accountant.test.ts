import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../../random/random-stream.ts'
import { epsilonOf, usualDelta, withRound } from './accountant.ts'
import { convolution } from './convolution.ts'
import { lossEpsilon } from './loss-distribution.ts'
import { logErfc, normalMass, upperTail } from './normal-distribution.ts'
import { renyiDivergence, renyiEpsilon } from './renyi.ts'

const near = (a: number, b: number, relative: number) => Math.abs(a - b) <= relative * Math.abs(b)

test('the tails of the normal distribution have small relative errors', (t) => {
  // From tables of 15 digits.
  for (const [x, tail] of [
    [0, 0.5],
    [1, 0.158655253931457],
    [2, 0.0227501319481792],
    [3, 0.00134989803163009],
    [5, 2.86651571879194e-7],
    [8, 6.22096057427178e-16],
    [-1, 0.841344746068543],
  ] as const)
    t.true(near(upperTail(x), tail, 1e-12), `${x}`)
  t.true(near(normalMass(-1, 1), 0.682689492137086, 1e-12))
  t.true(near(logErfc(100), -10000 - 5.177585130162833, 1e-12))
})

test('a convolution is the sum of products', (t) => {
  for (const [m, n] of [
    [1, 1],
    [3, 5],
    [17, 40],
  ] as const) {
    const random = randomStream(m, n)
    const [a, b] = [m, n].map((length) => Float64Array.from({ length }, () => random.uniform()))
    const found = convolution(a ?? new Float64Array(), b ?? new Float64Array())
    const expected = new Float64Array(m + n - 1)
    for (const [i, x] of (a ?? []).entries()) for (const [j, y] of (b ?? []).entries()) expected[i + j]! += x * y
    t.is(found.length, expected.length)
    t.true(found.every((value, i) => Math.abs(value - (expected[i] ?? 0)) < 1e-13))
  }
})

test('without sampling the divergence is α/2z², and ε of rounds that of one round with less noise', (t) => {
  t.is(renyiDivergence({ noiseMultiplier: 2, samplingProbability: 1 }, 8), 1)
  const four = lossEpsilon([{ noiseMultiplier: 2, samplingProbability: 1, rounds: 4 }], 1e-5)
  const one = lossEpsilon([{ noiseMultiplier: 1, samplingProbability: 1, rounds: 1 }], 1e-5)
  t.true(near(four, one, 1e-9))
  t.true(near(one, 4.377178, 1e-5))
})

test('ε falls with the noise, grows with the share and with the rounds, and a whole order is near its neighbours', (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.6, max: 4, noNaN: true }),
      fc.double({ min: 0.001, max: 0.6, noNaN: true }),
      fc.integer({ min: 1, max: 50 }),
      (noiseMultiplier, samplingProbability, rounds) => {
        const given = { noiseMultiplier, samplingProbability, rounds }
        for (const epsilon of [renyiEpsilon, lossEpsilon]) {
          const base = epsilon([given], 1e-5)
          t.true(epsilon([{ ...given, noiseMultiplier: noiseMultiplier * 1.2 }], 1e-5) <= base + 1e-9)
          t.true(epsilon([{ ...given, samplingProbability: samplingProbability * 1.5 }], 1e-5) >= base - 1e-9)
          t.true(epsilon([{ ...given, rounds: rounds + 1 }], 1e-5) >= base - 1e-9)
        }
        t.true(lossEpsilon([given], 1e-5) <= renyiEpsilon([given], 1e-5) + 1e-6)
        const [at, after] = [4, 4.0001].map((order) => renyiDivergence(given, order))
        t.true(near(at ?? 0, after ?? 1, 1e-2))
      },
    ),
    { numRuns: 4 },
  )
})

test('nothing is spent at first, everything without noise, and rounds of one mechanism add up', (t) => {
  for (const accountant of ['renyi', 'loss-distribution'] as const) {
    t.is(epsilonOf([], 1e-5, accountant), 0)
    t.is(epsilonOf([{ noiseMultiplier: 0, samplingProbability: 0.5, rounds: 1 }], 1e-5, accountant), Infinity)
  }
  const mechanism = { noiseMultiplier: 1, samplingProbability: 0.1 }
  const ledger = withRound(withRound([], mechanism), mechanism)
  t.deepEqual(ledger, [{ ...mechanism, rounds: 2 }])
  t.is(withRound(ledger, { ...mechanism, noiseMultiplier: 2 }).length, 2)
  t.true(near(usualDelta(100), 100 ** -1.1, 1e-12))
})
