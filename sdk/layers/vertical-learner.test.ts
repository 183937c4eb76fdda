import test from 'ava'
import fc from 'fast-check'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { partAfterParties, partOfParty } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { tensorViews } from '../weights/layout.ts'
import type { ModelFunction } from './layers-learner.ts'
import { type VerticalLearnerSettings, verticalLearner } from './vertical-learner.ts'

const dense =
  (units: number, inputs: number, activation: 'tanh' | 'linear' = 'tanh'): ModelFunction =>
  ({ layers, sequential }) =>
    sequential({ layers: [layers.dense({ units, activation, inputShape: [inputs] })] })

const steps = { learningRate: 0.2, epochs: 2, batch: 3, loss: 'softmaxCrossEntropy' } as const
const two = { ...steps, parties: [dense(2, 3), dense(1, 2)], top: dense(2, 3, 'linear') }

/** tanh(x·K + b) of each party, side by side, then a dense layer and the softmax: the loss of one example in float64. */
function lossOf(weights: Float32Array, row: readonly number[], label: number, widths: readonly (readonly number[])[]) {
  const learner = verticalLearner({
    ...steps,
    parties: widths.map(([i = 0, o = 0]) => dense(o, i)),
    top: dense(
      2,
      widths.reduce((sum, [, o = 0]) => sum + o, 0),
      'linear',
    ),
  })
  const views = tensorViews(learner.layout, weights)
  const layer = (name: string, x: readonly number[]) => {
    const [kernel, bias] = ['kernel', 'bias'].map(
      (part) =>
        views.get(`${name}/dense_Dense1/${part}`) ??
        views.get([...views.keys()].find((key) => key.startsWith(name) && key.endsWith(part)) ?? '') ??
        new Float32Array(),
    )
    const units = bias?.length ?? 0
    return Array.from({ length: units }, (_, unit) =>
      x.reduce((sum, value, i) => sum + value * (kernel?.[i * units + unit] ?? 0), bias?.[unit] ?? 0),
    )
  }
  let column = 0
  const joined = widths.flatMap(([inputs = 0], party) => {
    const own = row.slice(column, column + inputs)
    column += inputs
    return layer(`party-${party}/`, own).map(Math.tanh)
  })
  const logits = layer('top/', joined)
  const most = Math.max(...logits)
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) + most - (logits[label] ?? 0)
}

test('the gradient of any cut of the columns is that of the joint model, by differences of an own computation', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.nat(1000),
      async (widths, seed) => {
        const values = widths.reduce((sum, [, outputs]) => sum + outputs, 0)
        const inputs = widths.reduce((sum, [own]) => sum + own, 0)
        const learner = verticalLearner({
          ...steps,
          epochs: 1,
          batch: 1,
          learningRate: 1,
          parties: widths.map(([i, o]) => dense(o, i)),
          top: dense(2, values, 'linear'),
        })
        const random = randomStream(seed)
        const row = Array.from({ length: inputs }, () => random.uniform() - 0.5)
        const weights = Float32Array.from({ length: learner.layout.size }, () => random.uniform() - 0.5)
        const examples = inMemoryExamples({ features: Float32Array.from(row), labels: [1], shape: [inputs] })
        const { delta, metrics } = await learner.train({ weights, examples, random: randomStream(1) })
        t.true(Math.abs((metrics.loss ?? 0) - lossOf(weights, [...Float32Array.from(row)], 1, widths)) < 1e-5)
        for (let i = 0; i < weights.length; i += 3) {
          const moved = (by: number) =>
            lossOf(weights.with(i, (weights[i] ?? 0) + by), [...Float32Array.from(row)], 1, widths)
          const slope = (moved(2 ** -8) - moved(-(2 ** -8))) / 2 ** -7
          t.true(Math.abs(slope + (delta[i] ?? 0)) < 1e-3, `${i}: ${slope} ${delta[i]}`)
        }
      },
    ),
    { numRuns: 20 },
  )
})

test('sections are the parties’ ranges of the layout, the first with the top model', async (t) => {
  const { layout, sections = [] } = verticalLearner(two)
  t.deepEqual(
    sections.flatMap(({ layout: { tensors } }) => tensors),
    layout.tensors,
  )
  t.deepEqual(
    sections.map(({ outputs }) => outputs),
    [2, 1],
  )
  t.deepEqual(
    sections.map(({ layout: { size } }) => size),
    [3 * 2 + 2 + 3 * 2 + 2, 2 + 1],
  )
  t.true(sections[0]?.layout.tensors.at(-1)?.name.startsWith('top/'))
  t.is(sections[0]?.modelTopology, undefined)
  t.truthy(sections[1]?.modelTopology)
})

test('a label holder without features has no part of its own', async (t) => {
  const learner = verticalLearner({ ...steps, parties: [undefined, dense(2, 2)], top: dense(2, 2, 'linear') })
  const weights = await learner.initialWeights(randomStream(1))
  const pass = { part: partOfParty(0), weights, inputs: new Float32Array(), examples: 4 }
  t.is((await learner.parts?.forward(pass))?.length, 0)
  t.true((await learner.parts?.backward(pass, new Float32Array()))?.gradient.every((value) => value === 0))
  t.is(learner.sections?.[0]?.outputs, 0)
  t.truthy(learner.sections?.[0]?.modelTopology)
})

test('it learns the joined table, and tells loss and accuracy', async (t) => {
  const learner = verticalLearner({ ...two, epochs: 30, batch: 8 })
  const random = randomStream(5)
  const rows = Array.from({ length: 80 }, () => Array.from({ length: 5 }, () => 2 * random.uniform() - 1))
  const labels = rows.map(([a = 0, , , d = 0]) => Number(a + d > 0))
  const examples = inMemoryExamples({ features: Float32Array.from(rows.flat()), labels, shape: [5] })
  const weights = await learner.initialWeights(randomStream(1))
  const { delta } = await learner.train({ weights, examples, random: randomStream(2) })
  const trained = weights.map((value, i) => value + (delta[i] ?? 0))
  const { metrics } = await learner.evaluate(trained, examples)
  t.true((metrics.accuracy ?? 0) > 0.9, JSON.stringify(metrics))
})

test('what cannot be trained by parties is refused with what to do', async (t) => {
  const refused = (change: Partial<VerticalLearnerSettings>, code: string, message: RegExp) =>
    t.regex(t.throws(() => verticalLearner({ ...two, ...change }), { code }).message, message)
  refused({ clipNorm: 1 }, 'LEARN_STEPWISE', /clipNorm 1/)
  refused({ top: dense(2, 4) }, 'LEARN_PARTIES', /takes 4 values .* 2 parties give 3/)
  refused({ parties: [] }, 'LEARN_PARTIES', /0 parties/)
  const normalized: ModelFunction = ({ layers, sequential }) =>
    sequential({ layers: [layers.dense({ units: 2, inputShape: [3] }), layers.batchNormalization()] })
  refused({ parties: [normalized, dense(1, 2)] }, 'LEARN_ENGINE_MODEL', /groupNormalization/)
  const { parts } = verticalLearner(two)
  for (const part of [
    partOfParty(2),
    { through: 'dense' },
    { after: 'party-0' },
    {},
    { ...partAfterParties, through: 'x' },
  ]) {
    const pass = { part, weights: new Float32Array(19), inputs: new Float32Array(3), examples: 1 }
    await t.throwsAsync(async () => parts?.forward(pass), { code: 'LEARN_PART' })
  }
})
