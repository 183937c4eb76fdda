import type { Kernels } from '../kernels.ts'
import type { Plan, Tensor } from '../plan.ts'
import { type PanelWeights, turnedPanels } from '../weight-layouts.ts'
import { imageBytes, paddedImages, type Window, windowOutput, windowReach } from './window.ts'

/** The weights of windows: rows are a window's pixels and their channels, columns the channels of outputs. */
type WindowWeights = Pick<PanelWeights, 'kernel' | 'panelBytes' | 'panels'>

/** Products from images with windows to an output pixel for each window, for a batch. */
export interface WindowProducts {
  /** Copies the images into their rims. The other products take the images of the last call. */
  fill(kernels: Kernels, batch: number): void
  /** outputs = bias + images·W, with relu if `relu` is set. */
  toOutputs(kernels: Kernels, batch: number, to: { outputs: number; bias: number; relu: boolean }): void
  /** target += scale · imagesᵀ·outputs, arranged as the weights. */
  weightGradient(kernels: Kernels, batch: number, of: { outputs: number; target: number; scale: number }): void
}

/**
 * Plans products of panels over the windows of `image`, without copying windows: for each line of a window, its pixels'
 * channels are contiguous in the padded image, as are the weights. `output` has the outputs' shape and pitch.
 */
export function windowProducts(
  plan: Plan,
  window: Window,
  image: Tensor,
  output: Tensor,
  { kernel, panelBytes, panels }: WindowWeights,
): WindowProducts {
  const [height = 1, width = 1] = image.shape
  const reach = windowOutput(window, height, width)
  const [strideY, strideX] = window.stride
  const pixelBytes = 4 * image.pitch
  const images = paddedImages(plan, image, reach)
  const lineBytes = images.width * pixelBytes
  const offsets = plan.table(
    Array.from({ length: output.pixels }, (_, pixel) => {
      const [oy, ox] = [Math.floor(pixel / reach.width), pixel % reach.width]
      return oy * strideY * lineBytes + ox * strideX * pixelBytes
    }),
  )
  const { runs, runCount } = windowRuns(plan, window, lineBytes, pixelBytes)
  const outputBytes = imageBytes(output)
  const pitch = 4 * output.pitch

  return {
    fill: images.fill,
    toOutputs(kernels, batch, { outputs, bias, relu }) {
      for (let example = 0; example < batch; example++) {
        kernels.forward(
          images.value + example * images.bytes,
          offsets,
          output.pixels,
          runs,
          runCount,
          kernel,
          panelBytes,
          panels,
          bias,
          outputs + example * outputBytes,
          pitch,
          Number(relu),
        )
      }
    },
    weightGradient(kernels, batch, { outputs, target, scale }) {
      for (let example = 0; example < batch; example++) {
        kernels.weightGradient(
          images.value + example * images.bytes,
          strideX * pixelBytes,
          strideY * lineBytes,
          reach.height,
          reach.width,
          runs,
          runCount,
          outputs + example * outputBytes,
          pitch,
          target,
          panelBytes,
          panels,
          scale,
        )
      }
    },
  }
}

/** The stretches of an image that a window reads, with the places of their weights. Dilated pixels are apart. */
function windowRuns(plan: Plan, { size, dilation = [1, 1] }: Window, lineBytes: number, pixelBytes: number) {
  const [sizeY, sizeX] = size
  const [dilationY, dilationX] = dilation
  const pixels = dilationX === 1 ? sizeX : 1
  const runs: number[] = []
  for (let ky = 0; ky < sizeY; ky++) {
    for (let kx = 0; kx < sizeX; kx += pixels) {
      const place = 8 * (ky * sizeX + kx) * pixelBytes
      runs.push(ky * dilationY * lineBytes + kx * dilationX * pixelBytes, place, pixels * pixelBytes)
    }
  }
  return { runs: plan.table(runs), runCount: runs.length / 3 }
}

/**
 * Plans the adjoint of `toOutputs`, which is the gradient of the images, and a transposed convolution: images = bias +
 * outputs·Wᵀ. The outputs, spread by the strides and with a rim of zeros, are convolved with the weights rotated by 180°,
 * with inputs and outputs exchanged.
 */
export function productToImages(
  plan: Plan,
  window: Window,
  image: Tensor,
  output: Tensor,
  weights: WindowWeights,
): (
  kernels: Kernels,
  batch: number,
  given: { outputs: number; images: number; bias?: number; relu?: boolean },
) => void {
  const [height = 1, width = 1] = image.shape
  const [sizeY, sizeX] = window.size
  const [strideY, strideX] = window.stride
  const [reachY, reachX] = windowReach(window)
  const windows = windowOutput(window, height, width)
  const pixelBytes = 4 * output.pitch
  const lineBytes = (width + reachX - 1) * pixelBytes
  const spread = plan.allocate((height + reachY - 1) * lineBytes)
  const start = spread + (reachY - 1 - windows.top) * lineBytes + (reachX - 1 - windows.left) * pixelBytes

  const positions = sizeY * sizeX
  const turned = turnedPanels(plan, weights, { positions, inputs: image.pitch, outputs: output.pitch })
  const noBias = plan.allocate(4 * image.pitch)
  const offsets = plan.table(
    Array.from(
      { length: height * width },
      (_, pixel) => Math.floor(pixel / width) * lineBytes + (pixel % width) * pixelBytes,
    ),
  )
  const { runs, runCount } = windowRuns(plan, window, lineBytes, pixelBytes)

  return (kernels, batch, { outputs, images, bias = noBias, relu = false }) => {
    turned.turn(kernels)
    for (let example = 0; example < batch; example++) {
      const source = outputs + example * imageBytes(output)
      for (let oy = 0; oy < windows.height; oy++) {
        kernels.copyRows(
          source + oy * windows.width * pixelBytes,
          pixelBytes,
          start + oy * strideY * lineBytes,
          strideX * pixelBytes,
          windows.width,
          pixelBytes,
        )
      }
      kernels.forward(
        spread,
        offsets,
        height * width,
        runs,
        runCount,
        turned.kernel,
        turned.panelBytes,
        turned.panels,
        bias,
        images + example * imageBytes(image),
        4 * image.pitch,
        Number(relu),
      )
    }
  }
}
