import type { PoolArguments } from '../layer-kernels.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { inPixels } from './shaping.ts'
import { imageBytes, type Window, windowOutput } from './window.ts'

/** The largest value of each window, channel by channel. The gradient goes to the first pixel with this value. */
export function maxPooling(plan: Plan, settings: Window & { readonly name: string }, x: Tensor): Tensor {
  const [height = 1, width = 1] = x.shape
  const { name, size, stride } = settings
  const output = windowOutput(settings, height, width)
  const y = plan.tensor([output.height, output.width, x.channels])
  const image = (example: number): PoolArguments => [
    x.value + example * imageBytes(x),
    height,
    width,
    4 * x.pitch,
    ...size,
    ...stride,
    output.top,
    output.left,
    y.value + example * imageBytes(y),
    output.height,
    output.width,
  ]
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      for (let example = 0; example < batch; example++) kernels.maxPool(...image(example))
    },
    backward(kernels, { batch }) {
      if (x.gradient === 0) return
      kernels.fill(x.gradient, 0, (batch * imageBytes(x)) / 4)
      for (let example = 0; example < batch; example++) {
        const dy = y.gradient + example * imageBytes(y)
        kernels.maxPoolGradient(...image(example), dy, x.gradient + example * imageBytes(x))
      }
    },
  })
  return y
}

/** The mean of each window, channel by channel, over the window's part inside the image. */
export function averagePooling(plan: Plan, name: string, window: Window, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const [height = 1, width = 1] = x.shape
  const { size, stride } = window
  const output = windowOutput(window, height, width)
  const y = plan.tensorAfter(x, [output.height, output.width, x.channels])
  const [xBytes, yBytes] = [imageBytes(x), imageBytes(y)]
  const geometry = [height, width, 4 * x.pitch, ...size, ...stride, output.top, output.left] as const
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      for (let example = 0; example < batch; example++) {
        const out = y.value + example * yBytes
        kernels.averagePool(x.value + example * xBytes, ...geometry, out, output.height, output.width)
      }
    },
    backward(kernels, { batch }) {
      if (x.gradient === 0) return
      kernels.fill(x.gradient, 0, (batch * xBytes) / 4)
      for (let example = 0; example < batch; example++) {
        const dy = y.gradient + example * yBytes
        kernels.averagePoolGradient(...geometry, output.height, output.width, dy, x.gradient + example * xBytes)
      }
    },
  })
  return y
}

/** The mean over all pixels, channel by channel. */
export function globalAveragePooling(plan: Plan, name: string, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const y = plan.tensorAfter(x, [x.channels])
  const [xBytes, pitch] = [imageBytes(x), 4 * y.pitch]
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      kernels.fill(y.value, 0, batch * y.pitch)
      for (let example = 0; example < batch; example++) {
        const out = y.value + example * pitch
        kernels.sumRows(x.value + example * xBytes, pitch, x.pixels, y.pitch, out, 1 / x.pixels)
      }
    },
    backward(kernels, { batch }) {
      if (x.gradient === 0) return
      for (let example = 0; example < batch; example++) {
        const dy = y.gradient + example * pitch
        kernels.repeatRow(dy, 1 / x.pixels, x.gradient + example * xBytes, x.pixels, pitch)
      }
    },
  })
  return y
}

/** The largest value over all pixels, channel by channel. */
export function globalMaxPooling(plan: Plan, name: string, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const size = [1, x.pixels] as const
  const window = { name, size, stride: size, padding: 'valid' } as const
  return { ...maxPooling(plan, window, { ...x, shape: [1, x.pixels, x.channels] }), shape: [x.channels] }
}

/** The mean over the steps that the mask doesn't call padding, channel by channel. 0 where all steps are padding. */
export function maskedMean(plan: Plan, name: string, given: Tensor, mask: number): Tensor {
  const x = inPixels(plan, name, given)
  const y = plan.tensorAfter(x, [x.channels])
  const pitch = 4 * tensorSize(y)
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.maskedMean(x.value, pitch, x.pixels, mask, y.value, batch),
    backward(kernels, { batch }) {
      if (x.gradient !== 0) kernels.maskedMeanGradient(y.gradient, pitch, x.pixels, mask, x.gradient, batch)
    },
  })
  return y
}
