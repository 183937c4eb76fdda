import type { Kernels } from '../kernels.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { type Curve, curve, softmax } from './curve.ts'
import { inPixels, padded } from './shaping.ts'

/**
 * A function of each single value, but for softmax, a function of all channels of a pixel. A `rectifier` is relu with a
 * slope below 0 and an upper limit.
 */
export type Activation =
  | { readonly type: 'linear' | 'sigmoid' | 'softmax' | 'tanh' }
  | { readonly type: 'rectifier'; readonly slope: number; readonly most: number }
  | Curve

interface Passes {
  forward(kernels: Kernels, count: number): void
  backward(kernels: Kernels, count: number): void
}

export function activation(plan: Plan, name: string, kind: Activation, given: Tensor): Tensor {
  if (kind.type === 'linear') return given
  if (kind.type === 'softmax') return softmax(plan, name, given)
  if (kind.type === 'curve') return curve(plan, name, kind, given)
  const x = padded(plan, name, given)
  const y = plan.tensorLike(x)
  const size = tensorSize(y)
  const { forward, backward } = kind.type === 'rectifier' ? rectifier(kind, x, y) : saturating(kind.type, x, y)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      forward(kernels, batch * size)
      // The sigmoid of the padding's zeros is ½.
      if (kind.type === 'sigmoid' && y.channels < y.pitch) {
        kernels.clearPadding(y.value, 4 * y.pitch, batch * y.pixels, y.channels)
      }
    },
    backward(kernels, { batch }) {
      if (x.gradient !== 0) backward(kernels, batch * size)
    },
  })
  return y
}

function rectifier({ slope, most }: { readonly slope: number; readonly most: number }, x: Tensor, y: Tensor): Passes {
  return {
    forward: (kernels, count) => kernels.rectify(x.value, y.value, slope, most, count),
    backward: (kernels, count) => kernels.rectifyGradient(x.value, y.gradient, x.gradient, slope, most, count),
  }
}

function saturating(type: 'sigmoid' | 'tanh', x: Tensor, y: Tensor): Passes {
  return {
    forward: (kernels, count) => kernels[type](x.value, y.value, count),
    backward: (kernels, count) => kernels[`${type}Gradient`](y.value, y.gradient, x.gradient, count),
  }
}

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

/** One tensor for several consumers: each has its own gradient, and the tensor's gradient is their sum. */
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

/**
 * In training each value is 0 with probability `rate`, else divided by 1 − rate (Srivastava et al. 2014, inverted). The
 * mask is a hash of the pass's seed, the layer and the value's index, so it needs no memory, and is the same on any
 * machine.
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
    backward(kernels, { batch, training, seed }) {
      if (x.gradient === 0) return
      if (!training) return kernels.copyRows(y.gradient, 0, x.gradient, 0, 1, 4 * batch * size)
      kernels.dropout(y.gradient, x.gradient, seed, layer, threshold, keep, batch * size)
    },
  })
  return y
}
