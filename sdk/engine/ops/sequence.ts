import type { Kernels } from '../kernels.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { inPixels } from './shaping.ts'

/** A mask of steps: 0 where all channels of the step are `value`. Masked steps become zeros. */
export function masking(plan: Plan, name: string, value: number, given: Tensor): Tensor {
  const x = given.gradient === 0 && given.channels === given.shape.at(-1) ? given : inPixels(plan, name, given)
  const y = plan.tensorAfter(x, x.shape)
  const mask = plan.allocate(4 * plan.batch * x.pixels)
  const [xPitch, yPitch, bytes] = [4 * x.pitch, 4 * y.pitch, 4 * x.channels]
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      const rows = batch * x.pixels
      kernels.maskOfRows(x.value, xPitch, rows, x.channels, value, mask)
      kernels.maskRows(x.value, xPitch, mask, rows, y.value, yPitch, bytes)
    },
    backward(kernels, { batch }) {
      if (x.gradient === 0) return
      kernels.maskRows(y.gradient, yPitch, mask, batch * x.pixels, x.gradient, xPitch, bytes)
    },
  })
  return { ...y, mask }
}

/** A mask of a list of numbers: 0 where the number is 0, which stands for padding. */
export function maskOfZeros(plan: Plan, name: string, x: Tensor): number {
  const length = x.pixels * x.channels
  const mask = plan.allocate(4 * plan.batch * length)
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.maskOfRows(x.value, 4, batch * length, 1, 0, mask),
    backward: () => {},
  })
  return mask
}

/** The masks of sequences one after another; 1 for the steps of a sequence without a mask. Undefined if none has one. */
export function joinedMask(plan: Plan, name: string, inputs: readonly Tensor[]): number | undefined {
  if (inputs.every(({ mask }) => mask === undefined)) return undefined
  const steps = inputs.map(({ shape }) => shape[0] ?? 0)
  const pitch = 4 * steps.reduce((sum, length) => sum + length, 0)
  const joined = plan.allocate(plan.batch * pitch)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      kernels.fill(joined, 1, (batch * pitch) / 4)
      let to = joined
      for (const [index, { mask }] of inputs.entries()) {
        const bytes = 4 * (steps[index] ?? 0)
        if (mask !== undefined) kernels.copyRows(mask, bytes, to, pitch, batch, bytes)
        to += bytes
      }
    },
    backward: () => {},
  })
  return joined
}

/** How a bidirectional layer joins its two outputs. */
export const mergeModes = ['concat', 'sum', 'ave', 'mul'] as const
type MergeMode = (typeof mergeModes)[number]

/** Joins two outputs of one shape, with gradients. */
export function merged(plan: Plan, name: string, mode: MergeMode, a: Tensor, b: Tensor): Tensor {
  const y = mode === 'concat' ? plan.tensor([...a.shape.slice(0, -1), 2 * a.channels]) : plan.tensor(a.shape)
  const { forward, backward } = mode === 'concat' ? sideBySide(a, b, y) : elementwise(mode, a, b, y)
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => forward(kernels, batch),
    backward: (kernels, { batch }) => backward(kernels, batch),
  })
  return { ...y, mask: a.mask }
}

interface Passes {
  forward(kernels: Kernels, batch: number): void
  backward(kernels: Kernels, batch: number): void
}

function sideBySide(a: Tensor, b: Tensor, y: Tensor): Passes {
  const [pitch, yPitch, bytes] = [4 * a.pitch, 4 * y.pitch, 4 * a.channels]
  return {
    forward(kernels, batch) {
      kernels.copyRows(a.value, pitch, y.value, yPitch, batch * a.pixels, bytes)
      kernels.copyRows(b.value, pitch, y.value + bytes, yPitch, batch * a.pixels, bytes)
    },
    backward(kernels, batch) {
      kernels.copyRows(y.gradient, yPitch, a.gradient, pitch, batch * a.pixels, bytes)
      kernels.copyRows(y.gradient + bytes, yPitch, b.gradient, pitch, batch * a.pixels, bytes)
    },
  }
}

function elementwise(mode: Exclude<MergeMode, 'concat'>, a: Tensor, b: Tensor, y: Tensor): Passes {
  const size = tensorSize(y)
  if (mode === 'mul') {
    return {
      forward: (kernels, batch) => kernels.multiplied(a.value, b.value, y.value, batch * size),
      backward(kernels, batch) {
        kernels.multiplied(y.gradient, b.value, a.gradient, batch * size)
        kernels.multiplied(y.gradient, a.value, b.gradient, batch * size)
      },
    }
  }
  const share = mode === 'ave' ? 0.5 : 1
  const scaled = (kernels: Kernels, from: number, to: number, count: number) => {
    kernels.fill(to, 0, count)
    kernels.addScaled(from, share, to, count)
  }
  return {
    forward(kernels, batch) {
      scaled(kernels, a.value, y.value, batch * size)
      kernels.addScaled(b.value, share, y.value, batch * size)
    },
    backward(kernels, batch) {
      scaled(kernels, y.gradient, a.gradient, batch * size)
      scaled(kernels, y.gradient, b.gradient, batch * size)
    },
  }
}
