import test from 'ava'
import { randomStream } from '../random/random-stream.ts'
import { constant, Differentiable } from './differentiable.ts'

const random = randomStream(1)
const table = (rows: number, columns: number, least = -1, most = 1) =>
  new Differentiable(
    rows,
    columns,
    Float64Array.from({ length: rows * columns }, () => least + (most - least) * random.uniform()),
  )

type Operation = (a: Differentiable, b: Differentiable) => Differentiable

const operations: Readonly<Record<string, Operation>> = {
  'a sum': (a, b) => a.plus(b).plus(2),
  'a difference': (a, b) => a.minus(b),
  'a product of values': (a, b) => a.times(b).times(0.5),
  'a quotient': (a, b) => a.over(b),
  'a larger value': (a, b) => a.atLeast(b).atLeast(0.7),
  'a negative': (a) => a.negative(),
  'a power of e': (a) => a.exp(),
  'a logarithm': (_, b) => b.log(),
  'a root': (_, b) => b.sqrt(),
  'a square and a size': (a) => a.square().plus(a.abs()),
  'a sigmoid and a tanh': (a) => a.sigmoid().times(a.tanh()),
  'a softplus': (a) => a.times(3).softplus(),
  'sums and means of rows': (a) => a.minus(a.sum()).times(a.mean()),
  'a log of sums of powers': (a) => a.minus(a.logSumExp()),
  'rows of length 1': (a) => a.normalized(),
  'a product of matrices': (a, b) => a.product(b.transposed()),
  'some columns': (a) => a.columnsFrom(1, 2).times(a.columnsFrom(0, 1)),
  'a chosen column': (a) => a.at(new Differentiable(4, 1, Float64Array.of(0, 2, 1, 2))).times(a),
  'a value used twice': (a) => a.times(a).plus(a),
}

for (const [name, operation] of Object.entries(operations))
  test(`the gradients of ${name} are the measured slopes`, (t) => {
    for (const [rows, columns] of name.startsWith('a product of m')
      ? [[4, 3]]
      : [
          [4, 3],
          [1, 3],
          [4, 1],
          [1, 1],
        ]) {
      const [a, b] = [table(4, 3), table(rows ?? 1, columns ?? 1, 0.5, 2)]
      const result = operation(a, b)
      const factors = Float64Array.from({ length: result.rows }, () => random.uniform() - 0.5)
      const sumOf = ({ values, columns: width }: Differentiable) =>
        values.reduce((sum, value, at) => sum + value * (factors[Math.floor(at / width)] ?? 0), 0)
      for (const [which, gradient] of result.gradients([a, b], factors).entries())
        for (const [at, slope] of gradient.entries()) {
          const moved = (by: number) => {
            const [x, y] = [a, b].map((each, index) =>
              index === which ? constant(each, (value, place) => (place === at ? value + by : value)) : each,
            )
            return x && y ? sumOf(operation(x, y)) : Number.NaN
          }
          const measured = (moved(1e-6) - moved(-1e-6)) / 2e-6
          t.true(Math.abs(measured - slope) < 1e-6 * Math.max(1, Math.abs(slope)), `${name}: ${measured} ${slope}`)
        }
    }
  })

test('values that are fixed, and tables that had no part, have no gradient', (t) => {
  const [a, b] = [table(2, 2), table(2, 2)]
  const factors = Float64Array.of(1, 1)
  t.deepEqual(a.times(a.fixed()).gradients([a, b], factors), [a.values.slice(), new Float64Array(4)])
})

test('tables that do not fit each other are refused', (t) => {
  t.throws(() => table(2, 3).plus(table(3, 2)), { instanceOf: RangeError, message: /2 × 3 doesn't fit one of 3 × 3/ })
  t.throws(() => table(2, 3).product(table(2, 3)), { instanceOf: RangeError })
  t.throws(() => new Differentiable(2, 2, new Float64Array(3)), { instanceOf: RangeError })
})
