import test from 'ava'
import { layersLearner } from '../layers/layers-learner.ts'
import type { TensorFlow } from '../layers/tensorflow.ts'
import { fittedLoss } from '../learn/fitted-loss.ts'
import { lossOf } from '../learn/loss.ts'
import { randomStream } from '../random/random-stream.ts'
import { tensorViews } from '../weights/layout.ts'
import { disagreement, examplesOf, usePlainTensorFlow, weightsOf } from './agreement.contract.ts'
import { type EngineRequest, engine } from './engine.ts'
import { engineLoss } from './engine-loss.ts'
import { layerGraph } from './model/layer-graph.ts'
import { recordModel } from './model/model-recorder.ts'
import type { Pass } from './plan.ts'

function recordTopology(model: Parameters<typeof recordModel>[0]): unknown {
  const recording = recordModel(model)
  return 'topology' in recording ? recording.topology : undefined
}

test.before(usePlainTensorFlow)

const loss = engineLoss(fittedLoss(lossOf('softmaxCrossEntropy'), [3]))
const pass = (batch: number, seed = 0): Pass => ({
  batch,
  training: true,
  seed,
  gradientShift: 0,
  gradientScale: -0.01,
})

function engineOf(model: (tf: TensorFlow) => unknown, sizes: Omit<EngineRequest, 'graph'>) {
  return engine({ graph: layerGraph(recordTopology(model)), ...sizes })
}

/** A model so large that a pass takes only a few examples. */
const large = ({ layers, sequential }: TensorFlow) =>
  sequential({
    layers: [
      layers.conv2d({ filters: 32, kernelSize: 1, strides: 2, inputShape: [128, 128, 1], activation: 'tanh' }),
      layers.flatten(),
      layers.dense({ units: 3 }),
    ],
  })
const largeNormalized = ({ layers, sequential }: TensorFlow) =>
  sequential({
    layers: [
      layers.conv2d({ filters: 32, kernelSize: 1, strides: 2, useBias: false, inputShape: [96, 96, 1] }),
      layers.batchNormalization({ momentum: 0.5 }),
      layers.activation({ activation: 'relu' }),
      layers.flatten(),
      layers.dense({ units: 3 }),
    ],
  })

test('batches larger than memory allows at once, and what is left of them, train as TensorFlow.js does', async (t) => {
  const { capacity } = engineOf(large, { batch: 100, trainingBatch: 100 })
  t.true(capacity > 1 && capacity < 12, String(capacity))
  const comparison = {
    model: large,
    shape: [128, 128, 1],
    examples: 2 * capacity + 3,
    batch: capacity + 2,
    epochs: 2,
    momentum: 0.5,
  }
  for (const [what, off] of Object.entries(await disagreement(comparison))) t.true(off < 5e-5, `${what}: ${off}`)
})

test('a batch that is normalized goes in one pass, however large', async (t) => {
  const alone = engineOf(largeNormalized, { batch: 30, trainingBatch: 1 }).capacity
  t.true(alone < 12, String(alone))
  t.is(engineOf(largeNormalized, { batch: 30, trainingBatch: 30 }).capacity, 30)
  const comparison = { model: largeNormalized, shape: [96, 96, 1], examples: 14, batch: 12, epochs: 1 }
  // The normalization removes the kernel's scale, so that 27,648 terms of its gradient nearly cancel. With two passes
  // they wouldn't.
  for (const [what, off] of Object.entries(await disagreement(comparison))) t.true(off < 2e-3, `${what}: ${off}`)
})

test('a batch that is normalized and too large for memory is refused with its layer', (t) => {
  const error = t.throws(() => engineOf(largeNormalized, { batch: 100, trainingBatch: 10_000 }), {
    code: 'LEARN_ENGINE_MODEL',
  })
  t.true(error?.message.includes('batch_normalization_1') && error.message.includes('10000'), error?.message)
})

test('memory is as large after 1,000 steps as before them', (t) => {
  const running = engineOf(
    ({ layers, sequential }) =>
      sequential({
        layers: [
          layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 6, 1], activation: 'tanh' }),
          layers.batchNormalization({}),
          layers.dropout({ rate: 0.3 }),
          layers.flatten(),
          layers.dense({ units: 3 }),
        ],
      }),
    { batch: 4, trainingBatch: 4 },
  )
  const { buffer } = running.features
  const before = buffer.byteLength
  for (let step = 0; step < 1_000; step++) {
    running.forward(pass(4, step))
    running.loss(loss, 4, 0.25)
    running.backward(pass(4, step))
  }
  // Growing memory detaches the old buffer.
  t.is(buffer.byteLength, before)
})

test('a training after one that diverged has the bits of the first', async (t) => {
  const model = ({ layers, sequential }: TensorFlow) =>
    sequential({
      layers: [
        layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 6, 1], activation: 'sigmoid', padding: 'same' }),
        layers.depthwiseConv2d({ kernelSize: 3, padding: 'same' }),
        layers.conv2d({ filters: 3, kernelSize: 1 }),
        layers.batchNormalization({}),
        layers.averagePooling2d({}),
        layers.zeroPadding2d({}),
        layers.flatten(),
        layers.dense({ units: 3 }),
      ],
    })
  const learner = await layersLearner({
    model,
    loss: 'softmaxCrossEntropy',
    learningRate: 0.1,
    epochs: 2,
    batch: 2,
    engine: 'engine',
  })
  const comparison = { model, shape: [6, 6, 1], examples: 5 }
  const examples = examplesOf(comparison)
  const weights = await weightsOf(learner, comparison)
  const train = (from: Float32Array) => learner.train({ weights: from, examples, random: randomStream(1, 'train') })
  const [first, evaluation] = [await train(weights), await learner.evaluate(weights, examples)]
  await t.throwsAsync(train(weights.map(() => Number.NaN)), { code: 'LEARN_DIVERGED' })
  t.deepEqual(await learner.evaluate(weights, examples), evaluation)
  t.deepEqual(await train(weights), first)
})

test('a moving mean follows the batches’ means by 1 − momentum, and evaluation goes by it', async (t) => {
  const model = ({ layers, sequential }: TensorFlow) =>
    sequential({
      layers: [layers.batchNormalization({ momentum: 0.75, inputShape: [2] }), layers.dense({ units: 3 })],
    })
  const learner = await layersLearner({
    model,
    loss: 'softmaxCrossEntropy',
    learningRate: 0.1,
    epochs: 1,
    batch: 10,
    engine: 'engine',
  })
  const weights = await learner.initialWeights(randomStream(1))
  const examples = {
    count: 2,
    shape: [2],
    read: (index: number, out: Float32Array, offset: number) => out.set([index === 0 ? 3 : 5, 8], offset),
    label: () => 0,
  }
  const { delta } = await learner.train({ weights, examples, random: randomStream(1) })
  const moved = tensorViews(learner.layout, delta)
  t.deepEqual([...(moved.get('batch_normalization_1/moving_mean') ?? [])], [1, 2])
  // From 1, towards variances of 1 and 0.
  t.deepEqual([...(moved.get('batch_normalization_1/moving_variance') ?? [])], [0, -0.25])
  const shifted = weights.slice()
  tensorViews(learner.layout, shifted).get('batch_normalization_1/moving_mean')?.fill(4)
  t.notDeepEqual(await learner.evaluate(shifted, examples), await learner.evaluate(weights, examples))
})

test('the delta is the weights minus the base, with the bits of a plain loop, which says, too, whether it is finite', (t) => {
  for (const model of [large, largeNormalized]) {
    const running = engineOf(model, { batch: 2 })
    const count = running.save().length
    const random = randomStream(3)
    const values = () => Float32Array.from({ length: count }, () => random.uniform() - 0.5)
    const [weights, base] = [values(), values()]
    running.load(weights)
    const { delta, isFinite } = running.saveDelta(base)
    t.true(isFinite)
    t.deepEqual(
      delta,
      weights.map((value, index) => value - (base[index] ?? 0)),
    )
    const room = new Float32Array(count)
    t.is(running.saveDelta(weights, room).delta, room)
    t.true(room.every((value) => value === 0))

    // The first and the last value, and one in the middle, each by itself.
    for (const index of [0, count >> 1, count - 1])
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const damaged = weights.slice()
        damaged[index] = value
        running.load(damaged)
        t.false(running.saveDelta(base).isFinite, `${value} at ${index}`)
      }
    running.load(weights)
    t.true(running.saveDelta(base).isFinite)
  }
})
