import { type Plan, type Tensor, tensorSize } from '../plan.ts'

/** One tensor for several layers: each has a place of its own for its gradient, and the tensor's is their sum. */
export function fanOut(plan: Plan, name: string, x: Tensor, consumers: number): Tensor[] {
  if (x.gradient === 0 || consumers < 2) return Array.from({ length: consumers }, () => x)
  const size = tensorSize(x)
  const views = Array.from({ length: consumers }, () => ({ ...x, gradient: plan.allocate(4 * plan.batch * size) }))
  const [first, second, ...others] = views
  plan.ops.push({
    name,
    forward: () => {},
    backward(kernels, { batch }) {
      if (!first || !second) return
      kernels.add(first.gradient, second.gradient, x.gradient, batch * size)
      for (const { gradient } of others) kernels.add(x.gradient, gradient, x.gradient, batch * size)
    },
  })
  return views
}
