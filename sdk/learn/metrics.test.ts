import test from 'ava'
import fc from 'fast-check'
import { inMemoryExamples, subset } from '../data/in-memory-examples.ts'
import { evaluationSummary } from '../role/stock/evaluation-summary.ts'
import { fittedLoss } from './fitted-loss.ts'
import type { Evaluation } from './learner.ts'
import { type LossChoice, lossOf } from './loss.ts'
import { mergeEvaluations } from './merged-evaluation.ts'
import { areMetricCounts } from './metric-counts.ts'
import { checkMetrics, type Metric, metricCounters } from './metrics.ts'

/** Outputs and targets of examples, each a list of rows. */
interface Given {
  readonly outputs: readonly (readonly number[])[]
  readonly targets: readonly (readonly number[])[]
}

function evaluated(metrics: readonly Metric[], loss: LossChoice, shape: readonly number[], given: Given): Evaluation {
  const { outputs, targets } = given
  const examples = inMemoryExamples({
    features: new Float32Array(outputs.length),
    shape: [1],
    ...(targets[0]?.length === 1
      ? { labels: targets.map(([label = 0]) => label) }
      : { targets: Float32Array.from(targets.flat()), targetShape: [targets[0]?.length ?? 1] }),
  })
  const counters = metricCounters(metrics, fittedLoss(lossOf(loss), shape), examples)
  for (const [index, row] of outputs.entries()) counters.add(index, Float32Array.from(row))
  return { samples: outputs.length, ...counters.found({}) }
}

const near = (a: number | undefined, b: number) => Math.abs((a ?? Number.NaN) - b) < 1e-6

const logits = fc.double({ min: -4, max: 4, noNaN: true })
const classes = fc.array(fc.tuple(fc.array(logits, { minLength: 3, maxLength: 3 }), fc.nat(2)), {
  minLength: 1,
  maxLength: 30,
})
const givenOf = (rows: readonly (readonly [readonly number[], number])[]): Given => ({
  outputs: rows.map(([row]) => row),
  targets: rows.map(([, label]) => [label]),
})
const best = (row: readonly number[]) => row.map(Math.fround).indexOf(Math.max(...row.map(Math.fround)))

test('precision, recall, F1 and the confusion matrix of classes are those of their definitions', (t) => {
  fc.assert(
    fc.property(classes, (rows) => {
      const { metrics } = evaluated(
        ['precision', 'recall', 'f1', 'confusionMatrix', { name: 'topKAccuracy', k: 2 }],
        'softmaxCrossEntropy',
        [3],
        givenOf(rows),
      )
      const counted = (test: (predicted: number, label: number) => boolean) =>
        rows.filter(([row, label]) => test(best(row), label)).length
      const over = (a: number, b: number) => (b === 0 ? 0 : a / b)
      const mean = (of: (each: number) => number) => [0, 1, 2].reduce((sum, each) => sum + of(each), 0) / 3
      const right = (each: number) => counted((predicted, label) => predicted === each && label === each)
      const precision = (each: number) =>
        over(
          right(each),
          counted((predicted) => predicted === each),
        )
      const recall = (each: number) =>
        over(
          right(each),
          counted((_, label) => label === each),
        )
      const f1 = (each: number) => over(2 * precision(each) * recall(each), precision(each) + recall(each))
      t.true(near(metrics.precision, mean(precision)))
      t.true(near(metrics.recall, mean(recall)))
      t.true(near(metrics.f1, mean(f1)))
      for (const label of [0, 1, 2])
        for (const predicted of [0, 1, 2])
          t.is(
            metrics[`confusion-${label}-${predicted}`],
            counted((came, of) => came === predicted && of === label),
          )
      const among = rows.filter(
        ([row, label]) => row.filter((value) => Math.fround(value) > Math.fround(row[label] ?? 0)).length < 2,
      ).length
      t.true((metrics['top-2-accuracy'] ?? 0) <= among / rows.length)
    }),
    { numRuns: 50 },
  )
})

test('of two classes, precision and recall are those of class 1, and the area that of the pairs', (t) => {
  // Probabilities in the middle of bins of a tenth: no two classes share a bin, except where their outputs are the same.
  const logit = (probability: number) => Math.log(probability / (1 - probability))
  const binary = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.nat(1)), { minLength: 2, maxLength: 30 })
  fc.assert(
    fc.property(binary, (rows) => {
      const given = {
        outputs: rows.map(([bin]) => [logit((bin + 0.5) / 10)]),
        targets: rows.map(([, label]) => [label]),
      }
      const metrics: readonly Metric[] = ['precision', 'recall', { name: 'auc', bins: 10 }]
      const found = evaluated(metrics, 'sigmoidCrossEntropy', [1], given).metrics
      const ones = rows.filter(([, label]) => label === 1)
      const zeros = rows.filter(([, label]) => label === 0)
      const right = ones.filter(([bin]) => bin >= 5).length
      const predicted = rows.filter(([bin]) => bin >= 5).length
      t.true(near(found.precision, predicted === 0 ? 0 : right / predicted))
      t.true(near(found.recall, ones.length === 0 ? 0 : right / ones.length))
      const pairs = ones.flatMap(([one]) => zeros.map(([zero]) => (one > zero ? 1 : one === zero ? 0.5 : 0)))
      if (pairs.length === 0) t.is(found.auc, undefined)
      else t.true(near(found.auc, pairs.reduce<number>((sum, pair) => sum + pair, 0) / pairs.length))
      const two = { ...given, outputs: given.outputs.map(([output = 0]) => [0, output]) }
      t.deepEqual(evaluated(metrics, 'softmaxCrossEntropy', [2], two).metrics, found)
    }),
    { numRuns: 50 },
  )
})

test('errors, R² and perplexity are those of their definitions', (t) => {
  const given = {
    outputs: [
      [1, 0],
      [2, 4],
      [0, -1],
    ],
    targets: [
      [1, 1],
      [0, 3],
      [2, 0],
    ],
  }
  const { metrics } = evaluated(['meanAbsoluteError', 'rootMeanSquaredError', 'rSquared'], 'mse', [2], given)
  t.true(near(metrics['mean-absolute-error'], 7 / 6))
  t.true(near(metrics['root-mean-squared-error'], Math.sqrt(11 / 6)))
  t.true(near(metrics['r-squared'], (1 - 8 / 2 + 1 - 3 / (10 - 16 / 3)) / 2))
  t.is(evaluated(['rSquared'], 'mse', [2], { outputs: [[1, 1]], targets: [[1, 1]] }).metrics['r-squared'], undefined)

  const steps = {
    outputs: [
      [0, 0, 1, 3],
      [2, 2, 0, 5],
    ],
    targets: [
      [0, 1],
      [1, 3],
    ],
  }
  const masked = { name: 'softmaxCrossEntropy', masked: 3 } as const
  const found = evaluated(['perplexity'], masked, [2, 2], steps).metrics
  const losses = [Math.log(2), Math.log(1 + Math.exp(-2)), Math.log(2)]
  t.true(near(found.perplexity, Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / 3)))
  t.true(near(found.accuracy, 2 / 3))
})

const ownMetrics: readonly Metric[] = [
  'precision',
  'recall',
  'f1',
  'auc',
  'confusionMatrix',
  { name: 'sure', of: ({ outputs }) => [Math.abs((outputs[1] ?? 0) - (outputs[0] ?? 0)), 1] },
]

test('evaluations of parts are merged to the evaluation of the whole, not to a mean of their values', (t) => {
  const rows = fc.array(fc.tuple(fc.array(logits, { minLength: 2, maxLength: 2 }), fc.nat(1)), {
    minLength: 2,
    maxLength: 40,
  })
  fc.assert(
    fc.property(rows, fc.nat(40), (all, cut) => {
      const of = (some: typeof all) => evaluated(ownMetrics, 'softmaxCrossEntropy', [2], givenOf(some))
      const parts = [all.slice(0, cut), all.slice(cut)].filter((part) => part.length > 0).map(of)
      const whole = of(all)
      for (const merged of [mergeEvaluations(parts), mergeEvaluations(parts.toReversed())]) {
        t.deepEqual(Object.keys(merged.metrics).toSorted(), Object.keys(whole.metrics).toSorted())
        for (const [name, value] of Object.entries(whole.metrics)) t.true(near(merged.metrics[name], value), name)
      }
      const clients = parts.map((part, index) => ({ end: `trainer-${index}`, ...part }))
      const summary = evaluationSummary(clients)
      for (const [name, value] of Object.entries(whole.metrics)) t.true(near(summary[`client-${name}`], value), name)
      t.true(Object.values(whole.counts ?? {}).every(areMetricCounts))
    }),
    { numRuns: 20 },
  )
})

test('a metric that fits no such loss, and unknown settings, are refused', (t) => {
  const fitted = (loss: LossChoice, ...shape: number[]) => fittedLoss(lossOf(loss), shape)
  const refused = (metrics: object, loss: LossChoice, message: RegExp, ...shape: number[]) => {
    const check = () => Reflect.apply(checkMetrics, undefined, [metrics, fitted(loss, ...shape)])
    t.throws(check, { code: 'LEARN_SETTING', message })
  }
  refused(['acuracy'], 'softmaxCrossEntropy', /metrics must be one of topKAccuracy/, 3)
  refused([null], 'softmaxCrossEntropy', /metrics must be names or objects, but is null/, 3)
  refused(['auc'], 'softmaxCrossEntropy', /the metric auc must be a loss with two classes/, 3)
  refused(['rSquared'], 'softmaxCrossEntropy', /a loss with target values/, 3)
  refused(['perplexity'], 'mse', /a loss with classes/, 3)
  refused([{ name: 'auc', bins: 0 }], 'sigmoidCrossEntropy', /auc\.bins must be a whole number from 1/, 1)
  refused([{ name: 'f1', k: 2 }], 'softmaxCrossEntropy', /f1\.k must be absent/, 3)
  const named = (name: string) => ({ name, of: () => [1, 1] })
  refused([named('loss')], 'mse', /metrics must be of names that differ .*, but is loss/, 3)
  refused(['f1', named('f1')], 'softmaxCrossEntropy', /but is f1/, 3)
  refused([named('mine'), named('mine')], 'mse', /but is mine/, 3)
  refused(['confusionMatrix'], 'softmaxCrossEntropy', /at most 32 classes/, 40)
  const alone: object = { name: 'alone', of: () => 1 }
  const counted = () => Reflect.apply(evaluated, undefined, [[alone], 'mse', [1], { outputs: [[1]], targets: [[1]] }])
  t.throws(counted, { code: 'LEARN_SETTING', message: /the metric alone must be \[sum, count\] .*, but is 1/ })
  t.false(areMetricCounts({ form: 'toString', sums: [1] }))
  t.false(areMetricCounts({ form: 'ratio', sums: ['1'] }))
})

test('examples of a subset have the targets of their indices', (t) => {
  const examples = inMemoryExamples({
    features: new Float32Array(3),
    shape: [1],
    targets: Float32Array.of(1, 2, 3, 4, 5, 6),
    targetShape: [2],
  })
  const out = new Float32Array(3)
  subset(examples, Uint32Array.of(2, 0)).targets?.read(0, out, 1)
  t.deepEqual([...out], [0, 5, 6])
  t.is(examples.label(1), 3)
})
