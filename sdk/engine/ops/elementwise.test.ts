import test from 'ava'
import fc from 'fast-check'
import { engineKernels, firstFreeAddress } from '../kernels.ts'
import { Plan, tensorSize } from '../plan.ts'
import { dropout } from './elementwise.ts'

const memory = new WebAssembly.Memory({ initial: 2 })
const kernels = engineKernels(memory)
const [from, to] = [firstFreeAddress, firstFreeAddress + 64]

function of(name: 'tanh' | 'sigmoid', value: number): number {
  new Float32Array(memory.buffer, from, 4).fill(value)
  kernels[name](from, to, 4)
  const [first, ...others] = new Float32Array(memory.buffer, to, 4)
  if (!others.every((other) => Object.is(other, first))) throw new Error('lanes differ')
  return first ?? Number.NaN
}

/** The error in units of float32's last place at `exact`, or at 10⁻³⁰ for smaller values. */
const unitsOff = (value: number, exact: number) =>
  Math.abs(value - exact) / 2 ** (Math.floor(Math.log2(Math.max(1e-30, Math.abs(exact)))) - 23)

const values = fc.oneof(
  fc.float({ noNaN: true, min: -20, max: 20 }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
)

test('tanh is exact to two units in the last place', (t) => {
  fc.assert(
    fc.property(values, (x) => {
      t.true(unitsOff(of('tanh', x), Math.tanh(x)) <= 2, `${x}: ${of('tanh', x)}`)
    }),
    { numRuns: 2_000 },
  )
  t.deepEqual([of('tanh', 1e30), of('tanh', -1e30), of('tanh', 0), of('tanh', Number.NaN)], [1, -1, 0, Number.NaN])
})

test('sigmoid is exact to three units in the last place, down to where it ends', (t) => {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
  fc.assert(
    fc.property(values, (x) => {
      // Below −65 the sigmoid is smaller than 10⁻²⁸, and below −88 it stays constant.
      const off = x < -65 ? of('sigmoid', x) / 1e-28 : unitsOff(of('sigmoid', x), sigmoid(x))
      t.true(off <= 3, `${x}: ${of('sigmoid', x)}`)
    }),
    { numRuns: 2_000 },
  )
  t.deepEqual([of('sigmoid', 0), of('sigmoid', 1e30), of('sigmoid', Number.NaN)], [0.5, 1, Number.NaN])
  t.true(of('sigmoid', -1e30) < 1e-37)
})

test('the bits are these, everywhere', (t) => {
  const bits = (name: 'tanh' | 'sigmoid') =>
    [-3, -0.7, -0.1, 0.3, 0.626, 5].map((x) => new DataView(Float32Array.of(of(name, x)).buffer).getUint32(0, true))
  t.deepEqual(bits('tanh'), [3212753897, 3206199257, 3184271036, 1049962222, 1057892250, 1065351693])
  t.deepEqual(bits('sigmoid'), [1027752354, 1051321163, 1056126445, 1058213546, 1059507731, 1065240929])
})

/** A single dropout layer, whose inputs and output gradients are all 1. */
function layer(rate: number, size: number, batch: number, layersBefore = 0) {
  const plan = new Plan({ batch, trainedBytes: 0 })
  const x = plan.tensor([size])
  for (let i = 0; i < layersBefore; i++) plan.ops.push({ name: 'other', forward: () => {}, backward: () => {} })
  const y = dropout(plan, 'dropout', rate, x)
  const memory = new WebAssembly.Memory({ initial: Math.ceil(plan.bytes / 65_536) })
  const kernels = engineKernels(memory)
  const values = (address: number) => new Float32Array(memory.buffer, address, batch * tensorSize(x))
  values(x.value).fill(1)
  values(y.gradient).fill(1)
  const op = plan.ops.at(-1)
  return (seed: number, training = true) => {
    const pass = { batch, training, seed, gradientShift: 0, gradientScale: 1 }
    op?.forward(kernels, pass)
    op?.backward(kernels, pass)
    return { output: values(y.value).slice(), gradient: values(x.gradient).slice() }
  }
}

const kept = (values: Float32Array) => values.reduce((sum, value) => sum + Number(value !== 0), 0) / values.length
/** The fraction of values at which two masks agree. */
const alike = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + Number((value === 0) === (b[i] === 0)), 0) / a.length

test('a value is left out with the rate’s probability, and the others are scaled so that the mean stays', (t) => {
  const rates = fc.double({ min: 0.01, max: 0.95, noNaN: true })
  fc.assert(
    fc.property(rates, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (rate, seed) => {
      const { output } = layer(rate, 1_000, 100)(seed)
      // Six standard deviations of the share of 100,000 values.
      t.true(Math.abs(kept(output) - (1 - rate)) < 6 * Math.sqrt((rate * (1 - rate)) / output.length))
      t.true(output.every((value) => value === 0 || value === Math.fround(1 / (1 - rate))))
    }),
    { numRuns: 20 },
  )
})

test('a gradient passes where its value did, by the same factor', (t) => {
  const { output, gradient } = layer(0.3, 100, 4)(7)
  t.deepEqual(gradient, output)
})

test('a mask is the same for the same seed; another seed, layer, example or place has another', (t) => {
  const masks = layer(0.5, 1_000, 100)
  const { output } = masks(1)
  t.deepEqual(masks(1).output, output)
  const others = [
    masks(2).output,
    masks(2 ** 31).output,
    layer(0.5, 1_000, 100, 1)(1).output,
    Float32Array.from([...output.subarray(1_000), ...output.subarray(0, 1_000)]),
    Float32Array.from([...output.subarray(1), ...output.subarray(0, 1)]),
  ]
  // Independent masks agree at half of 100,000 values, with a deviation of 0.0016.
  for (const other of others) t.true(Math.abs(alike(output, other) - 0.5) < 0.01, String(alike(output, other)))
})

test('the mask of a seed is this one, everywhere', (t) => {
  const { output } = layer(0.5, 32, 1)(1)
  t.is([...output].map((value) => (value === 0 ? '.' : 'x')).join(''), '...........xx.x.xxx.xx.x..xx....')
})

test('evaluation leaves values as they are', (t) => {
  t.true(layer(0.5, 100, 3)(1, false).output.every((value) => value === 1))
})
