import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { padded } from './reshape.ts'

/**
 * In training each value is 0 with probability `rate`, else divided by 1 − rate (Srivastava et al. 2014, inverted). The mask is
 * a hash of the pass's seed, the layer and the value's place: it needn't be kept, and is the same on any machine.
 */
export function dropout(plan: Plan, name: string, rate: number, given: Tensor): Tensor {
  if (rate === 0) return given
  const x = padded(plan, name, given)
  const y = plan.tensorLike(x)
  const size = tensorSize(y)
  const layer = plan.ops.length
  const threshold = Math.round(rate * 2 ** 32)
  const keep = 1 / (1 - rate)
  plan.ops.push({
    name,
    seeded: true,
    forward(kernels, { batch, training, seed }) {
      if (training) kernels.dropout(x.value, y.value, seed, layer, threshold, keep, batch * size)
      else kernels.copyRows(x.value, 0, y.value, 0, 1, 4 * batch * size)
    },
    backward(kernels, { batch, seed }) {
      if (x.gradient === 0) return
      kernels.dropout(y.gradient, x.gradient, seed, layer, threshold, keep, batch * size)
    },
  })
  return y
}
