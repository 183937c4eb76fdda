import { sizeOf } from '../../weights/layout.ts'
import { type Plan, paddedTo8, type Tensor, tensorSize } from '../plan.ts'

/** The same values in their order, in another shape: as they lie where padding allows, else copied. */
export function reshape(plan: Plan, name: string, x: Tensor, shape: readonly number[]): Tensor {
  const channels = shape.at(-1) ?? 1
  const pixels = sizeOf(shape.slice(0, -1))
  if (channels === x.channels) return { ...x, shape }
  const dense = x.pitch === x.channels
  if (dense && (x.gradient === 0 || channels % 8 === 0)) return { ...x, shape, pixels, channels, pitch: channels }
  return moved(plan, name, x, shape)
}

/** With padded pixels whose channels are the shape's last dimension: a model's input and what is flattened may lie otherwise. */
export function inPixels(plan: Plan, name: string, x: Tensor): Tensor {
  const channels = x.shape.at(-1) ?? 1
  return x.channels === channels && x.pitch === paddedTo8(channels) ? x : moved(plan, name, x, x.shape)
}

/** Padded, however it lies: enough for what goes value by value. */
export function padded(plan: Plan, name: string, x: Tensor): Tensor {
  return x.pitch % 8 === 0 ? x : moved(plan, name, x, x.shape)
}

function moved(plan: Plan, name: string, x: Tensor, shape: readonly number[]): Tensor {
  const y = plan.tensorAfter(x, shape)
  const count = sizeOf(shape)
  const [from, to] = [plan.table(places(x)), plan.table(places(y))]
  const [xBytes, yBytes] = [4 * tensorSize(x), 4 * tensorSize(y)]
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.movePlaces(x.value, xBytes, from, y.value, yBytes, to, count, batch),
    backward(kernels, { batch }) {
      if (x.gradient !== 0) kernels.movePlaces(y.gradient, yBytes, to, x.gradient, xBytes, from, count, batch)
    },
  })
  return y
}

/** Where each value of an example lies, in bytes. */
function places({ pixels, channels, pitch }: Tensor): readonly number[] {
  return Array.from(
    { length: pixels * channels },
    (_, index) => 4 * (Math.floor(index / channels) * pitch + (index % channels)),
  )
}
