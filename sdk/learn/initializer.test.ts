import test from 'ava'
import { randomStream } from '../random/random-stream.ts'
import { initialValues } from './initializer.ts'

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

test('an initializer that cannot be drawn is refused with its tensor', (t) => {
  const error = t.throws(() => draw('Orthogonal'), { code: 'LEARN_INITIALIZER' })
  t.is(error?.message.includes('layer/kernel') && error.message.includes("'Orthogonal'"), true)
})
