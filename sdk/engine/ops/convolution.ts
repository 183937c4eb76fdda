import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import type { Plan, Tensor } from '../plan.ts'
import { panelWeights } from '../weight-layouts.ts'
import { imageBytes, paddedImages, type Window, windowOutput } from './window.ts'
import { type Convolution, type ConvolutionParts, fitsWinograd, winogradConvolution } from './winograd-convolution.ts'

/** Convolution of images [height, width, channels] with bias, and with relu if `relu` is set. */
export function conv2d(plan: Plan, settings: Conv2dSettings, x: Tensor): Tensor {
  const { name, filters, relu, kernelInitializer, biasInitializer, size } = settings
  const [height = 1, width = 1] = x.shape
  const [sizeY, sizeX] = size
  const output = windowOutput(settings, height, width)
  const weights = panelWeights(plan, {
    name,
    shape: [sizeY, sizeX, x.channels, filters],
    places: Array.from(
      { length: sizeY * sizeX * x.channels },
      (_, k) => Math.floor(k / x.channels) * x.pitch + (k % x.channels),
    ),
    rows: sizeY * sizeX * x.pitch,
    kernelInitializer,
    biasInitializer,
  })
  const y = plan.tensor([output.height, output.width, filters])
  const parts = { window: settings, output, relu, weights, x, y }
  const { forward, backward } = fitsWinograd(parts) ? winogradConvolution(plan, parts) : directConvolution(plan, parts)

  plan.ops.push({
    name,
    forward: (kernels, { batch }) => forward(kernels, batch),
    backward(kernels, pass) {
      const { batch, gradientShift, gradientScale } = pass
      const pixels = batch * y.pixels
      if (relu) kernels.reluGradient(y.value, y.gradient, pixels * y.pitch)
      backward(kernels, pass)
      if (!biasInitializer) return
      kernels.sumRows(y.gradient, 4 * y.pitch, pixels, y.pitch, weights.bias + gradientShift, gradientScale)
    },
  })
  return y
}

interface Conv2dSettings extends Window {
  readonly name: string
  readonly filters: number
  readonly relu: boolean
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/**
 * Convolution as products of panels, without copying windows: for each line of a window, its pixels' channels are
 * contiguous in the padded image, as are the kernel's weights.
 */
function directConvolution(plan: Plan, { window, output, relu, weights, x, y }: ConvolutionParts): Convolution {
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

/**
 * The gradient of a convolution's input: the output's gradient, spread by the strides and with a rim of zeros,
 * convolved with the kernel rotated by 180°, with inputs and outputs exchanged.
 */
function convInputGradient(
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
