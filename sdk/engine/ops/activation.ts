import type { Kernels } from '../kernels.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { padded } from './reshape.ts'

/** A function of each value by itself. A `rectifier` is relu with a slope below 0 and an end to its rise. */
export type Activation =
  | { readonly type: 'linear' | 'sigmoid' | 'tanh' }
  | { readonly type: 'rectifier'; readonly slope: number; readonly most: number }

interface Passes {
  forward(kernels: Kernels, count: number): void
  backward(kernels: Kernels, count: number): void
}

export function activation(plan: Plan, name: string, kind: Activation, given: Tensor): Tensor {
  if (kind.type === 'linear') return given
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
