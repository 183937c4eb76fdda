import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { inPixels } from './reshape.ts'

/** The sum of tensors of one shape. */
export function add(plan: Plan, name: string, given: readonly [Tensor, ...Tensor[]]): Tensor {
  const inputs = given.map((x) => inPixels(plan, name, x))
  const [first, second, ...others] = inputs
  if (!first || !second) return given[0]
  const y = plan.tensorAfter(inputs.find(({ gradient }) => gradient !== 0) ?? first, first.shape)
  const size = tensorSize(y)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      kernels.add(first.value, second.value, y.value, batch * size)
      for (const x of others) kernels.add(y.value, x.value, y.value, batch * size)
    },
    backward(kernels, { batch }) {
      for (const { gradient } of inputs) {
        if (gradient !== 0) kernels.copyRows(y.gradient, 0, gradient, 0, 1, 4 * batch * size)
      }
    },
  })
  return y
}
