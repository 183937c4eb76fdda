import test from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import { loadTensorFlow, type TensorFlow } from '../layers/tensorflow.ts'
import type { LossChoice, LossName, LossSettings } from '../learn/loss.ts'
import { randomStream } from '../random/random-stream.ts'
import { layoutOf, tensorViews } from '../weights/layout.ts'
import { usePlainTensorFlow } from './agreement.contract.ts'
import { type Symbolic, slopesAgree, through } from './agreement-properties.contract.ts'

test.before(usePlainTensorFlow)

type Output = 'ward' | 'course' | 'ill' | 'scores'

/** Of three values: a class of three, a class at each of two steps, a label, and two values. */
const outputs: Readonly<Record<Output, (tf: TensorFlow, from: Symbolic) => Symbolic>> = {
  ward: ({ layers }, from) => through(layers.dense({ units: 3, activation: 'softmax', name: 'ward' }), from),
  course: ({ layers }, from) => {
    const steps = through(layers.reshape({ targetShape: [2, 2] }), from)
    return through(layers.dense({ units: 3, activation: 'softmax', name: 'course' }), steps)
  },
  ill: ({ layers }, from) => through(layers.dense({ units: 1, activation: 'sigmoid', name: 'ill' }), from),
  scores: ({ layers }, from) => through(layers.dense({ units: 2, name: 'scores' }), from),
}
const names: readonly Output[] = ['ward', 'course', 'ill', 'scores']

const modelOf =
  (...chosen: readonly Output[]) =>
  (tf: TensorFlow) => {
    const input = tf.input({ shape: [3] })
    const shared = through(tf.layers.dense({ units: 4, activation: 'tanh', name: 'shared' }), input)
    return tf.model({ inputs: input, outputs: chosen.map((name) => outputs[name](tf, shared)) })
  }

const losses: Readonly<Record<Output, LossName | LossSettings>> = {
  ward: { name: 'softmaxCrossEntropy', classWeights: [1, 0.5, 2], exampleWeights: 'trust' },
  course: { name: 'softmaxCrossEntropy', labelSmoothing: 0.1, masked: 2 },
  ill: { name: 'binaryCrossentropy', labelSmoothing: 0.2 },
  scores: { name: 'huber', delta: 0.4 },
}
const weights = { course: 0.5, ill: 2, scores: 0.25 }
const weightOf = (name: Output) => ({ ward: 1, ...weights })[name]

/** Places of the outputs' targets. */
const places: Readonly<Record<Output, readonly [from: number, to: number]>> = {
  ward: [0, 1],
  course: [1, 3],
  ill: [3, 4],
  scores: [4, 6],
}
const count = 9
const random = randomStream(3, 'examples')
const features = Float32Array.from({ length: 3 * count }, () => 2 * random.uniform() - 1)
const targets = Array.from({ length: count }, () => [
  ...[random.below(3), random.below(3), random.below(3), random.below(2)],
  ...[random.uniform(), 2 * random.uniform()],
])
const columns = { trust: Array.from({ length: count }, (_, index) => (index % 3) / 2) }
const examplesFor = ([from, to]: readonly [number, number]) =>
  inMemoryExamples({
    ...{ features, shape: [3], columns, targetShape: [to - from] },
    targets: Float32Array.from(targets.flatMap((target) => target.slice(from, to))),
  })
const learnerOf = (loss: LossChoice, chosen = names) =>
  layersLearner({ model: modelOf(...chosen), loss, learningRate: 0.1, epochs: 1, batch: 4, engine: 'engine' })

test('the loss of several outputs is the weighted sum of the losses that a model of each output has', async (t) => {
  const joint = await learnerOf({ losses, weights })
  const examples = examplesFor([0, 6])
  t.notThrows(() => joint.check?.(examples, 'train'))
  const values = await joint.initialWeights(randomStream(1))
  const { losses: found = [], metrics } = await joint.evaluate(values, examples, { perExample: true })
  const views = tensorViews(joint.layout, values)
  const sums = new Float64Array(count)
  const gradient = new Map<string, Float64Array>()
  for (const name of names) {
    const alone = await learnerOf(losses[name], [name])
    const own = Float32Array.from(alone.layout.tensors.flatMap((tensor) => [...(views.get(tensor.name) ?? [])]))
    const expected = await alone.evaluate(own, examplesFor(places[name]), { perExample: true })
    for (const [index, loss] of (expected.losses ?? []).entries()) sums[index]! += weightOf(name) * loss
    t.true(Math.abs((metrics[`loss-${name}`] ?? Number.NaN) - (expected.metrics.loss ?? 0)) < 1e-6, name)
    const step = await alone.train({
      ...{ weights: own, examples: examplesFor(places[name]), random: randomStream(2), work: { steps: 1 } },
    })
    for (const [tensor, delta] of tensorViews(alone.layout, step.delta)) {
      const sum = gradient.get(tensor) ?? new Float64Array(delta.length)
      for (const [at, value] of delta.entries()) sum[at]! += weightOf(name) * value
      gradient.set(tensor, sum)
    }
  }
  for (const [index, loss] of found.entries()) t.true(Math.abs(loss - (sums[index] ?? Number.NaN)) < 1e-5)
  const step = await joint.train({ weights: values, examples, random: randomStream(2), work: { steps: 1 } })
  for (const [tensor, delta] of tensorViews(joint.layout, step.delta))
    for (const [at, value] of delta.entries())
      t.true(Math.abs(value - (gradient.get(tensor)?.[at] ?? Number.NaN)) < 1e-6, tensor)
})

test('the gradient of the losses of several outputs is the measured slope', async (t) => {
  const ward: LossSettings = { name: 'softmaxCrossEntropy', classWeights: [1, 0.5, 2] }
  const loss = { losses: { ...losses, ward, scores: 'mse' }, weights } as const
  const comparison = {
    model: modelOf(...names),
    shape: [3],
    classes: 2,
    targets: { shape: [6], of: 'classes' },
  } as const
  for (const seed of [1, 2, 3]) await t.notThrowsAsync(slopesAgree({ ...comparison, examples: 6, loss, seed }))
})

test('predictions of several outputs are those of the published model', async (t) => {
  const learner = await learnerOf({ losses, weights })
  t.is(learner.remarks?.length, 3)
  const values = await learner.initialWeights(randomStream(1))
  const found = await learner.predict?.(values, examplesFor([0, 6]))
  const tf = await loadTensorFlow()
  const published = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology: Object(learner.modelTopology) }))
  const views = tensorViews(layoutOf(learner.layout.tensors), values)
  published.setWeights(
    published.weights.map(({ originalName, shape }) => tf.tensor(views.get(originalName) ?? [], shape.map(Number))),
  )
  const given = published.predict(tf.tensor(features, [count, 3]))
  const expected = (Array.isArray(given) ? given : [given]).map((each) => each.reshape([count, -1]).arraySync())
  for (let index = 0; index < count; index++) {
    const row = expected.flatMap((each) => (Array.isArray(each) ? [each[index]] : [])).flat()
    const own = found?.values.subarray(index * row.length, (index + 1) * row.length) ?? []
    t.is(own.length, 3 + 6 + 1 + 2)
    for (const [at, value] of row.entries()) t.true(Math.abs(Number(value) - (own[at] ?? Number.NaN)) < 1e-5)
  }
})

test('losses of other outputs, with other weights or targets, or of a model that the engine does not train, are refused', async (t) => {
  const refused = (loss: LossChoice, message: RegExp) =>
    t.throwsAsync(learnerOf(loss), { code: 'LEARN_SETTING', message })
  const { ward: _, ...three } = losses
  await refused({ losses: {} }, /loss\.losses must be a loss for each output, but is empty/)
  await refused({ losses: three }, /which are ward, course, ill, scores, but is of course, ill, scores/)
  await refused({ losses: { ...losses, age: 'mse' } }, /which are ward, .*, but is of ward, .*, age/)
  await refused({ losses, weights: { age: 1 } }, /loss\.weights\.age must be absent: the outputs are ward/)
  await refused({ losses, weights: { ill: -1 } }, /loss\.weights\.ill must be a finite number from 0/)
  await refused({ losses: { ...losses, ill: 'supervisedContrastive' } }, /loss\.losses\.ill must be a loss that/)
  await refused({ losses: { ...losses, ward: { name: 'mse', delta: 1 } } }, /loss\.delta must be absent/)
  const settings = { model: modelOf(...names), loss: { losses }, learningRate: 0.1, epochs: 1, batch: 4 } as const
  await t.throwsAsync(layersLearner({ ...settings, engine: 'tensorflow' }), {
    ...{ code: 'LEARN_SETTING', message: /loss\.losses must be absent, or a model of layers that the engine knows/ },
  })
  const learner = await learnerOf({ losses })
  t.throws(() => learner.check?.(examplesFor([0, 5]), 'train'), { code: 'LEARN_OUTPUTS', message: /takes 6 numbers/ })
  const wrong = { ...examplesFor([0, 6]), targets: { shape: [6], read: fill } }
  t.throws(() => learner.check?.(wrong, 'train'), { code: 'LEARN_LABEL', message: /label 5/ })
  t.throws(() => learner.check?.({ ...examplesFor([0, 6]), columns: {} }, 'train'), { code: 'LEARN_COLUMN' })
})

function fill(_: number, out: Float32Array, offset: number): void {
  out.fill(5, offset, offset + 6)
}

test('an output that another layer takes with its softmax is refused, since the loss takes the values before it', async (t) => {
  const model = (tf: TensorFlow) => {
    const input = tf.input({ shape: [3] })
    const ward = outputs.ward(tf, input)
    return tf.model({ inputs: input, outputs: [ward, outputs.scores(tf, ward)] })
  }
  const loss = { losses: { ward: 'softmaxCrossEntropy', scores: 'mse' } } as const
  await t.throwsAsync(layersLearner({ model, loss, learningRate: 0.1, epochs: 1, batch: 4 }), {
    ...{
      code: 'LEARN_LAST_ACTIVATION',
      message: /softmax of layer ward, .*: other layers, or another output, take it/,
    },
  })
})
