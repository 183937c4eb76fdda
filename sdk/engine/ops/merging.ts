import { sizeOf } from '../../weights/layout.ts'
import type { Kernels } from '../kernels.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { inPixels, places } from './shaping.ts'

/** One tensor or more, of one shape, with padded pixels. */
type Inputs = readonly [Tensor, ...Tensor[]]

/**
 * Joins tensors along an axis of their shapes, which differ in no other axis. Axis 0 is the first of one example's shape.
 */
export function concatenate(plan: Plan, name: string, axis: number, given: Inputs): Tensor {
  const inputs = given.map((x) => inPixels(plan, name, x))
  const [first] = given
  const length = given.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0)
  const y = plan.tensorAfter(withGradient(inputs), first.shape.with(axis, length))
  const isLast = axis === first.shape.length - 1
  const blocks = sizeOf(first.shape.slice(0, axis))
  /** Bytes that one example's block takes: whole pixels, or a pixel's channels alone where channels are joined. */
  const bytesOf = ({ shape, pitch }: Tensor) => 4 * (isLast ? pitch : sizeOf(shape.slice(axis, -1)) * pitch)
  let next = 0
  const parts = inputs.map((x) => {
    const bytes = isLast ? 4 * x.channels : bytesOf(x)
    const part = { x, xBytes: bytesOf(x), from: next, bytes }
    next += bytes
    return part
  })
  const yBytes = bytesOf(y)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      for (const { x, xBytes, from, bytes } of parts) {
        kernels.copyRows(x.value, xBytes, y.value + from, yBytes, batch * blocks, bytes)
      }
    },
    backward(kernels, { batch }) {
      for (const { x, xBytes, from, bytes } of parts) {
        if (x.gradient !== 0) {
          kernels.copyRows(y.gradient + from, yBytes, x.gradient, xBytes, batch * blocks, bytes)
        }
      }
    },
  })
  return y
}

/** The product of tensors of one shape. */
export function multiply(plan: Plan, name: string, given: Inputs): Tensor {
  return pairwise(plan, name, given, {
    forward: (kernels, a, b, out, count) => kernels.multiply(a, b, out, count),
    toFirst: (kernels, _, b, dy, da, count) => kernels.multiply(dy, b, da, count),
    toSecond: (kernels, a, _, dy, db, count) => kernels.multiply(dy, a, db, count),
  })
}

/** The largest value of tensors of one shape. The gradient goes to the first tensor that has it. */
export function maximum(plan: Plan, name: string, given: Inputs): Tensor {
  return pairwise(plan, name, given, {
    forward: (kernels, a, b, out, count) => kernels.larger(a, b, out, count),
    toFirst: (kernels, a, b, dy, da, count) => kernels.whereAtLeast(a, b, dy, da, count),
    toSecond: (kernels, a, b, dy, db, count) => kernels.whereAbove(b, a, dy, db, count),
  })
}

/** The smallest value of tensors of one shape. The gradient goes to the first tensor that has it. */
export function minimum(plan: Plan, name: string, given: Inputs): Tensor {
  return pairwise(plan, name, given, {
    forward: (kernels, a, b, out, count) => kernels.smaller(a, b, out, count),
    toFirst: (kernels, a, b, dy, da, count) => kernels.whereAtLeast(b, a, dy, da, count),
    toSecond: (kernels, a, b, dy, db, count) => kernels.whereAbove(a, b, dy, db, count),
  })
}

/** A function of two values, and the shares of the gradient `dy` that go to either. */
interface Pairwise {
  forward(kernels: Kernels, a: number, b: number, out: number, count: number): void
  toFirst(kernels: Kernels, a: number, b: number, dy: number, da: number, count: number): void
  toSecond(kernels: Kernels, a: number, b: number, dy: number, db: number, count: number): void
}

/** Joins the first tensor with the second, the result with the third, and so on. */
function pairwise(plan: Plan, name: string, given: Inputs, { forward, toFirst, toSecond }: Pairwise): Tensor {
  const [first, ...others] = given.map((x) => inPixels(plan, name, x))
  if (!first) return given[0]
  return others.reduce((a, b) => {
    const y = plan.tensorAfter(withGradient([a, b]), a.shape)
    const size = tensorSize(y)
    plan.ops.push({
      name,
      forward: (kernels, { batch }) => forward(kernels, a.value, b.value, y.value, batch * size),
      backward(kernels, { batch }) {
        if (a.gradient !== 0) toFirst(kernels, a.value, b.value, y.gradient, a.gradient, batch * size)
        if (b.gradient !== 0) toSecond(kernels, a.value, b.value, y.gradient, b.gradient, batch * size)
      },
    })
    return y
  }, first)
}

/** The values, times a factor. */
export function scaled(plan: Plan, name: string, factor: number, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const y = plan.tensorAfter(x, x.shape)
  const bytes = 4 * tensorSize(y)
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.repeatRow(x.value, factor, y.value, 1, batch * bytes),
    backward(kernels, { batch }) {
      if (x.gradient !== 0) kernels.repeatRow(y.gradient, factor, x.gradient, 1, batch * bytes)
    },
  })
  return y
}

/** The tensor in a larger shape: values are repeated along axes of length 1, and along axes before its own. */
export function broadcast(plan: Plan, name: string, given: Tensor, shape: readonly number[]): Tensor {
  if (String(given.shape) === String(shape)) return given
  const x = inPixels(plan, name, given)
  const y = plan.tensorAfter(x, shape)
  const own = places(x)
  const from = plan.table(sourcesOf(x.shape, shape).map((index) => own[index] ?? 0))
  const to = plan.table(places(y))
  const count = sizeOf(shape)
  const [xBytes, yBytes] = [4 * tensorSize(x), 4 * tensorSize(y)]
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.movePlaces(x.value, xBytes, from, y.value, yBytes, to, count, batch),
    backward(kernels, { batch }) {
      if (x.gradient === 0) return
      kernels.fill(x.gradient, 0, batch * tensorSize(x))
      kernels.addPlaces(y.gradient, yBytes, to, x.gradient, xBytes, from, count, batch)
    },
  })
  return y
}

/** For each value of a shape, row-major, the index of the value of a smaller shape that is repeated there. */
function sourcesOf(own: readonly number[], shape: readonly number[]): readonly number[] {
  const lengths = [...shape.map(() => 1), ...own].slice(-shape.length)
  return Array.from({ length: sizeOf(shape) }, (_, index) => {
    let [left, source, step] = [index, 0, 1]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const length = shape[axis] ?? 1
      const ownLength = lengths[axis] ?? 1
      source += ownLength === 1 ? 0 : (left % length) * step
      step *= ownLength
      left = Math.floor(left / length)
    }
    return source
  })
}

/** A tensor with a gradient, if one has a gradient: a result of theirs then needs a gradient, too. */
function withGradient(inputs: readonly Tensor[]): Tensor {
  const [first] = inputs
  const found = inputs.find(({ gradient }) => gradient !== 0) ?? first
  if (!found) throw new TypeError('a layer has inputs')
  return found
}
