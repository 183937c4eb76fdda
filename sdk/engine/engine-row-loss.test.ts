import test from 'ava'
import fc from 'fast-check'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import type { TensorFlow } from '../layers/tensorflow.ts'
import type { LossChoice } from '../learn/loss.ts'
import type { OwnLoss } from '../learn/own-loss.ts'
import { randomStream } from '../random/random-stream.ts'
import { type Comparison, usePlainTensorFlow } from './agreement.contract.ts'
import { agrees, slopesAgree } from './agreement-properties.contract.ts'

test.before(usePlainTensorFlow)

const vector =
  (units: number) =>
  ({ layers, sequential }: TensorFlow) =>
    sequential({
      layers: [layers.dense({ units: 6, activation: 'tanh', inputShape: [3] }), layers.dense({ units })],
    })

/** Outputs in rows: one for each of five steps. */
const steps =
  (units: number) =>
  ({ layers, sequential }: TensorFlow) =>
    sequential({
      layers: [
        layers.conv2d({ filters: 6, kernelSize: [3, 1], padding: 'same', activation: 'tanh', inputShape: [5, 1, 2] }),
        layers.conv2d({ filters: units, kernelSize: 1 }),
      ],
    })

const weighed = { exampleWeights: 'weight' }
const ofVector = { shape: [3], classes: 3 }
const ofSteps = { shape: [5, 1, 2], classes: 3, targets: { shape: [5], of: 'classes' } } as const
const values = (...shape: number[]) => ({ shape, of: 'values' }) as const

/** Losses with their models, in which TensorFlow.js has the same loss. */
const compared: Readonly<Record<string, Omit<Comparison, 'loss'> & { readonly loss: LossChoice }>> = {
  'softmax cross-entropy with smoothed labels': {
    ...ofVector,
    model: vector(3),
    loss: { name: 'softmaxCrossEntropy', labelSmoothing: 0.2 },
  },
  'softmax cross-entropy with weights of classes and examples': {
    ...ofVector,
    model: vector(3),
    loss: { name: 'softmaxCrossEntropy', classWeights: [1, 0.2, 3], ...weighed },
  },
  'softmax cross-entropy of steps': { ...ofSteps, model: steps(3), loss: 'softmaxCrossEntropy' },
  'smoothed softmax cross-entropy of steps, of which some are masked': {
    ...ofSteps,
    model: steps(3),
    loss: { name: 'softmaxCrossEntropy', labelSmoothing: 0.1, masked: 2, ...weighed },
  },
  'sigmoid cross-entropy of several labels': {
    shape: [3],
    classes: 2,
    targets: { shape: [4], of: 'classes' },
    model: vector(4),
    loss: 'sigmoidCrossEntropy',
  },
  'smoothed sigmoid cross-entropy with weights of 0 and 1': {
    shape: [3],
    classes: 2,
    model: vector(1),
    loss: { name: 'binaryCrossentropy', labelSmoothing: 0.3, classWeights: [0.5, 2] },
  },
  'squared error of vectors': { shape: [3], targets: values(4), model: vector(4), loss: 'mse' },
  'squared error of steps': {
    shape: [5, 1, 2],
    targets: values(5, 2),
    model: steps(2),
    loss: { name: 'mse', ...weighed },
  },
  'absolute error': { shape: [3], targets: values(4), model: vector(4), loss: 'mae' },
  'absolute error of one value': { shape: [3], classes: 2, model: vector(1), loss: 'meanAbsoluteError' },
  "Huber's loss": { shape: [3], targets: values(4), model: vector(4), loss: { name: 'huber', delta: 0.4 } },
}

const cases = fc.record({
  examples: fc.integer({ min: 1, max: 12 }),
  batch: fc.integer({ min: 3, max: 8 }),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  momentum: fc.constantFrom<number[]>(0, 0.5),
})

for (const [name, comparison] of Object.entries(compared))
  test(`${name} is that of TensorFlow.js, over batches and what is left of them`, async (t) => {
    const property = fc.asyncProperty(cases, (given) => agrees({ ...comparison, ...given, epochs: 2 }))
    await t.notThrowsAsync(fc.assert(property, { numRuns: 6, includeErrorInReport: true }))
  })

/** The softmax cross-entropy as a composition, with a pull of the representation to 0. */
const composed: OwnLoss = {
  name: 'composed',
  classes: 3,
  columns: ['weight'],
  representation: 'dense_1',
  of: ({ outputs, targets, representations, column }) =>
    outputs
      .logSumExp()
      .minus(outputs.at(targets))
      .plus(representations.square().mean().times(column('weight')).times(0.3)),
}

const sloped: Readonly<Record<string, Comparison>> = {
  'the supervised contrastive loss': {
    ...ofVector,
    examples: 8,
    model: vector(4),
    loss: { name: 'supervisedContrastive', temperature: 0.5 },
  },
  'a loss of outputs, representations and a column': { ...ofVector, examples: 7, model: vector(3), loss: composed },
  ...Object.fromEntries(Object.entries(compared).filter(([name]) => /steps|several|Huber/.test(name))),
}
for (const [name, comparison] of Object.entries(sloped))
  test(`the gradient of ${name} is the measured slope`, async (t) => {
    for (const seed of [1, 2]) await t.notThrowsAsync(slopesAgree({ ...comparison, seed }))
  })

test('the supervised contrastive loss is the same on TensorFlow.js, batch by batch', async (t) => {
  const comparison = { ...ofVector, model: vector(4), loss: 'supervisedContrastive' } as const
  await t.notThrowsAsync(agrees({ ...comparison, examples: 11, batch: 4, epochs: 2 }))
})

const random = randomStream(1, 'vectors')
const examples = inMemoryExamples({
  features: Float32Array.from({ length: 30 }, () => random.uniform() - 0.5),
  labels: Array.from({ length: 10 }, (_, index) => index % 3),
  shape: [3],
  columns: { weight: Array.from({ length: 10 }, () => 1) },
})
const make = (loss: LossChoice, units = 3, batch = 4) =>
  layersLearner({ model: vector(units), loss, learningRate: 0.1, epochs: 2, batch, engine: 'engine' })
const trained = async (loss: LossChoice, given = examples) => {
  const learner = await make(loss)
  const weights = await learner.initialWeights(randomStream(1))
  const { delta } = await learner.train({ weights, examples: given, random: randomStream(2) })
  return { delta, evaluation: await learner.evaluate(weights, given, { perExample: true }) }
}

test('settings with the values of their absence change no bit but those of other kernels', async (t) => {
  const plain = await trained('softmaxCrossEntropy')
  t.deepEqual(await trained({ name: 'softmaxCrossEntropy', labelSmoothing: 0 }), plain)
  const weighed = await trained({ name: 'softmaxCrossEntropy', exampleWeights: 'weight' })
  t.deepEqual(weighed.delta, plain.delta)
  t.deepEqual(weighed.evaluation.losses, plain.evaluation.losses)
})

test('a masked class counts neither in the loss nor in the accuracy, and moves nothing', async (t) => {
  const masked = { name: 'softmaxCrossEntropy', masked: 2 } as const
  const all = await trained(masked, { ...examples, label: () => 2 })
  t.true(all.delta.every((value) => value === 0))
  t.deepEqual(all.evaluation.metrics, { loss: 0 })
  const others = Uint32Array.from({ length: 10 }, (_, index) => index).filter((index) => index % 3 !== 2)
  const { losses = [] } = (await trained('softmaxCrossEntropy')).evaluation
  const found = await trained(masked)
  t.deepEqual(
    [...(found.evaluation.losses ?? [])],
    Array.from(losses, (loss, index) => (others.includes(index) ? loss : 0)),
  )
})

test('a loss that does not fit its model, its settings or its targets is refused', async (t) => {
  const setting = async (loss: LossChoice, message: RegExp, units = 3) =>
    t.throwsAsync(make(loss, units), { code: 'LEARN_SETTING', message })
  await setting(JSON.parse('null'), /loss must be one of softmaxCrossEntropy, .*, but is null/)
  await setting({ name: 'huber', delta: 0 }, /loss\.delta must be a finite number above 0/)
  await setting(
    { name: 'mse', delta: 1 },
    /loss\.delta must be absent: meanSquaredError has the settings exampleWeights/,
  )
  await setting({ name: 'softmaxCrossEntropy', labelSmoothing: 1 }, /loss\.labelSmoothing must be a number from 0/)
  await setting({ name: 'softmaxCrossEntropy', classWeights: [1, 2] }, /loss\.classWeights must be 3 numbers/)
  await setting({ name: 'sigmoidCrossEntropy', classWeights: [1, 2] }, /absent, since there are several labels/, 2)
  await setting({ ...composed, representation: 'none' }, /the layer of the representation must be/)

  const fit = async (loss: LossChoice, change: object, code: string, units = 3) => {
    const learner = await make(loss, units)
    t.throws(() => learner.check?.({ ...examples, ...change }, 'train'), { code })
    const weights = await learner.initialWeights(randomStream(1))
    const request = { weights, examples: { ...examples, ...change }, random: randomStream(2) }
    await t.throwsAsync(learner.train(request), { code })
    await t.throwsAsync(learner.evaluate(weights, request.examples), { code })
  }
  const targets = {
    shape: [2],
    read: (_: number, out: Float32Array, offset: number) => void out.fill(0.5, offset, offset + 2),
  }
  await fit('mse', {}, 'LEARN_OUTPUTS')
  await fit('mse', { targets }, 'LEARN_OUTPUTS')
  await fit('softmaxCrossEntropy', { targets }, 'LEARN_OUTPUTS')
  await fit('sigmoidCrossEntropy', { targets }, 'LEARN_LABEL', 2)
  await fit({ name: 'mse', exampleWeights: 'trust' }, {}, 'LEARN_COLUMN', 1)
  await fit({ name: 'softmaxCrossEntropy', masked: 5 }, { label: () => 4 }, 'LEARN_LABEL')
  const below = { columns: { weight: () => -1 } }
  const learner = await make({ name: 'softmaxCrossEntropy', exampleWeights: 'weight' })
  const weights = await learner.initialWeights(randomStream(1))
  const request = { weights, examples: { ...examples, ...below }, random: randomStream(2) }
  await t.throwsAsync(learner.train(request), { code: 'LEARN_EXAMPLE' })
  const wide: OwnLoss = { name: 'wide', of: ({ outputs }) => outputs }
  await t.throwsAsync(trained(wide), { code: 'LEARN_OWN_LOSS', message: /gives 4 × 3 values for 4 examples/ })
  await t.throwsAsync(trained({ ...composed, columns: [] }), { code: 'LEARN_OWN_LOSS', message: /a column weight/ })
})
