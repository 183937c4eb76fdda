import { sizeOf } from '../../weights/layout.ts'
import { type Plan, paddedTo8, type Tensor, tensorSize } from '../plan.ts'
import { imageBytes } from './window.ts'

/** The same values as a vector. Moves nothing; padding stays between the pixels. */
export function flatten(x: Tensor): Tensor {
  return { ...x, shape: [x.pixels * x.channels] }
}

/** The same values in the same order, in another shape. Copies them only if padding requires it. */
export function reshape(plan: Plan, name: string, x: Tensor, shape: readonly number[]): Tensor {
  const channels = shape.at(-1) ?? 1
  const pixels = sizeOf(shape.slice(0, -1))
  if (channels === x.channels) return { ...x, shape }
  const dense = x.pitch === x.channels
  if (dense && (x.gradient === 0 || channels % 8 === 0)) return { ...x, shape, pixels, channels, pitch: channels }
  return moved(plan, name, x, shape)
}

/**
 * The tensor with padded pixels, whose channels are the shape's last dimension. Copies a model's input or a flattened
 * tensor if necessary.
 */
export function inPixels(plan: Plan, name: string, x: Tensor): Tensor {
  const channels = x.shape.at(-1) ?? 1
  if (x.channels === channels && x.pitch === paddedTo8(channels)) return x
  return { ...moved(plan, name, x, x.shape), mask: x.mask }
}

/** The tensor with padding, in any arrangement, which suffices for operations on single values. */
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

/** Offset of each value of an example, in bytes. */
export function places({ pixels, channels, pitch }: Tensor): readonly number[] {
  return Array.from(
    { length: pixels * channels },
    (_, index) => 4 * (Math.floor(index / channels) * pitch + (index % channels)),
  )
}

/** Pixels of zeros to put around an image. */
export interface Rim {
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
}

/** The image with a rim of zeros, which no operation writes. */
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

/** The values of each example from one on, in a shape of their own: one of several inputs that lie side by side. */
export function slice(plan: Plan, name: string, from: number, shape: readonly number[], x: Tensor): Tensor {
  const xBytes = 4 * tensorSize(x)
  if (x.gradient === 0) {
    const y = plan.tensor(shape, 'input')
    const bytes = 4 * tensorSize(y)
    plan.ops.push({
      name,
      forward: (kernels, { batch }) => kernels.copyRows(x.value + 4 * from, xBytes, y.value, bytes, batch, bytes),
      backward: () => {},
    })
    return y
  }
  const y = plan.tensor(shape)
  const yBytes = 4 * tensorSize(y)
  const [there, here] = [plan.table(places({ ...y, pitch: y.channels })), plan.table(places(y))]
  const count = sizeOf(shape)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      kernels.movePlaces(x.value + 4 * from, xBytes, there, y.value, yBytes, here, count, batch)
    },
    backward(kernels, { batch }) {
      kernels.fill(x.gradient, 0, batch * tensorSize(x))
      kernels.movePlaces(y.gradient, yBytes, here, x.gradient + 4 * from, xBytes, there, count, batch)
    },
  })
  return y
}
