import type { TestFn } from 'ava'
import fc from 'fast-check'
import type { Examples } from '../data/examples.ts'
import type { Learner, LocalTerms, TrainingRequest } from '../learn/learner.ts'
import type { Steps } from '../learn/steps.ts'
import { randomStream } from '../random/random-stream.ts'
import { type LayersLearnerSettings, layersLearner } from './layers-learner.ts'
import { classes, hidden, inputs, referenceDelta, referenceLosses } from './reference-training.contract.ts'

const size = (inputs + 1) * hidden + (hidden + 1) * classes
const defaults: Steps = { learningRate: 0.1, epochs: 2, batch: 4 }

/** Numbers from −1 to 1 that depend only on the name. */
const numbers = (name: string, length: number) => {
  const random = randomStream(1, name)
  return Float32Array.from({ length }, () => 2 * random.uniform() - 1)
}
const weights = numbers('weights', size)
const gradient = numbers('gradient', size).map((value) => value / 4)
const correction = numbers('correction', size).map((value) => value / 4)

function examplesOf(name: string, count = 14): Examples {
  const values = numbers(name, count * inputs)
  return {
    count,
    shape: [inputs],
    read: (index, out, offset) => out.set(values.subarray(index * inputs, (index + 1) * inputs), offset),
    label: (index) => (index * 7) % classes,
  }
}

/** Each optimizer and term alone, and in combinations where one could disturb another. */
const cases: Readonly<Record<string, { readonly steps?: Partial<Steps>; readonly terms?: LocalTerms }>> = {
  'plain SGD': {},
  momentum: { steps: { momentum: 0.9 } },
  "Nesterov's momentum": { steps: { momentum: 0.9, nesterov: true } },
  'weight decay, of biases too': { steps: { weightDecay: 0.3 } },
  'weight decay with momentum': { steps: { momentum: 0.9, weightDecay: 0.3 } },
  "weight decay with Nesterov's momentum": { steps: { momentum: 0.5, nesterov: true, weightDecay: 0.3 } },
  'clipping by the global norm': { steps: { clipNorm: 0.2 } },
  'clipping by value': { steps: { clipValue: 0.03 } },
  'clipping before weight decay and momentum': { steps: { clipNorm: 0.2, momentum: 0.9, weightDecay: 0.3 } },
  Adam: { steps: { optimizer: 'adam', learningRate: 0.02 } },
  'Adam with decays and an epsilon of its own': {
    steps: { optimizer: 'adam', learningRate: 0.02, beta1: 0.5, beta2: 0.8, epsilon: 0.05 },
  },
  'Adam with weight decay in the gradient': { steps: { optimizer: 'adam', learningRate: 0.02, weightDecay: 0.3 } },
  'Adam of a clipped gradient': { steps: { optimizer: 'adam', learningRate: 0.02, clipValue: 0.02, epsilon: 0.05 } },
  'AdamW, whose weights decay beside the gradient': {
    steps: { optimizer: 'adamw', learningRate: 0.02, weightDecay: 0.3 },
  },
  "FedProx's term": { terms: { proximal: 1 } },
  "FedProx's term with momentum": { steps: { momentum: 0.9 }, terms: { proximal: 1 } },
  "FedDyn's terms": { terms: { dynamic: { alpha: 0.5, gradient } } },
  "FedDyn's terms at first, without a gradient": { terms: { dynamic: { alpha: 0.5 } } },
  "SCAFFOLD's correction": { terms: { correction } },
  "SCAFFOLD's correction with Adam": { steps: { optimizer: 'adam', learningRate: 0.02 }, terms: { correction } },
  'terms clipped with the gradient': { steps: { clipNorm: 0.2 }, terms: { correction, proximal: 1 } },
  "all terms with Nesterov's momentum": {
    steps: { momentum: 0.5, nesterov: true, weightDecay: 0.1 },
    terms: { proximal: 0.5, dynamic: { alpha: 0.5, gradient }, correction },
  },
  "each example's gradient clipped": { terms: { exampleClip: 0.3 } },
  "each example's gradient clipped, with terms and momentum": {
    steps: { momentum: 0.9, weightDecay: 0.1 },
    terms: { exampleClip: 0.3, proximal: 1, correction },
  },
}

const anySteps = fc
  .record({
    optimizer: fc.constantFrom('sgd', 'adam', 'adamw'),
    learningRate: fc.constantFrom(0.003, 0.01),
    epochs: fc.integer({ min: 1, max: 2 }),
    batch: fc.integer({ min: 1, max: 15 }),
    momentum: fc.constantFrom(0, 0.5, 0.9),
    nesterov: fc.boolean(),
    weightDecay: fc.constantFrom(0, 0.1),
    clip: fc.constantFrom('clipNorm', 'clipValue', undefined),
  })
  .map(({ optimizer, momentum, nesterov, clip, ...steps }) => ({
    ...steps,
    optimizer,
    ...(optimizer === 'sgd' ? { momentum, nesterov: nesterov && momentum > 0 } : { epsilon: 0.05 }),
    ...(clip && { [clip]: 0.1 }),
  }))
const anyTerms = fc.record(
  {
    proximal: fc.constantFrom(0, 0.5),
    dynamic: fc.record(
      { alpha: fc.constantFrom(0, 0.5), gradient: fc.constant(gradient) },
      { requiredKeys: ['alpha'] },
    ),
    correction: fc.constant(correction),
    exampleClip: fc.constantFrom(0.2, 10),
  },
  { requiredKeys: [] },
)

const start = numbers('start', size)
const centre = numbers('centre', size)
const base = numbers('base', size)

/** Each choice of a request besides terms, alone and in combinations that could disturb it. */
const requests: Readonly<
  Record<string, { readonly steps?: Partial<Steps>; readonly request: Partial<TrainingRequest> }>
> = {
  'a learning rate of its own': { request: { work: { learningRate: 0.02 } } },
  'epochs of its own': { request: { work: { epochs: 3 } } },
  'steps that end within an epoch': { request: { work: { steps: 6 } } },
  'fewer steps than an epoch has, with momentum': { steps: { momentum: 0.9 }, request: { work: { steps: 3 } } },
  'another start': { request: { start } },
  'another start with momentum': { steps: { momentum: 0.9 }, request: { start } },
  'another base': { request: { base } },
  'a pull to another centre': { request: { centre, terms: { proximal: 1 } } },
  'another start, centre and base at once': {
    request: { start, centre, base, terms: { proximal: 0.5, dynamic: { alpha: 0.5, gradient }, correction } },
  },
  'a centre without a pull': { request: { centre } },
  'one tensor trained': { request: { trainable: [false, false, true, false] } },
  'the first layer frozen, with momentum and weight decay': {
    steps: { momentum: 0.9, weightDecay: 0.3 },
    request: { trainable: [false, false, true, true] },
  },
  "biases frozen, with Nesterov's momentum, weight decay and a start": {
    steps: { momentum: 0.5, nesterov: true, weightDecay: 0.3 },
    request: { trainable: [true, false, true, false], start },
  },
  'a frozen head with clipping by the norm of what is trained': {
    steps: { clipNorm: 0.2 },
    request: { trainable: [true, true, false, false], terms: { correction, proximal: 1 }, centre },
  },
  'a frozen layer with AdamW': {
    steps: { optimizer: 'adamw', learningRate: 0.02, weightDecay: 0.3 },
    request: { trainable: [false, true, true, true] },
  },
  "a frozen layer with each example's gradient clipped": {
    request: { trainable: [true, true, false, false], terms: { exampleClip: 0.1 } },
  },
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))).reduce((most, value) => Math.max(most, value), 0)

/** The contract of training, for either engine. */
export function learnerContract(test: TestFn, engine: 'engine' | 'tensorflow'): void {
  const make = (steps: Partial<Steps> = {}, settings: Partial<LayersLearnerSettings> = {}) =>
    layersLearner({
      engine,
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.dense({ units: hidden, activation: 'relu', inputShape: [inputs] }),
            layers.dense({ units: classes }),
          ],
        }),
      loss: 'softmaxCrossEntropy',
      ...defaults,
      ...steps,
      ...settings,
    })
  const requestOf = (client: string, terms: LocalTerms = {}) => ({
    weights,
    examples: examplesOf(client),
    random: randomStream(1, client),
    terms,
  })

  for (const [name, { steps = {}, terms = {} }] of Object.entries(cases)) {
    test(`${engine}: ${name}: a training agrees with one in float64`, async (t) => {
      const learner = await make(steps)
      const { delta } = await learner.train(requestOf('a', terms))
      const expected = referenceDelta({ ...defaults, ...steps }, requestOf('a', terms))
      t.true(distance(delta, expected) < 3e-6, String(distance(delta, expected)))
      const plain = referenceDelta(defaults, requestOf('a'))
      if (name !== 'plain SGD') t.true(distance(plain, expected) > 1e-2, String(distance(plain, expected)))
    })
  }

  for (const [name, { steps = {}, request }] of Object.entries(requests)) {
    test(`${engine}: ${name}: a training agrees with one in float64`, async (t) => {
      const learner = await make(steps)
      const { delta, steps: done } = await learner.train({ ...requestOf('a'), ...request })
      const expected = referenceDelta({ ...defaults, ...steps }, { ...requestOf('a'), ...request })
      t.true(distance(delta, expected) < 5e-6, String(distance(delta, expected)))
      t.is(done, request.work?.steps ?? 4 * (request.work?.epochs ?? 2))
      const plain = referenceDelta({ ...defaults, ...steps }, requestOf('a'))
      if (name !== 'a centre without a pull')
        t.true(distance(plain, expected) > 1e-2, String(distance(plain, expected)))
      // A request leaves nothing behind for the next.
      t.deepEqual(await learner.train(requestOf('a')), await (await make(steps)).train(requestOf('a')))
    })
  }

  test(`${engine}: a request that asks for nothing of its own gives the bits of a plain one`, async (t) => {
    const learner = await make({ momentum: 0.9 })
    const terms = { proximal: 1, correction }
    const plain = await learner.train(requestOf('a', terms))
    const own = [weights, weights.slice()].map((same) => ({ start: same, centre: same, base: same }))
    for (const [epochs, places] of own.entries()) {
      const request = { ...requestOf('a', terms), ...places, trainable: [true, true, true, true] }
      t.deepEqual(await learner.train({ ...request, work: epochs === 0 ? {} : { steps: 8 } }), plain)
    }
  })

  test(`${engine}: frozen tensors keep their bits`, async (t) => {
    const learner = await make({ optimizer: 'adam', weightDecay: 0.1 })
    const trainable = [false, true, false, true]
    const { delta } = await learner.train({ ...requestOf('a', { proximal: 1 }), trainable, start, centre, base: start })
    let from = 0
    for (const [index, { shape }] of learner.layout.tensors.entries()) {
      const values = delta.subarray(from, (from += shape.reduce((product, length) => product * length, 1)))
      t.is(
        values.every((value) => Object.is(value, 0)),
        trainable[index] === false,
      )
    }
  })

  test(`${engine}: the loss of each example agrees with float64, and their mean with the evaluation's`, async (t) => {
    const learner = await make()
    const examples = examplesOf('a', 230)
    const { losses, ...means } = await learner.evaluate(weights, examples, { perExample: true })
    t.deepEqual(await learner.evaluate(weights, examples), means)
    const expected = referenceLosses(weights, examples)
    t.true(distance(losses ?? [], expected) < 2e-6)
    t.is(losses?.length, 230)
    const mean = expected.reduce((sum, loss) => sum + loss, 0) / 230
    t.true(Math.abs((means.metrics.loss ?? Number.NaN) - mean) < 1e-6)
  })

  test(`${engine}: work, masks and weights that can't be used are refused by name`, async (t) => {
    const learner = await make()
    const refused = (request: Partial<TrainingRequest>) =>
      t.throwsAsync(learner.train({ ...requestOf('a'), ...request }))
    for (const work of [{ steps: 0 }, { steps: 2, epochs: 1 }, { epochs: 0.5 }, { learningRate: -1 }]) {
      t.like(await refused({ work }), { code: 'LEARN_SETTING' })
    }
    for (const trainable of [[], [true], [false, false, false, false], [true, true, true, true, true]]) {
      t.like(await refused({ trainable }), { code: 'LEARN_SETTING', values: { name: 'trainable' } })
    }
    const short = new Float32Array(size - 1)
    for (const request of [{ start: short }, { centre: short }, { base: short }]) {
      t.like(await refused(request), { code: 'LEARN_WEIGHTS' })
    }
  })

  test(`${engine}: any settings together agree with float64`, async (t) => {
    const learners = new Map<string, Promise<Learner>>()
    await fc.assert(
      fc.asyncProperty(anySteps, anyTerms, fc.constantFrom('a', 'b', 'c'), async (steps, terms, client) => {
        const key = JSON.stringify(steps)
        const learner = await (learners.get(key) ?? make(steps))
        learners.set(key, Promise.resolve(learner))
        const { delta } = await learner.train(requestOf(client, terms))
        const apart = distance(delta, referenceDelta(steps, requestOf(client, terms)))
        t.true(apart < 1e-5, String(apart))
      }),
      { numRuns: 60 },
    )
  })

  test(`${engine}: trainings have the same bits in any order and at the same time, after failed ones too`, async (t) => {
    const request = (client: string) => requestOf(client, client === 'a' ? { correction, proximal: 1 } : {})
    for (const steps of [{}, { momentum: 0.9 }, { momentum: 0.9, nesterov: true }, { optimizer: 'adam' as const }]) {
      const [first, second] = [await make(steps), await make(steps)]
      const [a, b] = [await first.train(request('a')), await first.train(request('b'))]
      await t.throwsAsync(second.train({ ...request('b'), weights: weights.map(() => Number.NaN) }))
      t.deepEqual(await Promise.all([second.train(request('b')), second.train(request('a'))]), [b, a])
      t.deepEqual(await first.train(request('a')), a)
    }
  })

  test(`${engine}: where the gradient is zero, no optimizer or term moves anything`, async (t) => {
    // Both classes are equally likely, and have the same number of examples.
    const model: LayersLearnerSettings['model'] = ({ layers, sequential }) =>
      sequential({ layers: [layers.dense({ units: 2, inputShape: [inputs] })] })
    const zeros: Examples = { count: 6, shape: [inputs], read: () => {}, label: (index) => index % 2 }
    const start = numbers('start', 2 * inputs + 2).fill(0, 2 * inputs)
    for (const steps of [{}, { momentum: 0.9 }, { optimizer: 'adam' as const }, { clipNorm: 1 }]) {
      for (const terms of [{}, { proximal: 0.7 }, { dynamic: { alpha: 0.3 } }, { exampleClip: 1 }]) {
        const learner = await make({ ...steps, batch: 6 }, { model })
        const { delta } = await learner.train({ weights: start, examples: zeros, random: randomStream(1), terms })
        t.true(
          delta.every((value) => value === 0),
          JSON.stringify({ steps, terms }),
        )
      }
    }
  })

  test(`${engine}: an abort stops within one batch, and the next training is not affected`, async (t) => {
    const learner = await make({ momentum: 0.9 })
    const reason = new Error('enough')
    for (const terms of [{}, { exampleClip: 0.3 }]) {
      const expected = await learner.train(requestOf('a', terms))
      const controller = new AbortController()
      const request = requestOf('a', terms)
      let reads = 0
      const examples: Examples = {
        ...request.examples,
        read(index, out, offset) {
          reads++
          if (reads === 6) setImmediate(() => controller.abort(reason))
          request.examples.read(index, out, offset)
        },
      }
      t.is(await t.throwsAsync(learner.train({ ...request, examples, signal: controller.signal })), reason)
      t.true(reads <= 12, String(reads))
      t.deepEqual(await learner.train(requestOf('a', terms)), expected)
    }
  })

  test(`${engine}: a loss that isn't finite is refused with its epoch and batch`, async (t) => {
    const learner = await make({ batch: 3 })
    const { examples, ...request } = requestOf('a')
    const poisoned: Examples = { ...examples, read: (_, out, offset) => out.fill(Number.NaN, offset, offset + inputs) }
    let reads = 0
    const later: Examples = {
      ...examples,
      read: (...place) => (reads++ < 14 + 6 ? examples : poisoned).read(...place),
    }
    await t.throwsAsync(learner.train({ ...request, examples: later }), {
      code: 'LEARN_DIVERGED',
      message: /batch 3 in epoch 2/,
    })
  })

  test(`${engine}: a last step beyond what weights can hold is refused, though no loss shows it`, async (t) => {
    const learner = await make({ learningRate: 10, batch: 7, epochs: 1 })
    const examples: Examples = { ...examplesOf('a'), count: 7 }
    const train = (value: number) =>
      learner.train({ ...requestOf('a', { correction: new Float32Array(size).fill(value) }), examples })
    await t.throwsAsync(train(1e38), { code: 'LEARN_OVERFLOW', message: /batch 1 in epoch 1/ })
    await t.notThrowsAsync(train(1e37))
  })

  test(`${engine}: terms that can't be used are refused by name`, async (t) => {
    const learner = await make()
    const refused = (terms: LocalTerms) => t.throwsAsync(learner.train(requestOf('a', terms)))
    const short = new Float32Array(size - 1)
    t.like(await refused({ correction: short }), { code: 'LEARN_WEIGHTS', values: { what: 'the correction' } })
    t.like(await refused({ dynamic: { alpha: 1, gradient: short } }), { code: 'LEARN_WEIGHTS' })
    for (const terms of [{ proximal: -1 }, { dynamic: { alpha: Number.NaN } }, { exampleClip: 0 }]) {
      t.like(await refused(terms), { code: 'LEARN_SETTING' })
    }
  })

  test(`${engine}: where a layer normalizes over a batch, each example's gradient can't be clipped`, async (t) => {
    const model: LayersLearnerSettings['model'] = ({ layers, sequential }) =>
      sequential({
        layers: [
          layers.dense({ units: hidden, inputShape: [inputs] }),
          layers.batchNormalization(),
          layers.dense({ units: classes }),
        ],
      })
    const learner = await make({}, { model })
    const { weights: _, ...request } = requestOf('a')
    const own = await learner.initialWeights(randomStream(1))
    t.like(await t.throwsAsync(learner.train({ ...request, weights: own, terms: { exampleClip: 1 } })), {
      code: 'LEARN_EXAMPLE_CLIP',
      values: { layer: 'batch_normalization_1' },
    })
    await t.notThrowsAsync(learner.train({ ...request, weights: own, terms: { proximal: 1 } }))
  })
}
