import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { inPixels } from './shaping.ts'

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
