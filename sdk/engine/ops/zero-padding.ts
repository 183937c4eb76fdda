import type { Plan, Tensor } from '../plan.ts'
import { inPixels } from './reshape.ts'
import { imageBytes } from './window.ts'

/** Pixels of zeros to put around an image. */
export interface Rim {
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
}

/** The image with a rim of zeros, which nothing ever writes to. */
export function zeroPadding(plan: Plan, name: string, { top, bottom, left, right }: Rim, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const [height = 1, width = 1] = x.shape
  const y = plan.tensorAfter(x, [top + height + bottom, left + width + right, x.channels])
  const [xBytes, yBytes] = [imageBytes(x), imageBytes(y)]
  const line = width * 4 * x.pitch
  const outLine = (left + width + right) * 4 * x.pitch
  const start = top * outLine + left * 4 * x.pitch
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      for (let example = 0; example < batch; example++) {
        const out = y.value + example * yBytes + start
        kernels.copyRows(x.value + example * xBytes, line, out, outLine, height, line)
      }
    },
    backward(kernels, { batch }) {
      if (x.gradient === 0) return
      for (let example = 0; example < batch; example++) {
        const dy = y.gradient + example * yBytes + start
        kernels.copyRows(dy, outLine, x.gradient + example * xBytes, line, height, line)
      }
    },
  })
  return y
}
