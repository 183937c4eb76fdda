import type { Kernels } from '../kernels.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { type PanelWeights, turnedPanels } from '../weight-layouts.ts'

interface RowProductSettings extends PanelWeights {
  readonly name: string
  /** Whether the bias is trained. */
  readonly hasBias: boolean
  readonly relu?: boolean
}

/** Most rows of a gradient's product: a column of more rows leaves the nearest cache before it is read again. */
export const blockRows = 128

/**
 * y = x·W + b for each pixel of x, over its channels. `x` and `y` have padded pixels, of which there are as many. There
 * are many rows for each weight, so that the way back multiplies with a transposed copy of the weights.
 */
export function rowProduct(
  plan: Plan,
  { name, kernel, bias, panelBytes, panels, hasBias, relu = false }: RowProductSettings,
  x: Tensor,
  y: Tensor,
): void {
  const [xPitch, pitch] = [4 * x.pitch, 4 * y.pitch]
  const most = plan.batch * x.pixels
  const offsets = plan.table(Array.from({ length: most }, (_, row) => row * xPitch))
  const runs = plan.table([0, 0, 4 * x.channels])
  const toInput = x.gradient === 0 ? undefined : inputGradient(plan, { kernel, panelBytes }, x, y)
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
      toInput?.(kernels, rows)
      const target = kernel + gradientShift
      for (let from = 0; from < rows; from += blockRows) {
        const count = Math.min(blockRows, rows - from)
        kernels.weightGradient(
          x.value + from * xPitch,
          xPitch,
          0,
          1,
          count,
          runs,
          1,
          dy + from * pitch,
          pitch,
          target,
          panelBytes,
          panels,
          gradientScale,
        )
      }
      if (hasBias) kernels.sumRows(dy, pitch, rows, y.pitch, bias + gradientShift, gradientScale)
    },
  })
}

function inputGradient(plan: Plan, weights: Pick<PanelWeights, 'kernel' | 'panelBytes'>, x: Tensor, y: Tensor) {
  const [xPitch, pitch] = [4 * x.pitch, 4 * y.pitch]
  const turned = turnedPanels(plan, weights, { inputs: x.pitch, outputs: y.pitch })
  const { kernel, panelBytes, panels } = turned
  const offsets = plan.table(Array.from({ length: plan.batch * x.pixels }, (_, row) => row * pitch))
  const runs = plan.table([0, 0, pitch])
  const zeros = plan.allocate(xPitch)
  return (kernels: Kernels, rows: number) => {
    turned.turn(kernels)
    kernels.forward(y.gradient, offsets, rows, runs, 1, kernel, panelBytes, panels, zeros, x.gradient, xPitch, 0)
  }
}
