import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import type { PanelWeights } from '../weight-layouts.ts'

interface RowProductSettings extends PanelWeights {
  readonly name: string
  /** Whether the bias is trained. */
  readonly hasBias: boolean
  readonly relu?: boolean
}

/** y = x·W + b for each pixel of x, over its channels. `x` and `y` have padded pixels, of which there are as many. */
export function rowProduct(
  plan: Plan,
  { name, kernel, bias, panelBytes, panels, hasBias, relu = false }: RowProductSettings,
  x: Tensor,
  y: Tensor,
): void {
  const [xPitch, pitch] = [4 * x.pitch, 4 * y.pitch]
  const offsets = plan.table(Array.from({ length: plan.batch * x.pixels }, (_, row) => row * xPitch))
  const runs = plan.table([0, 0, 4 * x.channels])
  plan.ops.push({
    name,
    forward: (kernels, { batch }) =>
      kernels.forward(
        x.value,
        offsets,
        batch * x.pixels,
        runs,
        1,
        kernel,
        panelBytes,
        panels,
        bias,
        y.value,
        pitch,
        Number(relu),
      ),
    backward(kernels, { batch, gradientShift, gradientScale }) {
      const rows = batch * x.pixels
      const dy = y.gradient
      if (relu) kernels.reluGradient(y.value, dy, batch * tensorSize(y))
      if (x.gradient !== 0) {
        kernels.inputGradient(dy, pitch, rows, kernel, panelBytes, panels, x.gradient, xPitch, x.pitch)
      }
      const target = kernel + gradientShift
      kernels.weightGradient(x.value, xPitch, 0, 1, rows, runs, 1, dy, pitch, target, panelBytes, panels, gradientScale)
      if (hasBias) kernels.sumRows(dy, pitch, rows, y.pitch, bias + gradientShift, gradientScale)
    },
  })
}
