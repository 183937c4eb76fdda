import test from 'ava'
import fc from 'fast-check'
import { layersLearner, type ModelFunction } from '../../layers/layers-learner.ts'
import type { TensorFlow } from '../../layers/tensorflow.ts'
import { randomStream } from '../../random/random-stream.ts'
import { type Comparison, examplesOf, usePlainTensorFlow, weightsOf } from '../agreement.contract.ts'
import { agrees, slopesAgree } from '../agreement-properties.contract.ts'

test.before(usePlainTensorFlow)

type Layer = InstanceType<TensorFlow['layers']['Layer']>

const sequences = fc.record({
  steps: fc.integer({ min: 1, max: 11 }),
  channels: fc.integer({ min: 1, max: 10 }),
  size: fc.integer({ min: 1, max: 4 }),
  stride: fc.integer({ min: 1, max: 3 }),
  padding: fc.constantFrom<('same' | 'valid')[]>('same', 'valid'),
  where: fc.constantFrom<('inside' | 'first')[]>('inside', 'first'),
  examples: fc.integer({ min: 1, max: 5 }),
  momentum: fc.constantFrom<number[]>(0, 0.5),
  epochs: fc.constantFrom<number[]>(1, 3),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
})
type SequenceCase = typeof sequences extends fc.Arbitrary<infer Value> ? Value : never

/**
 * A model whose layers end in a vector. `inside`: behind a convolution of single steps, whose gradients show the layers'
 * input gradient.
 */
function along(
  { steps, channels, where, ...rest }: SequenceCase,
  inner: (layers: TensorFlow['layers']) => readonly Layer[],
): Comparison {
  const inputShape = [steps, where === 'inside' ? 2 : channels]
  return {
    ...rest,
    shape: inputShape,
    model: ({ layers, sequential }) =>
      sequential({
        layers: [
          where === 'inside'
            ? layers.conv1d({ filters: channels, kernelSize: 1, inputShape })
            : layers.inputLayer({ inputShape }),
          ...inner(layers),
          layers.dense({ units: 3 }),
        ],
      }),
  }
}

async function holds(check: (given: SequenceCase) => Promise<void>, numRuns = 12): Promise<void> {
  await fc.assert(fc.asyncProperty(sequences, check), { numRuns, includeErrorInReport: true })
}

const fits = ({ padding, size, steps }: SequenceCase) => padding === 'same' || size <= steps

test('a convolution along steps is that of TensorFlow.js', async (t) => {
  await t.notThrowsAsync(
    holds(async (given) => {
      fc.pre(fits(given))
      const { size, stride, padding } = given
      await agrees(
        along(given, (layers) => [
          layers.conv1d({ filters: 5, kernelSize: size, strides: stride, padding, activation: 'relu' }),
          layers.conv1d({ filters: 3, kernelSize: [1], useBias: false, activation: 'tanh' }),
          layers.flatten(),
        ]),
      )
    }),
  )
})

test('pooling along steps is that of TensorFlow.js, also over all steps', async (t) => {
  await t.notThrowsAsync(
    holds(async (given) => {
      fc.pre(fits(given))
      const { size: poolSize, stride: strides, padding, seed } = given
      const isWhole = padding === 'valid'
      const inner = (layers: TensorFlow['layers']) => [
        layers.maxPooling1d({ poolSize, strides, padding }),
        seed % 2 === 0 && isWhole
          ? layers.averagePooling1d({ poolSize: 1 })
          : layers.averagePooling1d({ poolSize: [1], strides: 1 }),
        seed % 3 === 0 ? layers.globalAveragePooling1d({}) : layers.flatten(),
      ]
      await agrees(along(given, inner))
      await agrees(along(given, (layers) => [layers.globalMaxPooling1d({})]))
      if (!isWhole) return
      // With padding, TensorFlow.js's own gradient divides by the whole window.
      await agrees(
        along(given, (layers) => [layers.averagePooling1d({ poolSize, strides, padding }), layers.flatten()]),
      )
    }),
  )
})

test('gradients along steps are the measured slopes of the loss', async (t) => {
  await t.notThrowsAsync(
    holds(
      ({ size, stride, ...given }) =>
        slopesAgree(
          along({ ...given, size, stride, examples: given.examples + 1 }, (layers) => [
            layers.conv1d({ filters: 4, kernelSize: size, strides: stride, padding: 'causal', activation: 'tanh' }),
            layers.conv1d({
              filters: 6,
              kernelSize: size,
              dilationRate: stride,
              padding: 'same',
              activation: 'sigmoid',
            }),
            layers.averagePooling1d({ poolSize: 2, padding: 'same' }),
            layers.flatten(),
          ]),
        ),
      8,
    ),
  )
})

/** The movement of the weights in one step of the engine. */
async function stepOf(model: ModelFunction, comparison: Comparison, weights: Float32Array): Promise<Float32Array> {
  const settings = { loss: 'softmaxCrossEntropy', learningRate: 1, epochs: 1, batch: 100, engine: 'engine' } as const
  const learner = await layersLearner({ ...settings, model })
  const { delta } = await learner.train({ weights, examples: examplesOf(comparison), random: randomStream(1) })
  return delta
}

const alike = (a: Float32Array, b: Float32Array) =>
  a.length === b.length && a.every((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) < 1e-4)

test('a causal convolution is one over steps with zeros before the first', async (t) => {
  await t.notThrowsAsync(
    holds(async ({ steps, channels, size, stride, examples, seed }) => {
      const shape = [steps, channels]
      const causal: ModelFunction = ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.conv1d({ filters: 4, kernelSize: size, strides: stride, padding: 'causal', inputShape: shape }),
            layers.flatten(),
            layers.dense({ units: 3 }),
          ],
        })
      const padded: ModelFunction = ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.reshape({ targetShape: [1, steps, channels], inputShape: shape }),
            layers.zeroPadding2d({
              padding: [
                [0, 0],
                [size - 1, 0],
              ],
            }),
            layers.conv2d({ filters: 4, kernelSize: [1, size], strides: [1, stride] }),
            layers.flatten(),
            layers.dense({ units: 3 }),
          ],
        })
      const comparison = { model: causal, shape, examples, seed }
      const learner = await layersLearner({
        ...{ model: causal, loss: 'softmaxCrossEntropy', learningRate: 1, epochs: 1, batch: 1 },
        engine: 'engine',
      })
      const weights = await weightsOf(learner, comparison)
      const [ours, theirs] = [await stepOf(causal, comparison, weights), await stepOf(padded, comparison, weights)]
      if (!alike(ours, theirs)) throw new Error('the steps differ')
    }, 8),
  )
})

test('a dilated convolution is one with zeros between the weights of its windows', async (t) => {
  const cases = fc.record({
    channels: fc.integer({ min: 1, max: 9 }),
    size: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 2, max: 3 }),
    padding: fc.constantFrom<('same' | 'valid')[]>('same', 'valid'),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  })
  const property = fc.asyncProperty(cases, async ({ channels, size, dilation, padding, seed }) => {
    const shape = [8, 9, 2]
    const filters = 3
    const reach = (size - 1) * dilation + 1
    const model =
      (settings: { kernelSize: number; dilationRate?: number }): ModelFunction =>
      ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.conv2d({ filters: channels, kernelSize: 1, inputShape: shape }),
            layers.conv2d({ filters, padding, ...settings }),
            layers.flatten(),
            layers.dense({ units: 3 }),
          ],
        })
    const dilated = model({ kernelSize: size, dilationRate: dilation })
    const comparison = { model: dilated, shape, examples: 3, seed }
    const settings = { loss: 'softmaxCrossEntropy', learningRate: 1, epochs: 1, batch: 1, engine: 'engine' } as const
    const weights = await weightsOf(await layersLearner({ ...settings, model: dilated }), comparison)
    const before = 2 * channels + channels
    const kernel = size * size * channels * filters
    const block = channels * filters
    /** The place of a weight of the dilated kernel in the wide one. */
    const wideAt = (index: number) => {
      const window = Math.floor(index / block)
      const [y, x] = [Math.floor(window / size) * dilation, (window % size) * dilation]
      return (y * reach + x) * block + (index % block)
    }
    const wide = new Float32Array(weights.length - kernel + reach * reach * block)
    wide.set(weights.subarray(0, before))
    for (let i = 0; i < kernel; i++) wide[before + wideAt(i)] = weights[before + i] ?? 0
    wide.set(weights.subarray(before + kernel), before + reach * reach * block)
    const ours = await stepOf(dilated, comparison, weights)
    const theirs = await stepOf(model({ kernelSize: reach }), comparison, wide)
    const found = ours.map((_, i) => {
      if (i < before) return theirs[i] ?? 0
      return theirs[i < before + kernel ? before + wideAt(i - before) : i - kernel + reach * reach * block] ?? 0
    })
    if (!alike(ours, found)) throw new Error('the steps differ')
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: 8, includeErrorInReport: true }))
})
