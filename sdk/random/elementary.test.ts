import test from 'ava'
import fc from 'fast-check'
import { exp, log, logSumExp, power } from './elementary.ts'

/** Close relative to the larger number, or absolutely below the normal range. */
const near = (value: number, expected: number) =>
  Object.is(value, expected) || Math.abs(value - expected) <= Math.max(Math.abs(expected) * 2 ** -51, 2 ** -1073)

test('log agrees with Math.log within two units in the last place, also near 1 and below the normal range', (t) => {
  const anyPositive = fc.oneof(
    fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true }),
    fc.double({ min: 0, max: 2 ** -1022, minExcluded: true, noNaN: true }),
    fc.double({ min: 0.5, max: 2, noNaN: true }),
    fc.integer({ min: 1, max: 2 ** 30 }).map((steps) => 1 + steps * 2 ** -52),
    fc.integer({ min: 1, max: 2 ** 30 }).map((steps) => 1 - steps * 2 ** -53),
  )
  fc.assert(
    fc.property(anyPositive, (x) => {
      t.true(near(log(x), Math.log(x)), `log ${x} is ${log(x)}, not ${Math.log(x)}`)
    }),
    { numRuns: 2_000 },
  )
})

test('exp agrees with Math.exp within two units in the last place, down to the smallest numbers', (t) => {
  const anyExponent = fc.oneof(
    fc.double({ min: -745.2, max: 709.8, noNaN: true }),
    fc.double({ min: -1, max: 1, noNaN: true }),
  )
  fc.assert(
    fc.property(anyExponent, (x) => {
      t.true(near(exp(x), Math.exp(x)), `exp ${x} is ${exp(x)}, not ${Math.exp(x)}`)
    }),
    { numRuns: 2_000 },
  )
})

test('at the ends of their range both do what Math does', (t) => {
  for (const x of [0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]) {
    t.is(log(x), Math.log(x), `log ${x}`)
  }
  for (const x of [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e300, -1e300]) {
    t.is(exp(x), Math.exp(x), `exp ${x}`)
  }
})

test('power agrees with the operator, exactly for small whole exponents of whole numbers', (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-12, max: 1e6, noNaN: true }),
      fc.oneof(
        fc.double({ min: -6, max: 6, noNaN: true }),
        fc.integer({ min: -12, max: 12 }).map((count) => count / 2),
      ),
      (x, y) => {
        const expected = x ** y
        t.true(Math.abs(power(x, y) - expected) <= 1e-13 * expected, `${x} to ${y}`)
      },
    ),
  )
  t.is(power(7, 3), 343)
  t.is(power(4, -0.5), 0.5)
  t.is(power(3, 0), 1)
})

test('the logarithm of a sum of exponentials agrees with the plain formula, also where that has no room', (t) => {
  const values = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(values, fc.constantFrom(0, -1000, 1000), (given, shift) => {
      const row = Float32Array.from(given, (value) => Math.fround(value) + shift)
      const plain = Math.log(row.reduce((sum, value) => sum + Math.exp(value - shift), 0)) + shift
      t.true(Math.abs(logSumExp(row) - plain) <= 1e-12 * Math.max(1, Math.abs(plain)))
    }),
  )
})
