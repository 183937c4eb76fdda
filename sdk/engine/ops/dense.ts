import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { panelWeights } from '../weight-layouts.ts'
import { rowProduct } from './row-product.ts'
import { inPixels } from './shaping.ts'

export interface DenseSettings {
  readonly name: string
  readonly units: number
  readonly relu: boolean
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/**
 * Number of rows that share runs of inputs: the more rows, the fewer inputs are zero in all of them. A multiple of the
 * tiles' rows.
 */
const sparseRows = 12

/**
 * Fully connected layer: y = x·W + b, with relu if `relu` is set. Of an input with several dimensions, such as [steps,
 * channels], the last dimension is connected, the same way at each step.
 */
export function dense(
  plan: Plan,
  { name, units, relu, kernelInitializer, biasInitializer }: DenseSettings,
  given: Tensor,
): Tensor {
  const isVector = given.shape.length === 1
  const x = isVector && !plan.sharing ? given : inPixels(plan, name, given)
  const inputs = isVector ? x.pixels * x.channels : x.channels
  const size = isVector ? tensorSize(x) : x.pitch
  const { kernel, bias, panelBytes, panels } = panelWeights(plan, {
    name,
    shape: [inputs, units],
    places: Array.from({ length: inputs }, (_, k) => Math.floor(k / x.channels) * x.pitch + (k % x.channels)),
    rows: Math.ceil(size / 4) * 4,
    kernelInitializer,
    biasInitializer,
  })
  const y = plan.tensor([...x.shape.slice(0, -1), units])
  if (!isVector) {
    rowProduct(plan, { name, kernel, bias, panelBytes, panels, hasBias: biasInitializer !== undefined, relu }, x, y)
    return y
  }
  const pitch = 4 * y.pitch
  const rowBytes = 4 * size
  const offsets = plan.table(Array.from({ length: plan.batch }, (_, row) => rowBytes * row))
  const runs = plan.table([0, 0, rowBytes])
  // A model's inputs, such as images, often have zeros in common; outputs of layers hardly ever.
  const sparse = x.gradient === 0 && size % 4 === 0 ? plan.allocate(12 * (size / 8 + 1)) : undefined

  const product = (kernels: Kernels, from: number, rows: number, runTable: number, runCount: number) =>
    kernels.forward(
      x.value + from * rowBytes,
      offsets,
      rows,
      runTable,
      runCount,
      kernel,
      panelBytes,
      panels,
      bias,
      y.value + from * pitch,
      pitch,
      Number(relu),
    )

  plan.ops.push({
    name,
    forward(kernels, { batch: rows }) {
      if (sparse === undefined) return product(kernels, 0, rows, runs, 1)
      for (let from = 0; from < rows; from += sparseRows) {
        const count = Math.min(sparseRows, rows - from)
        product(kernels, from, count, sparse, kernels.nonzeroRuns(x.value + from * rowBytes, count, rowBytes, sparse))
      }
    },
    backward(kernels, { gradientShift, gradientScale, batch: rows }) {
      if (relu) kernels.reluGradient(y.value, y.gradient, rows * y.pitch)
      if (x.gradient !== 0) {
        kernels.inputGradient(y.gradient, pitch, rows, kernel, panelBytes, panels, x.gradient, rowBytes, size)
      }
      const runCount = sparse === undefined ? 1 : kernels.nonzeroRuns(x.value, rows, rowBytes, sparse)
      kernels.weightGradient(
        x.value,
        rowBytes,
        0,
        1,
        rows,
        sparse ?? runs,
        runCount,
        y.gradient,
        pitch,
        kernel + gradientShift,
        panelBytes,
        panels,
        gradientScale,
      )
      if (biasInitializer) kernels.sumRows(y.gradient, pitch, rows, y.pitch, bias + gradientShift, gradientScale)
    },
  })
  return y
}
