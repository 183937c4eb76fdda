import { type Layout, tensorViews } from '../weights/layout.ts'

/** Settings of low-rank adapters. */
export interface LowRank {
  /** r: the rank of the adapters, from 1. */
  readonly rank: number
  /** α: an adapter's product counts α/r times. Default r. */
  readonly alpha?: number
}

/**
 * Low-rank adapters of a model whose own weights are frozen: to a kernel W of a layer they add scale·A·B, with A and B of
 * a low rank. Only the adapters train and travel.
 *
 * @see Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022.
 */
export interface Adapters {
  /** Layout of the model without adapters, and the weights in it. */
  readonly layout: Layout
  readonly frozen: Float32Array
  readonly pairs: readonly AdapterPair[]
}

/** Names of tensors: the kernel in the model's layout, A and B in the learner's. */
export interface AdapterPair {
  readonly kernel: string
  readonly a: string
  readonly b: string
  readonly scale: number
}

/** Parts of a learner, or of a pool, that say which model is published. */
interface Published {
  readonly layout: Layout
  readonly adapters?: Adapters | undefined
}

/** The weights to publish, and their layout: those with the adapters merged into the model's kernels, if there are adapters. */
export function publishedWeights({ layout, adapters }: Published, weights: Float32Array) {
  return adapters ? { layout: adapters.layout, weights: merged(adapters, layout, weights) } : { layout, weights }
}

/** Each sum in float64 and in the order of the rank, so that the bits are the same everywhere. */
function merged({ layout, frozen, pairs }: Adapters, own: Layout, weights: Float32Array): Float32Array {
  const whole = frozen.slice()
  const [kernels, parts] = [tensorViews(layout, whole), tensorViews(own, weights)]
  const ranks = new Map(own.tensors.map(({ name, shape }) => [name, shape.at(-1) ?? 1]))
  for (const { kernel, a, b, scale } of pairs) {
    const [values, left, right] = [kernels.get(kernel), parts.get(a), parts.get(b)]
    const rank = ranks.get(a) ?? 1
    if (!values || !left || !right) throw new TypeError(`there is no adapter of ${kernel}`)
    const columns = right.length / rank
    for (let row = 0; row < values.length / columns; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0
        for (let i = 0; i < rank; i++) sum += (left[row * rank + i] ?? 0) * (right[i * columns + column] ?? 0)
        const at = row * columns + column
        values[at] = (values[at] ?? 0) + scale * sum
      }
    }
  }
  return whole
}
