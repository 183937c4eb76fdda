import type { Kernels } from '../kernels.ts'
import type { Pass, Plan, Tensor } from '../plan.ts'
import type { PanelWeights } from '../weight-layouts.ts'
import { imageBytes, paddedImages, type Window, type WindowOutput } from './window.ts'

/** Window, weights and tensors of a convolution. */
export interface ConvolutionParts {
  readonly window: Window
  readonly output: WindowOutput
  readonly relu: boolean
  readonly weights: PanelWeights
  readonly x: Tensor
  readonly y: Tensor
}

/** The three products of a convolution. Gradients of outputs must have relu's mask applied. */
export interface Convolution {
  forward(kernels: Kernels, batch: number): void
  /** Adds the gradient of the inputs, if needed, then that of the kernel. */
  backward(kernels: Kernels, pass: Pass): void
}

/** A tile has 8 × 8 inputs, and 64 products. */
const points = 8
const matrices = points * points

/** Best number of rows in the products of a group of images: with fewer the processor waits, more exceed its caches. */
const groupRows = 64

/** Offset between matrices, so that they don't compete for the same lines of the processor's caches. */
const skewBytes = 64

/**
 * Whether tiles are faster: square kernels of 3 to 6 that move by one pixel, over padded channels, where tiles aren't
 * mostly rim. A kernel's pixels must lie side by side.
 */
export function fitsWinograd({ window, output, x, y }: ConvolutionParts): boolean {
  const [size, sizeX] = window.size
  const [strideY, strideX] = window.stride
  const [dilationY, dilationX] = window.dilation ?? [1, 1]
  const isPlain = strideY * strideX * dilationY * dilationX === 1
  if (size !== sizeX || size < 3 || size > 6 || !isPlain || x.pitch % 8 !== 0) return false
  const outputs = points + 1 - size
  const tiles = Math.ceil(output.height / outputs) * Math.ceil(output.width / outputs)
  return tiles * matrices * 2 < y.pixels * size * size
}

/**
 * Convolution by tiles: each tile of the image, and the kernel, is transformed to 64 points, at which the convolution
 * is a product of channels. Gradients take the reverse path. See assembly/products/winograd.ts.
 */
export function winogradConvolution(
  plan: Plan,
  { window, output, relu, weights, x, y }: ConvolutionParts,
): Convolution {
  const { kernel, bias, panelBytes, panels } = weights
  const [size] = window.size
  const outputs = points + 1 - size
  const tilesY = Math.ceil(output.height / outputs)
  const tilesX = Math.ceil(output.width / outputs)
  const tiles = tilesY * tilesX
  const [height = 1, width = 1] = x.shape
  const images = paddedImages(plan, x, {
    ...output,
    bottom: tilesY * outputs + size - 1 - output.top - height,
    right: tilesX * outputs + size - 1 - output.left - width,
  })
  const pixelBytes = 4 * x.pitch
  const lineBytes = images.width * pixelBytes

  const group = Math.min(plan.batch, Math.ceil(groupRows / tiles))
  const rows = group * tiles
  const inputBytes = rows * pixelBytes + skewBytes
  const outputBytes = rows * 4 * y.pitch + skewBytes
  const groups = Math.ceil(plan.batch / group)
  const inputs = plan.allocate(groups * matrices * inputBytes)
  const products = plan.allocate(matrices * outputBytes)
  const gradients = x.gradient === 0 ? undefined : plan.allocate(matrices * inputBytes)
  const paddedGradient = x.gradient === 0 ? undefined : plan.allocate(images.bytes)

  const matrixPanelBytes = 32 * x.pitch
  const matrixBytes = panels * matrixPanelBytes + skewBytes
  const transformed = plan.allocate(matrices * matrixBytes)
  const kernelGradients = plan.allocate(matrices * matrixBytes)
  const noBias = plan.allocate(4 * y.pitch)
  const offsets = plan.table(Array.from({ length: rows }, (_, row) => row * pixelBytes))
  const runs = plan.table([0, 0, pixelBytes])

  const inputsOf = (from: number) => inputs + (from / group) * matrices * inputBytes

  function eachGroup(batch: number, work: (from: number, count: number) => void): void {
    for (let from = 0; from < batch; from += group) work(from, Math.min(group, batch - from))
  }

  function inputGradient(kernels: Kernels, from: number, count: number, dv: number, image: number): void {
    for (let matrix = 0; matrix < matrices; matrix++) {
      kernels.inputGradient(
        products + matrix * outputBytes,
        4 * y.pitch,
        count * tiles,
        transformed + matrix * matrixBytes,
        matrixPanelBytes,
        panels,
        dv + matrix * inputBytes,
        pixelBytes,
        x.pitch,
      )
    }
    for (let example = 0; example < count; example++) {
      kernels.fill(image, 0, images.bytes / 4)
      const tile = dv + example * tiles * pixelBytes
      kernels.winogradInputGradient(tile, inputBytes, image, lineBytes, pixelBytes, tilesY, tilesX, outputs)
      kernels.copyRows(
        image + output.top * lineBytes + output.left * pixelBytes,
        lineBytes,
        x.gradient + (from + example) * imageBytes(x),
        width * pixelBytes,
        height,
        width * pixelBytes,
      )
    }
  }

  return {
    forward(kernels, batch) {
      images.fill(kernels, batch)
      kernels.winogradWeights(kernel, panelBytes, panels, size, x.pitch, transformed, matrixPanelBytes, matrixBytes)
      eachGroup(batch, (from, count) => {
        const v = inputsOf(from)
        for (let example = 0; example < count; example++) {
          const image = images.value + (from + example) * images.bytes
          const tile = v + example * tiles * pixelBytes
          kernels.winogradInput(image, lineBytes, pixelBytes, tilesY, tilesX, outputs, tile, inputBytes)
        }
        for (let matrix = 0; matrix < matrices; matrix++) {
          kernels.forward(
            v + matrix * inputBytes,
            offsets,
            count * tiles,
            runs,
            1,
            transformed + matrix * matrixBytes,
            matrixPanelBytes,
            panels,
            noBias,
            products + matrix * outputBytes,
            4 * y.pitch,
            0,
          )
        }
        for (let example = 0; example < count; example++) {
          kernels.winogradOutput(
            products + example * tiles * 4 * y.pitch,
            outputBytes,
            tilesY,
            tilesX,
            outputs,
            bias,
            y.value + (from + example) * imageBytes(y),
            output.height,
            output.width,
            4 * y.pitch,
            Number(relu),
          )
        }
      })
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      kernels.fill(kernelGradients, 0, (matrices * matrixBytes) / 4)
      eachGroup(batch, (from, count) => {
        for (let example = 0; example < count; example++) {
          kernels.winogradOutputGradient(
            y.gradient + (from + example) * imageBytes(y),
            output.height,
            output.width,
            4 * y.pitch,
            tilesY,
            tilesX,
            outputs,
            products + example * tiles * 4 * y.pitch,
            outputBytes,
          )
        }
        if (gradients !== undefined && paddedGradient !== undefined)
          inputGradient(kernels, from, count, gradients, paddedGradient)
        for (let matrix = 0; matrix < matrices; matrix++) {
          kernels.weightGradient(
            inputsOf(from) + matrix * inputBytes,
            pixelBytes,
            0,
            1,
            count * tiles,
            runs,
            1,
            products + matrix * outputBytes,
            4 * y.pitch,
            kernelGradients + matrix * matrixBytes,
            matrixPanelBytes,
            panels,
            1,
          )
        }
      })
      kernels.winogradWeightGradient(
        kernelGradients,
        matrixPanelBytes,
        matrixBytes,
        panels,
        size,
        x.pitch,
        kernel + gradientShift,
        panelBytes,
        gradientScale,
      )
    },
  }
}
