import test from 'ava'
import { messages } from '../examples/text/messages.ts'
import text from '../examples/text/workload.ts'
import {
  type LayersLearnerSettings,
  layersLearner,
  type ModelFunction,
  multiHeadAttention,
  randomStream,
  resolveSettings,
  type SymbolicTensor,
} from '../sdk/index.ts'
import { publishedWeights } from '../sdk/learn/adapters.ts'
import { savedModel } from '../sdk/node/index.ts'
import { tensorViews } from '../sdk/weights/layout.ts'
import { runJob } from '../simulations/index.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const module = new URL('../../examples/text/workload.ts', import.meta.url).href
const settings = { rounds: 2, clients: 4, messages: 24, lora: 2 }

test('a job of adapters sends adapters alone, and publishes whole models, in this thread and in others', async (t) => {
  const learner = await text.learner(resolveSettings(text.settings, { lora: '2' }))
  t.true(learner.layout.size < 1_500, String(learner.layout.size))
  for (const { name } of learner.layout.tensors) t.regex(name, /\/lora_[ab]\/kernel$/)
  const inline = await runJob(text, { settings })
  const { state, history, cause } = await inline.result
  t.is(state, 'completed', String(cause))
  const lengths = []
  for (const round of history) lengths.push((await round.weights()).length)
  t.deepEqual(lengths, [10_625, 10_625])
  const threads = await (await runJob(module, { settings, workers: 2 })).result
  t.deepEqual(
    threads.history.map(({ hash }) => hash),
    history.map(({ hash }) => hash),
  )
  t.not(history[0]?.hash, history[1]?.hash)
})

test('adapters begin with the model of a job before, and are merged into the kernels of that model', async (t) => {
  await using folder = await temporaryFolder()
  const before = await runJob(text, { settings: { ...settings, lora: 0 }, store: folder.path })
  await before.result
  const base = `${folder.path}/models/text/round-0002`
  const model = await savedModel(base)
  const steps = { loss: 'sigmoidCrossEntropy', learningRate: 0.01, epochs: 1, batch: 8 } as const
  const [whole, adapted] = [
    await layersLearner({ ...steps, model }),
    await layersLearner({ ...steps, model, lora: { rank: 2 } }),
  ]
  const examples = messages(40, randomStream(1))
  const weights = await adapted.initialWeights(randomStream(1))
  const start = await whole.initialWeights(randomStream(1))
  t.deepEqual(publishedWeights(adapted, weights).weights, start, 'before the first step, adapters change nothing')
  const { delta } = await adapted.train({ weights, examples, random: randomStream(2) })
  t.is(delta.length, adapted.layout.size)
  const published = publishedWeights(
    adapted,
    weights.map((value, index) => value + (delta[index] ?? 0)),
  )
  t.deepEqual(published.layout, whole.layout)
  const [merged, own] = [
    await whole.evaluate(published.weights, examples),
    await adapted.evaluate(
      weights.map((value, index) => value + (delta[index] ?? 0)),
      examples,
    ),
  ]
  t.true(Math.abs((merged.metrics.loss ?? 0) - (own.metrics.loss ?? 1)) < 1e-5)
  const [old, after] = [tensorViews(whole.layout, start), tensorViews(whole.layout, published.weights)]
  for (const [name, values] of after) {
    const adapts = /^dense_\d\/kernel$|\/(query|value)\/kernel$/.test(name)
    t.is(
      values.some((value, index) => value !== old.get(name)?.[index]),
      adapts,
      name,
    )
  }
})

/** Two layers with adapters, of a factor that isn't 1. */
const small: ModelFunction = (tf) => {
  const { layers } = tf
  const input = tf.input({ shape: [4, 3] })
  const attended = multiHeadAttention({ numHeads: 2, keyDim: 3 }).apply(input) as SymbolicTensor
  const flat = layers.flatten().apply(attended) as SymbolicTensor
  return tf.model({
    inputs: input,
    outputs: layers.dense({ units: 3, activation: 'tanh' }).apply(flat) as SymbolicTensor,
  })
}

const steps = { model: small, loss: 'softmaxCrossEntropy', learningRate: 1, epochs: 1, batch: 8 } as const
const examples = {
  count: 5,
  shape: [4, 3],
  read(index: number, out: Float32Array, offset: number) {
    for (let i = 0; i < 12; i++) out[offset + i] = ((index * 7 + i * 5) % 11) / 11 - 0.4
  },
  label: (index: number) => index % 3,
}

test('gradients of adapters are the measured slopes of the loss', async (t) => {
  const learner = await layersLearner({ ...steps, lora: { rank: 2, alpha: 3 } })
  const random = randomStream(4)
  const weights = Float32Array.from({ length: learner.layout.size }, () => random.uniform() - 0.5)
  const { delta } = await learner.train({ weights, examples, random: randomStream(2) })
  const length = Math.hypot(...delta)
  const lossAt = async (step: number) => {
    const moved = weights.map((value, index) => value - (step * (delta[index] ?? 0)) / length)
    return (await learner.evaluate(moved, examples)).metrics.loss ?? Number.NaN
  }
  const slope = ((await lossAt(0.01)) - (await lossAt(-0.01))) / 0.02
  t.true(Math.abs(slope - length) < 2e-3 + 0.02 * length, `the slope is ${slope}, but computed as ${length}`)
})

const refused: readonly [LayersLearnerSettings, object][] = [
  [
    { ...steps, lora: { rank: 0 } },
    { code: 'LEARN_SETTING', message: /lora.rank/ },
  ],
  [
    { ...steps, lora: { rank: 2, alpha: 0 } },
    { code: 'LEARN_SETTING', message: /lora.alpha/ },
  ],
  [{ ...steps, lora: { rank: 2 }, engine: 'tensorflow' }, { code: 'LEARN_ENGINE_MODEL' }],
  [
    {
      ...steps,
      lora: { rank: 2 },
      model: ({ layers, sequential }) =>
        sequential({
          layers: [layers.conv2d({ filters: 2, kernelSize: 2, inputShape: [2, 2, 3] }), layers.flatten()],
        }),
    },
    { code: 'LEARN_SETTING', message: /lora must be absent for a model without dense and attention layers/ },
  ],
]
for (const [given, expected] of refused) {
  test(`adapters are refused: ${JSON.stringify(expected)} ${JSON.stringify(given.lora)}`, async (t) => {
    await t.throwsAsync(layersLearner(given), expected)
  })
}

test('weights of another length than the adapters are refused with both lengths', async (t) => {
  const learner = await layersLearner({ ...steps, lora: { rank: 2 } })
  const weights = new Float32Array(3)
  const error = { code: 'LEARN_WEIGHTS', message: new RegExp(`${learner.layout.size}.*3`) }
  await t.throwsAsync(learner.train({ weights, examples, random: randomStream(1) }), error)
  await t.throwsAsync(learner.evaluate(weights, examples), error)
})
