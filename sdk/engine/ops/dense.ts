import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { panelWeights } from '../weight-layouts.ts'

interface DenseSettings {
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

/** Fully connected layer: y = x·W + b, with relu if `relu` is set. */
export function dense(
  plan: Plan,
  { name, units, relu, kernelInitializer, biasInitializer }: DenseSettings,
  x: Tensor,
): Tensor {
  const size = tensorSize(x)
  const { kernel, bias, panelBytes, panels } = panelWeights(plan, {
    name,
    shape: [x.pixels * x.channels, units],
    places: Array.from(
      { length: x.pixels * x.channels },
      (_, k) => Math.floor(k / x.channels) * x.pitch + (k % x.channels),
    ),
    rows: Math.ceil(size / 4) * 4,
    kernelInitializer,
    biasInitializer,
  })
  const y = plan.tensor([units])
  const pitch = 4 * y.pitch
  const rowBytes = 4 * size
  const offsets = plan.table(Array.from({ length: plan.batch }, (_, example) => rowBytes * example))
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
    forward(kernels, { batch }) {
      if (sparse === undefined) return product(kernels, 0, batch, runs, 1)
      for (let from = 0; from < batch; from += sparseRows) {
        const rows = Math.min(sparseRows, batch - from)
        product(kernels, from, rows, sparse, kernels.nonzeroRuns(x.value + from * rowBytes, rows, rowBytes, sparse))
      }
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      if (relu) kernels.reluGradient(y.value, y.gradient, batch * y.pitch)
      if (x.gradient !== 0) {
        kernels.inputGradient(y.gradient, pitch, batch, kernel, panelBytes, panels, x.gradient, rowBytes, size)
      }
      const runCount = sparse === undefined ? 1 : kernels.nonzeroRuns(x.value, batch, rowBytes, sparse)
      kernels.weightGradient(
        x.value,
        rowBytes,
        0,
        1,
        batch,
        sparse ?? runs,
        runCount,
        y.gradient,
        pitch,
        kernel + gradientShift,
        panelBytes,
        panels,
        gradientScale,
      )
      if (biasInitializer) kernels.sumRows(y.gradient, pitch, batch, y.pitch, bias + gradientShift, gradientScale)
    },
  })
  return y
}
