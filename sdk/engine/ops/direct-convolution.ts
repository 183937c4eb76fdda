import type { Plan } from '../plan.ts'
import { convInputGradient } from './conv-input-gradient.ts'
import type { Convolution, ConvolutionParts } from './convolution.ts'
import { imageBytes, paddedImages } from './window.ts'

/**
 * Convolution as products of panels, without copying windows: for each line of a window, its pixels' channels lie one after
 * another in the padded image, as do the kernel's weights.
 */
export function directConvolution(plan: Plan, { window, output, relu, weights, x, y }: ConvolutionParts): Convolution {
  const { kernel, bias, panelBytes, panels } = weights
  const [sizeY, sizeX] = window.size
  const [strideY, strideX] = window.stride
  const pixelBytes = 4 * x.pitch
  const images = paddedImages(plan, x, output)
  const lineBytes = images.width * pixelBytes
  const offsets = plan.table(
    Array.from({ length: y.pixels }, (_, pixel) => {
      const [oy, ox] = [Math.floor(pixel / output.width), pixel % output.width]
      return oy * strideY * lineBytes + ox * strideX * pixelBytes
    }),
  )
  const runBytes = sizeX * pixelBytes
  const runs = plan.table(
    Array.from({ length: sizeY }, (_, ky) => [ky * lineBytes, ky * runBytes * 8, runBytes]).flat(),
  )
  const toInput = x.gradient === 0 ? undefined : convInputGradient(plan, window, x, y, weights)

  return {
    forward(kernels, batch) {
      images.fill(kernels, batch)
      for (let example = 0; example < batch; example++) {
        kernels.forward(
          images.value + example * images.bytes,
          offsets,
          y.pixels,
          runs,
          sizeY,
          kernel,
          panelBytes,
          panels,
          bias,
          y.value + example * imageBytes(y),
          4 * y.pitch,
          Number(relu),
        )
      }
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      toInput?.(kernels, batch)
      for (let example = 0; example < batch; example++) {
        kernels.weightGradient(
          images.value + example * images.bytes,
          strideX * pixelBytes,
          strideY * lineBytes,
          output.height,
          output.width,
          runs,
          sizeY,
          y.gradient + example * imageBytes(y),
          4 * y.pitch,
          kernel + gradientShift,
          panelBytes,
          panels,
          gradientScale,
        )
      }
    },
  }
}
