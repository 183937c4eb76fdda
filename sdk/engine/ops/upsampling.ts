import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { inPixels } from './shaping.ts'
import { imageBytes } from './window.ts'

interface UpSamplingSettings {
  readonly name: string
  /** Height and width of the block that each pixel becomes. */
  readonly size: readonly [number, number]
  /** `nearest` repeats pixels. `bilinear` interpolates towards the next pixels. */
  readonly interpolation: 'nearest' | 'bilinear'
}

/** A larger image, whose blocks of pixels come from the pixels of a smaller one. */
export function upSampling(plan: Plan, { name, size, interpolation }: UpSamplingSettings, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const [height = 1, width = 1] = x.shape
  const y = plan.tensorAfter(x, [height * size[0], width * size[1], x.channels])
  const blocks = [height, width, 4 * x.pitch, ...size] as const
  const [xBytes, yBytes] = [imageBytes(x), imageBytes(y)]
  const isNearest = interpolation === 'nearest'
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      const enlarge = isNearest ? kernels.repeatPixels : kernels.interpolatePixels
      for (let example = 0; example < batch; example++) {
        enlarge(x.value + example * xBytes, ...blocks, y.value + example * yBytes)
      }
    },
    backward(kernels, { batch }) {
      if (x.gradient === 0) return
      if (!isNearest) kernels.fill(x.gradient, 0, batch * tensorSize(x))
      const reduce = isNearest ? kernels.sumPixels : kernels.interpolatePixelsGradient
      for (let example = 0; example < batch; example++) {
        reduce(y.gradient + example * yBytes, ...blocks, x.gradient + example * xBytes)
      }
    },
  })
  return y
}
