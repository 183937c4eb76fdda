import type { Kernels } from '../kernels.ts'
import type { Plan, Tensor } from '../plan.ts'
import { imageBytes, type Window, windowOutput } from './window.ts'

/**
 * The gradient of a convolution's input: the output's gradient, spread by the strides and with a rim of zeros, convolved with
 * the kernel turned by half a turn, its inputs and outputs exchanged.
 */
export function convInputGradient(
  plan: Plan,
  window: Window,
  x: Tensor,
  y: Tensor,
  weights: { readonly kernel: number; readonly panelBytes: number },
): (kernels: Kernels, batch: number) => void {
  const [height = 1, width = 1] = x.shape
  const [sizeY, sizeX] = window.size
  const [strideY, strideX] = window.stride
  const output = windowOutput(window, height, width)
  const pixelBytes = 4 * y.pitch
  const lineBytes = (width + sizeX - 1) * pixelBytes
  const spread = plan.allocate((height + sizeY - 1) * lineBytes)
  const start = spread + (sizeY - 1 - output.top) * lineBytes + (sizeX - 1 - output.left) * pixelBytes

  const positions = sizeY * sizeX
  const panels = x.pitch / 8
  const panelBytes = 32 * positions * y.pitch + 64
  const turned = plan.allocate(panels * panelBytes)
  const noBias = plan.allocate(4 * x.pitch)
  const offsets = plan.table(
    Array.from(
      { length: height * width },
      (_, pixel) => Math.floor(pixel / width) * lineBytes + (pixel % width) * pixelBytes,
    ),
  )
  const runBytes = sizeX * pixelBytes
  const runs = plan.table(
    Array.from({ length: sizeY }, (_, ky) => [ky * lineBytes, ky * runBytes * 8, runBytes]).flat(),
  )

  return (kernels, batch) => {
    kernels.turn(weights.kernel, weights.panelBytes, positions, x.pitch, y.pitch, turned, panelBytes)
    for (let example = 0; example < batch; example++) {
      const source = y.gradient + example * imageBytes(y)
      for (let oy = 0; oy < output.height; oy++) {
        kernels.copyRows(
          source + oy * output.width * pixelBytes,
          pixelBytes,
          start + oy * strideY * lineBytes,
          strideX * pixelBytes,
          output.width,
          pixelBytes,
        )
      }
      kernels.forward(
        spread,
        offsets,
        height * width,
        runs,
        sizeY,
        turned,
        panelBytes,
        panels,
        noBias,
        x.gradient + example * imageBytes(x),
        4 * x.pitch,
        0,
      )
    }
  }
}
