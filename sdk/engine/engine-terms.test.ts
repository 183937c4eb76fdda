import test from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import type { TensorFlow } from '../layers/tensorflow.ts'
import type { ContrastiveTerm, LocalTerms } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'

const [inputs, hidden, count] = [4, 5, 7]
const numbers = (name: string, length: number) => {
  const random = randomStream(1, name)
  return Float32Array.from({ length }, () => 2 * random.uniform() - 1)
}
const features = numbers('features', count * inputs)
const groups = [0, 1, 1, 0, 0, 1, 0]
const examples = inMemoryExamples({
  features,
  labels: [0, 1, 1, 0, 1, 0, 1],
  shape: [inputs],
  columns: { group: groups },
})

const sizeOf = (outputs: number) => (inputs + 1) * hidden + (hidden + 1) * outputs
/** Two layers. A pass of the engine takes all examples. */
const model =
  (outputs: number) =>
  ({ layers, sequential }: TensorFlow) =>
    sequential({
      layers: [
        layers.dense({ units: hidden, activation: 'tanh', inputShape: [inputs], name: 'representation' }),
        layers.dense({ units: outputs, name: 'out' }),
      ],
    })

type Backend = 'engine' | 'tensorflow'

const learnerOf = (engine: Backend, outputs: 1 | 2, settings: { readonly batch?: number } = {}) =>
  layersLearner({
    engine,
    model: model(outputs),
    loss: outputs === 1 ? 'sigmoidCrossEntropy' : 'softmaxCrossEntropy',
    learningRate: 1,
    epochs: 1,
    batch: count,
    ...settings,
  })

/** The representation and the logits of an example, in float64. */
function forward(w: ArrayLike<number>, index: number, outputs: number) {
  const at = (i: number) => w[i] ?? 0
  const z = Array.from({ length: hidden }, (_, j) => {
    let sum = at(inputs * hidden + j)
    for (let i = 0; i < inputs; i++) sum += (features[index * inputs + i] ?? 0) * at(i * hidden + j)
    return Math.tanh(sum)
  })
  const from = (inputs + 1) * hidden
  const logits = Array.from({ length: outputs }, (_, o) =>
    z.reduce((sum, value, j) => sum + value * at(from + j * outputs + o), at(from + hidden * outputs + o)),
  )
  return { z, logits }
}

/** The gradient of a mean over the examples by central differences. */
function differences(weights: Float32Array, term: (w: Float64Array, index: number) => number): number[] {
  const step = 1e-5
  const mean = (w: Float64Array) =>
    Array.from({ length: count }, (_, index) => term(w, index)).reduce((a, b) => a + b) / count
  return Array.from(weights, (_, i) => {
    const [up, down] = [Float64Array.from(weights), Float64Array.from(weights)]
    up[i] = (up[i] ?? 0) + step
    down[i] = (down[i] ?? 0) - step
    return (mean(up) - mean(down)) / (2 * step)
  })
}

/** The gradient that terms add to a step of size 1: the difference from a step without them. */
async function added(engine: Backend, outputs: 1 | 2, weights: Float32Array, terms: LocalTerms): Promise<number[]> {
  const learner = await learnerOf(engine, outputs)
  const train = (given: LocalTerms) =>
    learner.train({ weights, examples, random: randomStream(1, 'order'), terms: given, work: { steps: 1 } })
  const [plain, termed] = [await train({}), await train(terms)]
  return Array.from(plain.delta, (value, i) => value - (termed.delta[i] ?? 0))
}

const far = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN))))

const cosine = (a: readonly number[], b: readonly number[]) => {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

for (const engine of ['engine', 'tensorflow'] as const) {
  test(`${engine}: the contrastive term has the gradient of finite differences`, async (t) => {
    const [weights, previous] = [numbers('weights', sizeOf(2)), numbers('previous', sizeOf(2))]
    const centre = numbers('centre', sizeOf(2))
    const term = { weight: 2, temperature: 0.5, previous } satisfies ContrastiveTerm
    const expected = differences(weights, (w, index) => {
      const { z } = forward(w, index, 2)
      const near = cosine(z, forward(centre, index, 2).z) / term.temperature
      const away = cosine(z, forward(previous, index, 2).z) / term.temperature
      return -term.weight * Math.log(Math.exp(near) / (Math.exp(near) + Math.exp(away)))
    })
    const learner = await learnerOf(engine, 2)
    const train = (terms: LocalTerms) =>
      learner.train({ weights, centre, examples, random: randomStream(1), terms, work: { steps: 1 } })
    for (const layer of [undefined, 'representation']) {
      const [plain, termed] = [await train({}), await train({ contrastive: { ...term, ...(layer && { layer }) } })]
      const found = Array.from(plain.delta, (value, i) => value - (termed.delta[i] ?? 0))
      t.true(far(found, expected) < 2e-6, String(far(found, expected)))
      t.true(Math.max(...expected.map(Math.abs)) > 0.05)
    }
  })

  test(`${engine}: a contrastive term whose previous weights are the centre changes no bit, and is log 2`, async (t) => {
    const learner = await learnerOf(engine, 2)
    const weights = numbers('weights', sizeOf(2))
    const train = (terms: LocalTerms) => learner.train({ weights, examples, random: randomStream(1), terms })
    const contrastive = { weight: 5, temperature: 0.5, previous: weights }
    const [plain, termed] = [await train({}), await train({ contrastive })]
    t.deepEqual(termed.delta, plain.delta)
    t.true(Math.abs((termed.metrics.contrastive ?? 0) - Math.log(2)) < 1e-6)
  })

  test(`${engine}: a contrastive term on no layer with a gradient, or of other sizes, is refused`, async (t) => {
    const learner = await learnerOf(engine, 2)
    const weights = numbers('weights', sizeOf(2))
    const term = { weight: 1, temperature: 1, previous: weights }
    const refused = (contrastive: ContrastiveTerm) =>
      t.throwsAsync(learner.train({ weights, examples, random: randomStream(1), terms: { contrastive } }))
    t.like(await refused({ ...term, layer: 'nowhere' }), { code: 'LEARN_SETTING' })
    t.like(await refused({ ...term, temperature: 0 }), { code: 'LEARN_SETTING' })
    t.like(await refused({ ...term, previous: new Float32Array(2) }), { code: 'LEARN_WEIGHTS' })
  })

  for (const outputs of [1, 2] as const) {
    test(`${engine}: the term over groups has the gradient of finite differences, with ${outputs} outputs`, async (t) => {
      const weights = numbers('weights', sizeOf(outputs))
      const factors = [
        [0.5, -2],
        [1.5, 3],
      ] as const
      const expected = differences(weights, (w, index) => {
        const { logits } = forward(w, index, outputs)
        const logit = outputs === 2 ? (logits[1] ?? 0) - (logits[0] ?? 0) : (logits[0] ?? 0)
        return (factors[groups[index] === 0 ? 0 : 1][examples.label(index) === 0 ? 0 : 1] ?? 0) / (1 + Math.exp(-logit))
      })
      const found = await added(engine, outputs, weights, { groups: { column: 'group', factors } })
      t.true(far(found, expected) < 2e-6, String(far(found, expected)))
      t.true(Math.max(...expected.map(Math.abs)) > 0.05)
    })
  }

  test(`${engine}: the terms agree where a batch takes several passes, and with other optimizers and frozen tensors`, async (t) => {
    const weights = numbers('weights', sizeOf(2))
    const terms: LocalTerms = {
      contrastive: { weight: 1, temperature: 0.5, previous: numbers('previous', sizeOf(2)) },
      groups: {
        column: 'group',
        factors: [
          [1, 2],
          [-1, 1],
        ],
      },
    }
    const learner = await learnerOf(engine, 2)
    const train = (more: LocalTerms) =>
      learner.train({ weights, examples, random: randomStream(1), terms: { ...terms, ...more }, work: { steps: 1 } })
    // A clip that no gradient reaches lets the engine pass one example at a time.
    const [whole, single] = [await train({}), await train({ exampleClip: 1e6 })]
    t.true(far([...whole.delta], [...single.delta]) < 1e-6)
    const frozen = await learner.train({
      weights,
      examples,
      random: randomStream(1),
      terms,
      trainable: [true, false, true, false],
      work: { steps: 1 },
    })
    const first = inputs * hidden
    t.true(far([...frozen.delta.subarray(0, first)], [...whole.delta.subarray(0, first)]) < 1e-6)
    t.deepEqual(
      [...frozen.delta.subarray(first, first + hidden)],
      Array.from({ length: hidden }, () => 0),
    )
  })

  test(`${engine}: a term over groups needs the column, and a model of two classes`, async (t) => {
    const learner = await learnerOf(engine, 2)
    const weights = numbers('weights', sizeOf(2))
    const factors = [
      [1, 1],
      [1, 1],
    ] as const
    const train = (column: string) =>
      learner.train({ weights, examples, random: randomStream(1), terms: { groups: { column, factors } } })
    await t.throwsAsync(train('tribe'), { code: 'LEARN_COLUMN' })
    const three = await layersLearner({
      engine,
      model: model(3),
      loss: 'softmaxCrossEntropy',
      learningRate: 1,
      epochs: 1,
      batch: 2,
    })
    await t.throwsAsync(
      three.train({
        weights: numbers('weights', sizeOf(3)),
        examples,
        random: randomStream(1),
        terms: { groups: { column: 'group', factors } },
      }),
      { code: 'LEARN_SETTING' },
    )
  })
}
