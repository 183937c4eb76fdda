import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import type { DepthwiseWindow } from '../layer-kernels.ts'
import type { Plan, Tensor } from '../plan.ts'
import { channelWeights } from '../weight-layouts.ts'
import { inPixels } from './shaping.ts'
import { imageBytes, paddedImages, type Window, type WindowOutput, windowOutput } from './window.ts'

interface DepthwiseSettings extends Window {
  readonly name: string
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/** Convolution of each channel with its own window. */
export function depthwiseConv2d(plan: Plan, settings: DepthwiseSettings, given: Tensor): Tensor {
  const { name, kernelInitializer, biasInitializer, size, stride } = settings
  const x = inPixels(plan, name, given)
  const [height = 1, width = 1] = x.shape
  const output = windowOutput(settings, height, width)
  const { channels } = x
  const [sizeY, sizeX] = size
  const kernel = channelWeights(plan, {
    name: `${name}/depthwise_kernel`,
    shape: [sizeY, sizeX, channels, 1],
    rows: sizeY * sizeX,
    channels,
    initializer: kernelInitializer,
    trained: true,
  })
  const bias = biasInitializer
    ? channelWeights(plan, {
        name: `${name}/bias`,
        shape: [channels],
        rows: 1,
        channels,
        initializer: biasInitializer,
        trained: true,
      })
    : plan.allocate(4 * x.pitch)
  const y = plan.tensor([output.height, output.width, channels])
  const images = paddedImages(plan, x, output)
  const pixel = 4 * x.pitch
  const geometry: DepthwiseWindow = [images.width * pixel, pixel, output.height, output.width, ...stride, ...size]
  const toInput = x.gradient === 0 ? undefined : inputGradient(plan, x, y, output, geometry, kernel)
  const yBytes = imageBytes(y)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      images.fill(kernels, batch)
      for (let example = 0; example < batch; example++) {
        const image = images.value + example * images.bytes
        kernels.depthwise(image, ...geometry, kernel, bias, y.value + example * yBytes)
      }
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      // Before the weights' gradient, which may be added to the weights themselves.
      toInput?.(kernels, batch)
      for (let example = 0; example < batch; example++) {
        const image = images.value + example * images.bytes
        const dy = y.gradient + example * yBytes
        kernels.depthwiseWeightGradient(image, ...geometry, dy, kernel + gradientShift, gradientScale)
      }
      if (biasInitializer) {
        const rows = batch * y.pixels
        kernels.sumRows(y.gradient, pixel, rows, y.pitch, bias + gradientShift, gradientScale)
      }
    },
  })
  return y
}

/**
 * The gradient of the input. If windows reach beyond the image, computes the gradient of an image with a rim, and
 * copies its inside.
 */
function inputGradient(
  plan: Plan,
  x: Tensor,
  y: Tensor,
  { top, left, bottom, right }: WindowOutput,
  geometry: DepthwiseWindow,
  kernel: number,
): (kernels: Kernels, batch: number) => void {
  const [height = 1, width = 1] = x.shape
  const [line, pixel] = geometry
  const rimmed = top + left + bottom + right > 0
  const bytes = (top + height + bottom) * line
  const room = rimmed ? plan.allocate(bytes) : 0
  return (kernels, batch) => {
    for (let example = 0; example < batch; example++) {
      const gradient = x.gradient + example * imageBytes(x)
      const image = rimmed ? room : gradient
      kernels.fill(image, 0, bytes / 4)
      kernels.depthwiseInputGradient(image, ...geometry, kernel, y.gradient + example * imageBytes(y))
      if (rimmed) {
        kernels.copyRows(room + top * line + left * pixel, line, gradient, width * pixel, height, width * pixel)
      }
    }
  }
}
