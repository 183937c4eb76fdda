import test from 'ava'
import fc from 'fast-check'
import { decode, encode } from '../../runtime/index.ts'
import { integerOf, metricSum, wordsOf } from './exact-sums.ts'

test('means are weighted by samples and do not depend on order or grouping', (t) => {
  const metrics = fc.array(
    fc.record({ samples: fc.integer({ min: 1, max: 1000 }), loss: fc.double({ min: -1e6, max: 1e6, noNaN: true }) }),
    { minLength: 1 },
  )
  fc.assert(
    fc.property(metrics, fc.nat(), (all, cut) => {
      const flat = metricSum()
      for (const { samples, loss } of all) flat.add(samples, { loss })
      const [first, second] = [metricSum(), metricSum()]
      for (const [index, { samples, loss }] of all.toReversed().entries())
        (index < cut % all.length ? first : second).add(samples, { loss })
      const travelled: unknown = decode(encode(second.partial()))
      t.deepEqual(travelled, second.partial())
      first.merge(second.partial())
      t.deepEqual(first.means(), flat.means())
      const samples = all.reduce((sum, one) => sum + one.samples, 0)
      const mean = all.reduce((sum, one) => sum + one.samples * one.loss, 0) / samples
      t.true(Math.abs((flat.means().loss ?? Number.NaN) - mean) < 1e-6)
    }),
  )
})

test('a metric that is not finite is left out with its samples; no metric, no mean', (t) => {
  const sum = metricSum()
  t.deepEqual(sum.means(), {})
  sum.add(5, { loss: Number.NaN, accuracy: 0.5 })
  sum.add(1, { loss: 2 })
  t.deepEqual(sum.means(), { accuracy: 0.5, loss: 2 })
})

test('a metric keeps its value, however small or large it is', (t) => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0)
  fc.assert(
    fc.property(finite, fc.integer({ min: 1, max: 2 ** 31 }), (value, samples) => {
      const sum = metricSum()
      for (let update = 0; update < 3; update++) sum.add(samples, { value })
      t.is(sum.means().value, value)
    }),
  )
  const sum = metricSum()
  sum.add(1, { tiny: 5e-324, huge: 1.7e308, spread: 1e-300 })
  sum.add(1, { tiny: 5e-324, huge: 1.7e308, spread: 1e300 })
  t.deepEqual(sum.means(), { huge: 1.7e308, spread: 5e299, tiny: 5e-324 })
})

test('a whole number of any size is itself again after it was words', (t) => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 2100n), max: 2n ** 2100n }), (value) => integerOf(wordsOf(value)) === value),
  )
  for (const value of [0n, -1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n]) {
    t.is(integerOf(wordsOf(value)), value)
  }
  t.deepEqual(wordsOf(-1n), BigInt64Array.of(-1n))
})
