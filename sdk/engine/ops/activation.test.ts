import test from 'ava'
import fc from 'fast-check'
import { engineKernels, firstFreeAddress } from '../kernels.ts'

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

/** In units of the last place that float32 has there, but no smaller than those of 10⁻³⁰. */
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
      // Below −65 it is smaller than 10⁻²⁸, and past −88 it stays what it is there.
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
