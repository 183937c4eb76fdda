import test from 'ava'
import { randomStream } from '../random/random-stream.ts'
import { initializerSpec, initialValues } from './initializer.ts'

const tensor = (shape: readonly number[]) => ({ name: 'layer/kernel', shape })
const draw = (className: string, config = {}, shape: readonly number[] = [30, 70]) =>
  initialValues(tensor(shape), { className, config }, randomStream(1, className))

function deviation(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
}

test('constant initializers give their value everywhere', (t) => {
  t.true(draw('Zeros').every((value) => value === 0))
  t.true(draw('Ones').every((value) => value === 1))
  t.true(draw('Constant', { value: 0.25 }).every((value) => value === 0.25))
})

test('a uniform Glorot kernel stays within √(6 / (in + out))', (t) => {
  const limit = Math.sqrt(6 / 100)
  const values = draw('VarianceScaling', { scale: 1, mode: 'fanAvg', distribution: 'uniform' })
  const most = Math.max(...values.map(Math.abs))
  t.true(most <= limit && most > 0.98 * limit, String(most))
  t.is(values.length, 2_100)
})

test('a normal He kernel is truncated at two deviations of √(2 / in), where in counts the receptive field', (t) => {
  const values = draw('VarianceScaling', { scale: 2, mode: 'fanIn', distribution: 'normal' }, [5, 5, 4, 40])
  const expected = Math.sqrt(2 / (5 * 5 * 4))
  t.true(Math.max(...values.map(Math.abs)) <= 2 * expected)
  t.true(Math.abs(deviation(values) / (0.88 * expected) - 1) < 0.05, String(deviation(values)))
})

test('plain uniform and normal initializers use their range and deviation', (t) => {
  const uniform = draw('RandomUniform', { minval: 1, maxval: 3 })
  t.true(uniform.every((value) => value >= 1 && value <= 3))
  t.true(Math.abs(deviation(draw('RandomNormal', { stddev: 0.5 })) - 0.5) < 0.03)
})

test('the same stream gives the same values', (t) => {
  t.deepEqual(draw('TruncatedNormal'), draw('TruncatedNormal'))
})

/**
 * The largest deviation of the scalar products of the matrix's rows, or of its columns if there are fewer, from those
 * of orthogonal ones.
 */
function awry(values: Float32Array, rows: number, columns: number, gain = 1): number {
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)]
  const at = (vector: number, i: number) => values[rows < columns ? vector * columns + i : i * columns + vector] ?? 0
  let most = 0
  for (let a = 0; a < count; a++) {
    for (let b = 0; b <= a; b++) {
      let product = 0
      for (let i = 0; i < length; i++) product += at(a, i) * at(b, i)
      most = Math.max(most, Math.abs(product - (a === b ? gain * gain : 0)))
    }
  }
  return most
}

test('an orthogonal matrix has orthogonal rows or columns, whichever are fewer, of the length of its gain', (t) => {
  for (const [rows, columns] of [
    [40, 40],
    [16, 64],
    [64, 16],
    [1, 9],
    [9, 1],
  ] as const) {
    const values = draw('Orthogonal', {}, [rows, columns])
    t.true(awry(values, rows, columns) < 1e-6, `${rows} × ${columns}`)
    t.is(new Set(values).size, rows * columns)
  }
  t.true(awry(draw('Orthogonal', { gain: 3 }, [3, 5, 20]), 15, 20, 3) < 1e-5)
  t.deepEqual(draw('Orthogonal'), draw('Orthogonal'))
})

test('orthogonal matrices lie around zero, and each entry of a large one is as far from it as any', (t) => {
  const values = draw('Orthogonal', {}, [100, 100])
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  t.true(Math.abs(mean) < 0.003, String(mean))
  const quarters = [0, 1, 2, 3].map((quarter) => deviation(values.subarray(2_500 * quarter, 2_500 * (quarter + 1))))
  t.true(
    quarters.every((each) => Math.abs(each - 0.1) < 0.005),
    String(quarters),
  )
})

test('an identity is square, and has its gain on the diagonal', (t) => {
  t.deepEqual([...draw('Identity', { gain: 2 }, [2, 2])], [2, 0, 0, 2])
  t.throws(() => draw('Identity'), { code: 'LEARN_INITIALIZER' })
})

test("a layer's own settings of a named initializer count", (t) => {
  const spec = initializerSpec({ class_name: 'RandomNormal', config: { mean: 5, stddev: 0.01 } })
  t.true(initialValues(tensor([50]), spec, randomStream(1)).every((value) => Math.abs(value - 5) < 0.1))
})

test('an initializer that cannot be drawn is refused with its tensor', (t) => {
  const error = t.throws(() => draw('Mystery'), { code: 'LEARN_INITIALIZER' })
  t.is(error?.message.includes('layer/kernel') && error.message.includes("'Mystery'"), true)
  t.throws(() => draw('Orthogonal', {}, [5]), { code: 'LEARN_INITIALIZER' })
})
