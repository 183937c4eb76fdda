import { engineKernels, firstFreeAddress, type Kernels } from '../../sdk/engine/kernels.ts'
import { compiled, moduleOf, platformFuses } from '../../sdk/engine/products/product-modules.ts'
import type { Figure } from '../figure.ts'
import { median } from '../median.ts'
import { fusedPeakBase64 } from './fused-peak-bytes.ts'
import { peakBase64 } from './peak-bytes.ts'

/** Sizes of the 2NN's first layer at B = 10: 784 inputs, 200 outputs. */
const rows = 10
const inputs = 784
const outputs = 200
const panels = outputs / 8
const panelBytes = 32 * inputs + 64
const operations = 2 * rows * inputs * outputs

/** Addresses of the arrays in memory, in bytes. */
const offsets = firstFreeAddress
const runs = offsets + 4 * rows + 24
const bias = offsets + 4096
const x = bias + 4 * outputs + 3296
const y = x + 4 * rows * inputs + 1024
const weights = y + 4 * rows * outputs + 1024

const turns = 41
const repetitions = 20

/**
 * GFLOP/s of each product's kernel on dense values, plain and, where the platform fuses, fused, compared with the peak of
 * registers alone. Kernels take turns.
 */
export async function kernelRates(): Promise<Figure[]> {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((weights + panels * panelBytes) / 65_536) })
  new Float32Array(memory.buffer, bias).fill(0.01)
  new Uint32Array(memory.buffer, offsets, rows).set(Array.from({ length: rows }, (_, row) => 4 * inputs * row))
  new Uint32Array(memory.buffer, runs, 3).set([0, 0, 4 * inputs])
  const runsOf = async (name: 'plain' | 'fused', peakBytes: string) => ({
    peak: peakOperations(peakBytes),
    ...products(engineKernels(memory, await moduleOf(name))),
  })
  const measured = Object.entries({
    '': await runsOf('plain', peakBase64),
    ...(platformFuses() && { 'fused.': await runsOf('fused', fusedPeakBase64) }),
  }).flatMap(([way, all]) =>
    Object.entries(all).map(([name, run]) => ({ way, name, run, rates: new Float64Array(turns) })),
  )

  for (let turn = -turns; turn < turns; turn++) {
    for (const { run, rates } of measured) {
      const began = performance.now()
      const done = run()
      const rate = done / (performance.now() - began) / 1e6
      if (turn >= 0) rates[turn] = rate
    }
  }
  return measured.map(({ way, name, rates }) => {
    const value = median(rates)
    const figure = `train.kernel.${way}${name}`
    const peak = measured.find((other) => other.way === way && other.name === 'peak')
    if (!peak || name === 'peak') return { figure, value, unit: 'GFLOP/s' }
    const baseline = median(peak.rates)
    return { figure, value, unit: 'GFLOP/s', baseline, ratio: value / baseline }
  })
}

/** Makes a run of each product's kernel; a run answers with its number of operations. */
function products(kernels: Kernels): Record<string, () => number> {
  const repeated = (product: () => void) => () => {
    for (let i = 0; i < repetitions; i++) product()
    return repetitions * operations
  }
  return {
    forward: repeated(() =>
      kernels.forward(x, offsets, rows, runs, 1, weights, panelBytes, panels, bias, y, 4 * outputs, 1),
    ),
    'weight-gradient': repeated(() =>
      kernels.weightGradient(x, 4 * inputs, 0, 1, rows, runs, 1, y, 4 * outputs, weights, panelBytes, panels, 0),
    ),
    'input-gradient': repeated(() =>
      kernels.inputGradient(y, 4 * outputs, rows, weights, panelBytes, panels, x, 4 * inputs, inputs),
    ),
  }
}

function peakOperations(base64: string): () => number {
  const { peak } = new WebAssembly.Instance(compiled(base64), {
    env: { memory: new WebAssembly.Memory({ initial: 1 }) },
  }).exports
  if (typeof peak !== 'function') throw new TypeError('the peak module lacks its export; build it again')
  const times = 500_000
  return () => times * Number(peak(times))
}
