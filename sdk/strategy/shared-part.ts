import type { RoleLearner } from '../learn/role-learner.ts'
import { joined } from '../weights/joined.ts'
import { type Layout, layoutOf, sizeOf } from '../weights/layout.ts'
import type { Aggregation } from './algorithm.ts'

/** The part of a model that travels and is summed, where some tensors are personal. */
export interface SharedPart {
  /** Of the shared tensors alone. */
  readonly layout: Layout
  /** Indices in the whole model of the first value, and after the last value, of each run of shared tensors. */
  readonly ranges: readonly Range[]
}

export type Range = readonly [from: number, to: number]

/** The shared part of a model. Undefined where all of it is shared. */
export function sharedPart({ shared }: Pick<Aggregation, 'shared'>, layout: Layout): SharedPart | undefined {
  const mask = shared?.(layout)
  if (!mask?.includes(false)) return undefined
  return { layout: layoutOf(layout.tensors.filter((_, index) => mask[index])), ranges: rangesOf(layout, mask) }
}

/** The layout of the vectors that are summed. */
export function summedLayout(aggregation: Pick<Aggregation, 'shared'>, layout: Layout): Layout {
  return sharedPart(aggregation, layout)?.layout ?? layout
}

/** The values of a whole model that travel to the clients. */
export function sentWeights(part: SharedPart | undefined, weights: Float32Array): Float32Array {
  return part ? gathered(weights, part.ranges) : weights
}

/** A whole model of the weights that have come: personal tensors have their initial values. */
export async function wholeWeights(
  aggregation: Pick<Aggregation, 'shared'>,
  came: Float32Array,
  { layout, initialWeights }: Pick<RoleLearner, 'layout' | 'initialWeights'>,
): Promise<Float32Array> {
  const part = sharedPart(aggregation, layout)
  return part && came.length === part.layout.size ? overlaid(await initialWeights(), came, part.ranges) : came
}

/** The runs of tensors that a mask chooses. */
export function rangesOf({ tensors }: Layout, mask: readonly boolean[]): Range[] {
  const ranges: [number, number][] = []
  let from = 0
  for (const [index, { shape }] of tensors.entries()) {
    const to = from + sizeOf(shape)
    const last = ranges.at(-1)
    if (mask[index] && last?.[1] === from) last[1] = to
    else if (mask[index]) ranges.push([from, to])
    from = to
  }
  return ranges
}

/** The values in ranges, one after another. */
export function gathered(weights: Float32Array, ranges: readonly Range[]): Float32Array {
  const parts = ranges.map(([from, to]) => weights.subarray(from, to))
  return joined(parts, (length) => new Float32Array(length))
}

/** Weights with other values in ranges, as `gathered` gives them. */
export function overlaid(weights: Float32Array, values: Float32Array, ranges: readonly Range[]): Float32Array {
  const whole = weights.slice()
  let next = 0
  for (const [from, to] of ranges) {
    whole.set(values.subarray(next, next + to - from), from)
    next += to - from
  }
  return whole
}
