import type { InitializerSpec } from '../../initializer.ts'
import { panelWeights } from '../panel-weights.ts'
import type { Plan, Tensor } from '../plan.ts'
import { convInputGradient } from './conv-input-gradient.ts'
import { imageBytes, paddedImages, type Window, windowOutput } from './window.ts'

export interface Conv2dSettings extends Window {
  readonly name: string
  readonly filters: number
  readonly relu: boolean
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/**
 * Convolution of images [height, width, channels] as products of panels, without copying windows: for each line of a window,
 * its pixels' channels lie one after another in the padded image, as do the kernel's weights.
 */
export function conv2d(plan: Plan, settings: Conv2dSettings, x: Tensor): Tensor {
  const { name, filters, relu, kernelInitializer, biasInitializer, size, stride } = settings
  const [height = 1, width = 1] = x.shape
  const output = windowOutput(settings, height, width)
  const [sizeY, sizeX] = size
  const [strideY, strideX] = stride
  const pixelBytes = 4 * x.pitch
  const places = Array.from(
    { length: sizeY * sizeX * x.channels },
    (_, k) => Math.floor(k / x.channels) * x.pitch + (k % x.channels),
  )
  const { kernel, bias, panelBytes, panels } = panelWeights(plan, {
    name,
    shape: [sizeY, sizeX, x.channels, filters],
    places,
    rows: sizeY * sizeX * x.pitch,
    kernelInitializer,
    biasInitializer,
  })
  const y = plan.tensor([output.height, output.width, filters])
  const outputs = output.height * output.width

  const padded = paddedImages(plan, x, output)
  const line = padded.width * pixelBytes
  const offsets = plan.table(
    Array.from({ length: outputs }, (_, pixel) => {
      const [oy, ox] = [Math.floor(pixel / output.width), pixel % output.width]
      return oy * strideY * line + ox * strideX * pixelBytes
    }),
  )
  const runBytes = sizeX * pixelBytes
  const runs = plan.table(Array.from({ length: sizeY }, (_, ky) => [ky * line, ky * runBytes * 8, runBytes]).flat())
  const outputBytes = imageBytes(y)
  const toInput = x.gradient === 0 ? undefined : convInputGradient(plan, settings, x, y, { kernel, panelBytes })

  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      padded.fill(kernels, batch)
      for (let example = 0; example < batch; example++) {
        kernels.forward(
          padded.value + example * padded.bytes,
          offsets,
          outputs,
          runs,
          sizeY,
          kernel,
          panelBytes,
          panels,
          bias,
          y.value + example * outputBytes,
          4 * y.pitch,
          Number(relu),
        )
      }
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      if (relu) kernels.reluGradient(y.value, y.gradient, batch * outputs * y.pitch)
      toInput?.(kernels, batch)
      for (let example = 0; example < batch; example++) {
        kernels.weightGradient(
          padded.value + example * padded.bytes,
          strideX * pixelBytes,
          strideY * line,
          output.height,
          output.width,
          runs,
          sizeY,
          y.gradient + example * outputBytes,
          4 * y.pitch,
          kernel + gradientShift,
          panelBytes,
          panels,
          gradientScale,
        )
      }
      if (biasInitializer)
        kernels.sumRows(y.gradient, 4 * y.pitch, batch * outputs, y.pitch, bias + gradientShift, gradientScale)
    },
  })
  return y
}
