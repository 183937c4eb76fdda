import type { PoolArguments } from '../layer-kernels.ts'
import type { Plan, Tensor } from '../plan.ts'
import { imageBytes, type Window, windowOutput } from './window.ts'

/** The largest value of each window, channel by channel. Its gradient goes to the first place that holds it. */
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
