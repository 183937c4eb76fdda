import fc from 'fast-check'
import type { TensorFlow } from '../layers/tensorflow.ts'
import { type Comparison, disagreement, slopes } from './agreement.contract.ts'

type Layer = InstanceType<TensorFlow['layers']['Layer']>
export type Symbolic = ReturnType<TensorFlow['input']>

/** Applies a layer to symbols. TensorFlow.js's own types leave the result open. */
export function through(layer: Layer, given: Symbolic | Symbolic[]): Symbolic
export function through(layer: Layer, given: Symbolic | Symbolic[]): unknown {
  return layer.apply(given)
}

/**
 * Sums of some hundred float32 in another order differ by about 10⁻⁶ of their largest terms. A wrong term, a misplaced
 * value or a forgotten factor makes a difference of about 10⁻².
 */
const rounding = 5e-5

/** Rejects unless engine and TensorFlow.js agree. The error names the tensor or loss, and the difference. */
export async function agrees(comparison: Comparison, only: readonly string[] = []): Promise<void> {
  for (const [what, off] of Object.entries(await disagreement(comparison))) {
    if (only.length > 0 && !only.includes(what)) continue
    if (!(off < rounding)) throw new Error(`${what} is off by ${off}`)
  }
}

/**
 * Rejects unless the gradient is the loss's measured slope. The loss is computed in float32, so the slope over 2 · 0.01
 * is accurate to 10⁻⁴; curvature adds the same again. For smooth models only.
 */
export async function slopesAgree(comparison: Comparison): Promise<void> {
  for (const { computed, measured } of await slopes({ ...comparison, momentum: 0, epochs: 1 })) {
    if (!(Math.abs(computed - measured) < 2e-3 + 0.02 * Math.abs(computed))) {
      throw new Error(`the slope is ${measured}, but computed as ${computed}`)
    }
  }
}

export const images = fc.record({
  height: fc.integer({ min: 1, max: 7 }),
  width: fc.integer({ min: 1, max: 7 }),
  channels: fc.integer({ min: 1, max: 10 }),
  examples: fc.integer({ min: 1, max: 5 }),
  momentum: fc.constantFrom<number[]>(0, 0.5),
  /** The batch is the whole set: a second step shows the effects of the first on padding. */
  epochs: fc.constantFrom<number[]>(1, 3),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
})
export type ImageCase = typeof images extends fc.Arbitrary<infer Value> ? Value : never

const pair = (max: number) =>
  fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max })).map(([y, x]): [number, number] => [y, x])
const windows = fc.record({
  size: pair(4),
  strides: pair(3),
  padding: fc.constantFrom<('same' | 'valid')[]>('same', 'valid'),
})
type WindowCase = typeof windows extends fc.Arbitrary<infer Value> ? Value : never

/**
 * A model whose layers end in a vector. With `inside`, a convolution of single pixels comes first, whose gradients show
 * the layers' input gradient. With `first`, the layers come first: only a model's input isn't padded.
 */
export function between(
  { height, width, channels, ...rest }: ImageCase,
  inner: (tf: TensorFlow) => readonly Layer[],
  where: 'inside' | 'first' = 'inside',
): Comparison {
  const shape = [height, width, where === 'inside' ? 2 : channels]
  return {
    ...rest,
    shape,
    model: (tf) => {
      const model = tf.sequential()
      if (where === 'inside') model.add(tf.layers.conv2d({ filters: channels, kernelSize: 1, inputShape: shape }))
      else model.add(tf.layers.inputLayer({ inputShape: shape }))
      for (const layer of inner(tf)) model.add(layer)
      model.add(tf.layers.dense({ units: 3 }))
      return model
    },
  }
}

/** Checks that layers agree with TensorFlow.js over images, inside a model and as its first layers. */
export async function agreesOverImages(
  inner: (tf: TensorFlow, image: ImageCase) => readonly Layer[],
  check = agrees,
): Promise<void> {
  const where = fc.constantFrom<('inside' | 'first')[]>('inside', 'first')
  const property = fc.asyncProperty(images, where, (given, place) =>
    check(between(given, (tf) => inner(tf, given), place)),
  )
  await fc.assert(property, { numRuns: 16, includeErrorInReport: true })
}

/** As `agreesOverImages`, over windows that move over the images. */
export async function agreesOverWindows(
  inner: (tf: TensorFlow, window: WindowCase) => readonly Layer[],
  check: (comparison: Comparison, window: WindowCase) => Promise<void> = (comparison) => agrees(comparison),
): Promise<void> {
  const where = fc.constantFrom<('inside' | 'first')[]>('inside', 'first')
  const property = fc.asyncProperty(images, windows, where, async (given, window, place) => {
    fc.pre(window.padding === 'same' || (window.size[0] <= given.height && window.size[1] <= given.width))
    await check(
      between(given, (tf) => inner(tf, window), place),
      window,
    )
  })
  await fc.assert(property, { numRuns: 30, includeErrorInReport: true })
}
