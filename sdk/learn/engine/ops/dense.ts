import type { InitializerSpec } from '../../initializer.ts'
import { panelWeights } from '../panel-weights.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'

export interface DenseSettings {
  readonly name: string
  readonly units: number
  readonly relu: boolean
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/** Fully connected: y = x·W + b, through relu if so asked. */
export function dense(
  plan: Plan,
  { name, units, relu, kernelInitializer, biasInitializer }: DenseSettings,
  x: Tensor,
): Tensor {
  const size = tensorSize(x)
  const rows = Math.ceil(size / 4) * 4
  const weights = panelWeights(plan, {
    name,
    shape: [x.pixels * x.channels, units],
    places: Array.from(
      { length: x.pixels * x.channels },
      (_, k) => Math.floor(k / x.channels) * x.pitch + (k % x.channels),
    ),
    rows,
    kernelInitializer,
    biasInitializer,
  })
  const { kernel, bias, panelBytes, panels } = weights
  const y = plan.tensor([units])
  const pitch = 4 * y.pitch
  const offsets = plan.table(Array.from({ length: plan.batch }, (_, example) => 4 * size * example))
  const runs = plan.table([0, 0, 4 * size])

  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      kernels.forward(x.value, offsets, batch, runs, 1, kernel, panelBytes, panels, bias, y.value, pitch, Number(relu))
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      if (relu) kernels.reluGradient(y.value, y.gradient, batch * y.pitch)
      if (x.gradient !== 0) {
        kernels.inputGradient(y.gradient, pitch, batch, kernel, panelBytes, panels, x.gradient, 4 * size, size)
      }
      const target = kernel + gradientShift
      kernels.weightGradient(
        x.value,
        4 * size,
        0,
        1,
        batch,
        runs,
        1,
        y.gradient,
        pitch,
        target,
        panelBytes,
        panels,
        gradientScale,
      )
      if (biasInitializer) kernels.sumRows(y.gradient, pitch, batch, y.pitch, bias + gradientShift, gradientScale)
    },
  })
  return y
}
