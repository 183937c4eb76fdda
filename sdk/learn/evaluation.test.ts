import test from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import { fedAvg } from '../strategy/algorithms/server/index.ts'
import { twoTier } from '../tag/topologies.ts'
import { inlinePool } from '../training/inline-pool.ts'
import { workload } from '../workload/workload.ts'
import { chunkCount, chunkOf } from './evaluation.ts'
import type { Evaluation } from './learner.ts'
import { mergeEvaluations } from './merged-evaluation.ts'

const part = (samples: number, metrics: Evaluation['metrics']): Evaluation => ({ samples, metrics })

test('means are weighted by examples, of each metric over the parts that have it', (t) => {
  const { samples, metrics } = mergeEvaluations([part(1000, { mae: 2 }), part(500, { mae: 5, norm: 3 }), part(1, {})])
  t.is(samples, 1501)
  t.deepEqual(metrics, { mae: 3, norm: 3 })
})

test('a metric that is not finite in one part is not finite in the whole, with what is known of it', (t) => {
  const whole = mergeEvaluations([
    part(2, { loss: 1, mae: 1 }),
    { ...part(2, { loss: Number.NaN, mae: 3 }), whyNotFinite: 'example 3 is NaN' },
  ])
  t.deepEqual(whole, { samples: 4, metrics: { mae: 2, loss: Number.NaN }, whyNotFinite: 'example 3 is NaN' })
})

const sizes = { rounds: 1, clients: 1 }
const values = (count: number, bad?: number) =>
  inMemoryExamples({
    features: Float32Array.from({ length: count }, (_, index) => (index === bad ? Number.NaN : index)),
    labels: Array.from({ length: count }, () => 0),
    shape: [1],
  })

/** A pool whose learner evaluates by `evaluate`, on `count` test examples, where example `bad` is NaN. */
function poolOf(evaluate: (of: number) => unknown, { count = 2500, bad }: { count?: number; bad?: number } = {}) {
  const learner = {
    layout: { tensors: [{ name: 'w', shape: [1] }], size: 1 },
    initialWeights: async () => new Float32Array(1),
    train: async () => ({ delta: new Float32Array(1), samples: 1, metrics: {} }),
    evaluate: async (_weights: Float32Array, { count: of }: { readonly count: number }) => Object(evaluate(of)),
  }
  return inlinePool(
    workload({
      name: 'custom',
      settings: sizes,
      learner: () => learner,
      data: () => ({ clients: 1, client: () => values(3), test: values(count, bad) }),
      topology: twoTier,
      strategy: () => fedAvg(),
    }),
    sizes,
    1,
  )
}

test('a metric of a custom learner is combined over all chunks of the test set', async (t) => {
  const pool = await poolOf((of) => ({ samples: of, metrics: { mae: of, rare: of < 1000 ? 7 : undefined } }))
  const { samples, metrics } = await pool.evaluate(new Float32Array(1))
  t.is(samples, 2500)
  t.deepEqual(metrics, { mae: (2 * 1000 * 1000 + 500 * 500) / 2500, rare: 7 })
})

test('of a metric that is not finite, the first test example at fault is named', async (t) => {
  const evaluate = (of: number) => ({ samples: of, metrics: { loss: of < 1000 ? Number.NaN : 1 } })
  const { metrics, whyNotFinite } = await (await poolOf(evaluate, { bad: 2100 })).evaluate(new Float32Array(1))
  t.deepEqual(metrics, { loss: Number.NaN })
  t.regex(whyNotFinite ?? '', /^test example 2100 has NaN at index 0 of its features/)
  const { whyNotFinite: other } = await (await poolOf(evaluate)).evaluate(new Float32Array(1))
  t.regex(other ?? '', /learning rate/)
})

test('of a metric that is not finite while the loss is, the way it is computed is to be looked at', async (t) => {
  const pool = await poolOf((of) => ({ samples: of, metrics: { loss: 0.3, mae: Number.NaN } }))
  const { whyNotFinite } = await pool.evaluate(new Float32Array(1))
  t.is(whyNotFinite, 'the test examples and the loss are finite; check how the learner computes this metric')
})

test('an evaluation that is none is refused with what is wrong about it', async (t) => {
  const weights = new Float32Array(1)
  for (const [evaluation, code] of [
    [{ samples: 3, metrics: { mae: '0.5' } }, 'LEARN_METRIC'],
    [{ samples: 3, metrics: { mae: null } }, 'LEARN_METRIC'],
    [{ metrics: { mae: 1 } }, 'LEARN_EVALUATION'],
    [{ samples: 0.5, metrics: { mae: 1 } }, 'LEARN_EVALUATION'],
  ] as const)
    await t.throwsAsync((await poolOf(() => evaluation)).evaluate(weights), { code })
  t.deepEqual((await (await poolOf((of) => ({ samples: of }))).evaluate(weights)).metrics, {})
})

test('chunks hold all examples, each once', (t) => {
  const examples = values(2500)
  const out = new Float32Array(1)
  const seen = Array.from({ length: chunkCount(2500) }, (_, chunk) => chunkOf(examples, chunk)).flatMap((chunk) =>
    Array.from({ length: chunk.count }, (_, index) => {
      chunk.read(index, out, 0)
      return out[0]
    }),
  )
  t.deepEqual(seen, [...Array(2500).keys()])
})

test('training that diverges on an example which is not finite names the example', async (t) => {
  const settings = { ...sizes, clients: 2 }
  const bad = workload({
    name: 'bad',
    settings,
    learner: () =>
      layersLearner({
        model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units: 2, inputShape: [1] })] }),
        loss: 'softmaxCrossEntropy',
        learningRate: 0.1,
        epochs: 1,
        batch: 2,
      }),
    data: () => ({ clients: 2, client: (index) => values(8, index === 1 ? 5 : undefined), test: values(8) }),
    topology: twoTier,
    strategy: () => fedAvg(),
  })
  const pool = await inlinePool(bad, settings, 1)
  const train = (client: number, weights: Float32Array) =>
    pool.train({ client, end: `trainer-${client}`, round: 1, weights, terms: {} })
  const weights = await pool.initialWeights()
  await t.notThrowsAsync(train(0, weights))
  await t.throwsAsync(train(1, weights), { code: 'LEARN_EXAMPLE', message: /^client 1: example 5 has NaN at index 0/ })
  const diverged = await t.throwsAsync(train(0, weights.fill(Number.NaN)), { code: 'LEARN_DIVERGED' })
  t.regex(String(Object(diverged).hint), /^use a smaller learningRate than 0\.1,/)
})

test('an example that does not fit is named with its client, or with its place among all test examples', async (t) => {
  const settings = { ...sizes, clients: 3 }
  const labelled = (count: number, wrong?: number) => ({
    ...values(count),
    label: (index: number) => (index === wrong ? 2 : index % 2),
  })
  const poolWith = (client: number | undefined, test: number | undefined, engine: 'engine' | 'tensorflow') =>
    inlinePool(
      workload({
        name: 'labels',
        settings,
        learner: () =>
          layersLearner({
            model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units: 2, inputShape: [1] })] }),
            loss: 'softmaxCrossEntropy',
            learningRate: 1e-9,
            epochs: 1,
            batch: 8,
            engine,
          }),
        data: () => ({
          clients: 3,
          client: (index) => labelled(20, index === client ? 13 : undefined),
          test: labelled(2_200, test),
        }),
        topology: twoTier,
        strategy: () => fedAvg(),
      }),
      settings,
      1,
    )
  for (const engine of ['engine', 'tensorflow'] as const) {
    const pool = await poolWith(1, 2_100, engine)
    const weights = await pool.initialWeights()
    const train = (client: number) => pool.train({ client, end: 'trainer-0', round: 1, weights, terms: {} })
    await t.notThrowsAsync(train(0))
    const message = /^client 1: example 13 has label 2, but the model has 2 outputs/
    await t.throwsAsync(train(1), { code: 'LEARN_LABEL', message })
    const place = /^the test set: example 2100 has label 2/
    await t.throwsAsync(pool.evaluate(weights), { code: 'LEARN_LABEL', message: place })
  }
})
