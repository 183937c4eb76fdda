import test, { type ExecutionContext } from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { type LayersLearnerSettings, layersLearner } from '../layers/layers-learner.ts'
import type { ModelPart, PartGradients, PartPass } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { through } from './agreement-properties.contract.ts'

const numbers = (name: string, length: number) => {
  const random = randomStream(3, name)
  return Float32Array.from({ length }, () => random.uniform() - 0.5)
}

/** Models, with the parts into which the tests cut them. */
const models: Readonly<
  Record<
    string,
    {
      readonly model: LayersLearnerSettings['model']
      readonly shape: readonly number[]
      readonly cuts: readonly string[]
    }
  >
> = {
  'dense layers': {
    shape: [5],
    cuts: ['first', 'second'],
    model: ({ layers, sequential }) =>
      sequential({
        layers: [
          layers.dense({ name: 'first', units: 7, activation: 'relu', inputShape: [5] }),
          layers.dense({ name: 'second', units: 6, activation: 'tanh' }),
          layers.dense({ name: 'third', units: 3, activation: 'softmax' }),
        ],
      }),
  },
  'convolutions and a residual block': {
    shape: [6, 6, 2],
    cuts: ['first', 'joined', 'pooled', 'flat'],
    model: ({ input, layers, model }) => {
      const image = input({ shape: [6, 6, 2] })
      const first = through(layers.conv2d({ name: 'first', filters: 3, kernelSize: 3, padding: 'same' }), image)
      const inner = through(layers.conv2d({ name: 'inner', filters: 3, kernelSize: 3, padding: 'same' }), first)
      const joined = through(layers.add({ name: 'joined' }), [first, inner])
      const flat = through(
        layers.flatten({ name: 'flat' }),
        through(layers.maxPooling2d({ name: 'pooled', poolSize: 2 }), joined),
      )
      return model({ inputs: image, outputs: through(layers.dense({ name: 'last', units: 3 }), flat) })
    },
  },
}

async function start(t: ExecutionContext, model: LayersLearnerSettings['model'], batch: number) {
  const settings = { model, loss: 'softmaxCrossEntropy', engine: 'engine', epochs: 1, batch, learningRate: 1 } as const
  const learner = await layersLearner(settings)
  t.true(learner.abilities?.includes('parts'))
  if (!learner.parts) throw new Error('the learner has no parts')
  return { learner, parts: learner.parts, weights: await learner.initialWeights(randomStream(1)) }
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (value, index) => Math.abs(value - (b[index] ?? Number.NaN))).reduce(
    (most, one) => Math.max(most, one),
    0,
  )
const sum = (gradients: readonly PartGradients[]) =>
  Array.from(gradients[0]?.gradient ?? [], (_, index) =>
    gradients.reduce((total, { gradient }) => total + (gradient[index] ?? Number.NaN), 0),
  )

for (const [name, { model, shape, cuts }] of Object.entries(models)) {
  for (const examples of [6, 230]) {
    test(`${name}: parts compose to the gradient of the whole model, for ${examples} examples`, async (t) => {
      const { learner, parts, weights } = await start(t, model, examples)
      const size = shape.reduce((product, length) => product * length, 1)
      const inputs = numbers('inputs', examples * size)
      const labels = Float32Array.from({ length: examples }, (_, index) => (index * 7) % 3)
      const pass = (part: ModelPart, given: Float32Array): PartPass => ({ part, weights, inputs: given, examples })

      const whole = await parts.loss(pass({}, inputs), labels)
      const data = inMemoryExamples({ features: inputs, labels, shape })
      const { delta, metrics } = await learner.train({ weights, examples: data, random: randomStream(2) })
      t.true(
        distance(
          whole.gradient,
          delta.map((value) => -value),
        ) < 1e-6,
      )
      t.true(Math.abs(whole.loss - (metrics.loss ?? Number.NaN)) < 1e-6)
      t.is(whole.inputs.length, 0)
      t.true(whole.gradient.some((value) => Math.abs(value) > 1e-3))

      for (const cut of cuts) {
        const there = await parts.forward(pass({ through: cut }, inputs))
        const last = await parts.loss(pass({ after: cut }, there), labels)
        t.is(last.inputs.length, there.length)
        const first = await parts.backward(pass({ through: cut }, inputs), last.inputs)
        t.true(distance(sum([first, last]), whole.gradient) < 1e-6, cut)
        t.true(Math.abs(last.loss - whole.loss) < 1e-6)
      }
      const [one = '', two = ''] = cuts
      const a = await parts.forward(pass({ through: one }, inputs))
      const b = await parts.forward(pass({ after: one, through: two }, a))
      const three = await parts.loss(pass({ after: two }, b), labels)
      const middle = await parts.backward(pass({ after: one, through: two }, a), three.inputs)
      const begin = await parts.backward(pass({ through: one }, inputs), middle.inputs)
      t.true(distance(sum([begin, middle, three]), whole.gradient) < 1e-6)
    })
  }
}

test('a training pass drops the same values on its way there and back, by its stream', async (t) => {
  const { parts, weights } = await start(
    t,
    ({ layers, sequential }) =>
      sequential({
        layers: [
          layers.dense({ name: 'first', units: 16, activation: 'tanh', inputShape: [4] }),
          layers.dropout({ name: 'dropped', rate: 0.5 }),
          layers.dense({ name: 'last', units: 3 }),
        ],
      }),
    8,
  )
  const inputs = numbers('inputs', 32)
  const labels = Float32Array.of(0, 1, 2, 0, 1, 2, 0, 1)
  const random = () => randomStream(4, 'pass')
  const pass = (given: Float32Array) => ({ part: { through: 'dropped' }, weights: given, inputs, examples: 8 })
  const lossAt = async (given: Float32Array) => {
    const values = await parts.forward({ ...pass(given), random: random() })
    return parts.loss(
      { part: { after: 'dropped' }, weights: given, inputs: values, examples: 8, random: random() },
      labels,
    )
  }
  const last = await lossAt(weights)
  const first = await parts.backward({ ...pass(weights), random: random() }, last.inputs)
  t.deepEqual(await parts.backward({ ...pass(weights), random: random() }, last.inputs), first)
  const way = numbers('way', weights.length)
  const moved = (by: number) => weights.map((value, index) => value + by * (way[index] ?? 0))
  const slope = ((await lossAt(moved(0.01))).loss - (await lossAt(moved(-0.01))).loss) / 0.02
  const expected = sum([first, last]).reduce((total, value, index) => total + value * (way[index] ?? 0), 0)
  t.true(Math.abs(slope - expected) < 1e-3, `${slope} ${expected}`)
  const untrained = await parts.backward(pass(weights), last.inputs)
  t.notDeepEqual(untrained, first)
  const slopeOf = async (by: number) => {
    const values = await parts.forward(pass(moved(by)))
    return values.reduce((total, value, index) => total + value * (last.inputs[index] ?? 0), 0)
  }
  const without = untrained.gradient.reduce((total, value, index) => total + value * (way[index] ?? 0), 0)
  t.true(Math.abs(((await slopeOf(0.01)) - (await slopeOf(-0.01))) / 0.02 - without) < 1e-3)
  const plain = await parts.forward(pass(weights))
  t.false(plain.includes(0))
  t.true((await parts.forward({ ...pass(weights), random: random() })).includes(0))
})

test('parts that are none, and values of another size, are refused', async (t) => {
  const { dense, residual } = { dense: models['dense layers'], residual: models['convolutions and a residual block'] }
  if (!dense || !residual) return t.fail('the models are there')
  const { parts, weights } = await start(t, dense.model, 4)
  const pass = { weights, inputs: new Float32Array(10), examples: 2 }
  const refused = async (part: ModelPart, code = 'LEARN_PART', change: Partial<PartPass> = {}) =>
    (await t.throwsAsync(parts.forward({ ...pass, ...change, part }), { code })).message
  t.regex(await refused({ after: 'none' }), /no layer none/)
  await refused({ after: 'second', through: 'first' })
  await refused({ after: 'first', through: 'first' })
  await refused({}, 'LEARN_WEIGHTS', { weights: new Float32Array(3) })
  await refused({}, 'LEARN_WEIGHTS', { examples: 3 })
  await refused({}, 'LEARN_EMPTY', { examples: 0, inputs: new Float32Array() })
  const there = { ...pass, part: { through: 'first' } }
  await t.throwsAsync(parts.backward(there, new Float32Array(3)), { code: 'LEARN_WEIGHTS' })
  await t.throwsAsync(parts.loss(there, Float32Array.of(0, 1)), { code: 'LEARN_PART' })
  await t.throwsAsync(parts.loss({ ...pass, part: {} }, Float32Array.of(0, 3)), { code: 'LEARN_LABEL' })
  await t.throwsAsync(parts.loss({ ...pass, part: {} }, Float32Array.of(0)), { code: 'LEARN_WEIGHTS' })

  const normalized = await start(
    t,
    ({ layers, sequential }) =>
      sequential({
        layers: [layers.dense({ units: 4, inputShape: [5] }), layers.batchNormalization(), layers.dense({ units: 3 })],
      }),
    4,
  )
  const whole = { ...pass, part: {}, weights: normalized.weights }
  const labels = Float32Array.of(0, 1)
  await t.throwsAsync(normalized.parts.loss(whole, labels), { code: 'LEARN_SETTING' })
  await t.notThrowsAsync(normalized.parts.loss({ ...whole, random: randomStream(1) }, labels))
  const many = { ...whole, inputs: new Float32Array(5 * 500), examples: 500, random: randomStream(1) }
  await t.throwsAsync(normalized.parts.loss(many, new Float32Array(500)), { code: 'LEARN_SETTING' })

  const other = await start(t, residual.model, 4)
  const cut = other.parts.forward({
    part: { after: 'inner' },
    weights: other.weights,
    inputs: new Float32Array(216),
    examples: 2,
  })
  t.regex(
    (await t.throwsAsync(cut, { code: 'LEARN_PART' })).message,
    /not all inputs of layer last pass through layer inner/,
  )
})
