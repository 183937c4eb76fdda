import type { Plan, Tensor } from '../plan.ts'
import { add } from './elementwise.ts'
import { concatenate, multiply, scaled } from './merging.ts'
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

/** Joins the two outputs of a bidirectional layer, which have one shape. */
export function merged(plan: Plan, name: string, mode: MergeMode, a: Tensor, b: Tensor): Tensor {
  return { ...joined(plan, name, mode, [a, b]), mask: a.mask }
}

function joined(plan: Plan, name: string, mode: MergeMode, both: readonly [Tensor, Tensor]): Tensor {
  switch (mode) {
    case 'concat':
      return concatenate(plan, name, both[0].shape.length - 1, both)
    case 'mul':
      return multiply(plan, name, both)
    case 'sum':
      return add(plan, name, both)
    case 'ave':
      return scaled(plan, name, 1 / 2, add(plan, name, both))
  }
}
