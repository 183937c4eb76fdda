import test from 'ava'
import fc from 'fast-check'
import { engineKernels } from '../kernels.ts'
import { Plan, tensorSize } from '../plan.ts'
import { dropout } from './elementwise.ts'

/** A dropout layer alone, whose inputs and output's gradients are all 1. */
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
/** How often two masks agree. */
const alike = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + Number((value === 0) === (b[i] === 0)), 0) / a.length

test('a value is left out with the rate’s probability, and the others are scaled so that the mean stays', (t) => {
  const rates = fc.double({ min: 0.01, max: 0.95, noNaN: true })
  fc.assert(
    fc.property(rates, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (rate, seed) => {
      const { output } = layer(rate, 1_000, 100)(seed)
      // Six deviations of the share of 100,000 values.
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
  // Independent masks agree in half of 100,000 places, give or take 0.0016.
  for (const other of others) t.true(Math.abs(alike(output, other) - 0.5) < 0.01, String(alike(output, other)))
})

test('the mask of a seed is this one, everywhere', (t) => {
  const { output } = layer(0.5, 32, 1)(1)
  t.is([...output].map((value) => (value === 0 ? '.' : 'x')).join(''), '...........xx.x.xxx.xx.x..xx....')
})

test('evaluation leaves values as they are', (t) => {
  t.true(layer(0.5, 100, 3)(1, false).output.every((value) => value === 1))
})
