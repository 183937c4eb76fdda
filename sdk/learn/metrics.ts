import { isNumber, knownNames } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { exp, logSumExp } from '../random/elementary.ts'
import { learnError } from './errors.ts'
import { type FittedLoss, requireColumn, targetsIn } from './fitted-loss.ts'
import type { Evaluation } from './learner.ts'
import { type MetricCounts, mostSums } from './metric-counts.ts'
import { valuesOfCounts } from './metric-values.ts'

export type MetricName =
  | 'topKAccuracy'
  | 'precision'
  | 'recall'
  | 'f1'
  | 'auc'
  | 'confusionMatrix'
  | 'perplexity'
  | 'meanAbsoluteError'
  | 'rootMeanSquaredError'
  | 'rSquared'

/** A metric with settings. */
export interface MetricSettings {
  readonly name: MetricName
  /** Of topKAccuracy: the number of highest outputs among which the class may be. Default 5. */
  readonly k?: number
  /** Of auc: the number of bins of probability. Default 200. */
  readonly bins?: number
}

/** An example of an evaluation. */
export interface EvaluatedExample {
  /** The outputs of the model, before a last activation that the loss applies. */
  readonly outputs: Float32Array
  /** The label, or the target's values. A masked class is −1. */
  readonly target: Float32Array
  /** The value of a column. LEARN_COLUMN where the examples have no such column. */
  column(name: string): number
}

/** A metric of one's own: a quotient of two sums over the examples, so that it can be merged over clients. */
export interface OwnMetric {
  readonly name: string
  /** The metric is the quotient itself (default), the square root of it, or the exponential of it. */
  readonly form?: 'ratio' | 'root' | 'exponential'
  /** An example's terms of the two sums. */
  of(example: EvaluatedExample): readonly [sum: number, count: number]
}

export type Metric = MetricName | MetricSettings | OwnMetric

/** Counts the examples of an evaluation for its metrics. */
export interface MetricCounters {
  readonly isEmpty: boolean
  /** `outputs`: those of the example with this index. */
  add(index: number, outputs: Float32Array): void
  /** The metrics with those that are known already, and the sums from which they come. */
  found(known: Readonly<Record<string, number>>): Pick<Evaluation, 'metrics' | 'counts'>
}

/** Adds examples to the sums of one metric, or of several. */
interface Counter {
  readonly counts: readonly (readonly [name: string, form: MetricCounts['form'], sums: Float64Array])[]
  add(example: EvaluatedExample): void
}

const settingsOf: Readonly<Record<MetricName, readonly ('k' | 'bins')[]>> = {
  topKAccuracy: ['k'],
  precision: [],
  recall: [],
  f1: [],
  auc: ['bins'],
  confusionMatrix: [],
  perplexity: [],
  meanAbsoluteError: [],
  rootMeanSquaredError: [],
  rSquared: [],
}

export const metricNames: readonly string[] = Object.keys(settingsOf)

/**
 * @throws LEARN_SETTING for an unknown metric or setting, a value out of range, a metric that doesn't fit the loss, or one
 *   of one's own that has the name of another.
 */
export function checkMetrics(metrics: readonly Metric[], fitted: FittedLoss): void {
  const names = metrics.flatMap((metric) => counterOf(metric, fitted).counts.map(([name]) => name))
  for (const metric of metrics) {
    if (typeof metric === 'string' || !('of' in metric)) continue
    const { name } = metric
    if (name !== 'loss' && names.indexOf(name) === names.lastIndexOf(name)) continue
    const expected = 'of names that differ from each other and from loss'
    throw learnError('LEARN_SETTING', { name: 'metrics', expected, value: name })
  }
}

/** Makes the counters of an evaluation of these examples. */
export function metricCounters(metrics: readonly Metric[], fitted: FittedLoss, examples: Examples): MetricCounters {
  const counters = metrics.map((metric) => counterOf(metric, fitted))
  // The accuracy of single labels is counted by the loss.
  if (fitted.classes !== undefined && !fitted.loss.own && (fitted.targets > 1 || fitted.loss.masked !== undefined))
    counters.unshift(accuracy(fitted))
  const target = new Float32Array(targetsIn(fitted, examples))
  const { columns = {} } = examples
  return {
    isEmpty: counters.length === 0,
    add(index, outputs) {
      fitted.read(examples, index, target, 0)
      const example = { outputs, target, column: (name: string) => requireColumn(columns, name)(index) }
      for (const { add } of counters) add(example)
    },
    found(known) {
      if (counters.length === 0) return { metrics: known }
      const counts = Object.fromEntries(
        counters.flatMap((counter) => counter.counts.map(([name, form, sums]) => [name, { form, sums: [...sums] }])),
      )
      return { metrics: { ...known, ...valuesOfCounts(counts) }, counts }
    },
  }
}

function counterOf(metric: Metric, fitted: FittedLoss): Counter {
  const refuse = (setting: string, expected: string, value: unknown) =>
    learnError('LEARN_SETTING', { name: setting, expected, value })
  const given: unknown = metric
  if (given === null || given === undefined) throw refuse('metrics', 'names or objects', given)
  if (typeof metric === 'object' && 'of' in metric) return ownCounter(metric)
  const { name, ...settings }: MetricSettings = typeof metric === 'string' ? { name: metric } : metric
  if (!Object.hasOwn(settingsOf, name))
    throw refuse('metrics', `one of ${knownNames(String(name), metricNames)}, or a metric of your own`, name)
  const known = settingsOf[name]
  for (const [setting, value] of Object.entries(settings)) {
    if (!known.some((each) => each === setting)) throw refuse(`${name}.${setting}`, 'absent', value)
    const most = setting === 'bins' ? mostSums / 2 : Number.MAX_SAFE_INTEGER
    if (!(Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most))
      throw refuse(`${name}.${setting}`, `a whole number from 1 to ${most}`, value)
  }
  const needs = (fits: boolean, what: string) => {
    if (!fits) throw refuse(`the metric ${name}`, `a loss with ${what}, but ${fitted.loss.name} has none`, name)
  }
  const { k = 5, bins = 200 } = settings
  const ofClasses = fitted.loss.targets === 'classes'
  const isBinary =
    fitted.rows === 1 &&
    ((ofClasses && fitted.size === 2) || (fitted.targets === 1 && fitted.loss.targets === 'labels'))
  switch (name) {
    case 'topKAccuracy':
      needs(ofClasses, 'classes')
      return topK(fitted, k)
    case 'precision':
    case 'recall':
    case 'f1':
      needs(ofClasses || fitted.loss.targets === 'labels', 'classes')
      return perClass(name, fitted, isBinary)
    case 'auc':
      needs(isBinary, 'two classes')
      return area(fitted, bins)
    case 'confusionMatrix':
      needs(ofClasses || isBinary, 'classes')
      return confusion(fitted)
    case 'perplexity':
      needs(ofClasses, 'classes')
      return perplexity(fitted)
    case 'meanAbsoluteError':
      needs(fitted.loss.targets === 'values', 'target values')
      return errors('mean-absolute-error', 'ratio', Math.abs)
    case 'rootMeanSquaredError':
      needs(fitted.loss.targets === 'values', 'target values')
      return errors('root-mean-squared-error', 'root', (error) => error * error)
    case 'rSquared':
      needs(fitted.loss.targets === 'values', 'target values')
      return determination(fitted)
  }
}

function ownCounter({ name, form = 'ratio', of }: OwnMetric): Counter {
  const sums = new Float64Array(2)
  return {
    counts: [[name, form, sums]],
    add(example) {
      const pair: unknown = of(example)
      if (!(Array.isArray(pair) && pair.length === 2 && pair.every(isNumber)))
        throw learnError('LEARN_SETTING', {
          name: `the metric ${name}`,
          expected: '[sum, count] of an example',
          value: pair,
        })
      for (const [at, term] of pair.entries()) sums[at]! += term
    },
  }
}

/** Calls `each` with the row and the class of each row that has one. */
function classRows(
  { rows, size }: FittedLoss,
  { outputs, target }: EvaluatedExample,
  each: (row: Float32Array, label: number) => void,
) {
  for (let row = 0; row < rows; row++) {
    const label = target[row] ?? -1
    if (label >= 0) each(outputs.subarray(row * size, (row + 1) * size), label)
  }
}

function accuracy(fitted: FittedLoss): Counter {
  const sums = new Float64Array(2)
  return {
    counts: [['accuracy', 'ratio', sums]],
    add: (example) =>
      found(fitted, example, (predicted, label) => {
        sums[0]! += Number(predicted === label)
        sums[1]! += 1
      }),
  }
}

/** Calls `each` with the predicted and the true class of each row, or of each label. */
function found(
  fitted: FittedLoss,
  example: EvaluatedExample,
  each: (predicted: number, label: number, at: number) => void,
) {
  if (fitted.loss.targets === 'classes') return classRows(fitted, example, (row, label) => each(highest(row), label, 0))
  for (const [at, output] of example.outputs.entries())
    each(Number(output > 0), example.target[at] ?? 0, at % fitted.size)
}

/** The first highest output, as the loss finds the class. */
function highest(row: Float32Array): number {
  let best = 0
  for (let at = 1; at < row.length; at++) if (row[at]! > row[best]!) best = at
  return best
}

function topK(fitted: FittedLoss, k: number): Counter {
  const sums = new Float64Array(2)
  return {
    counts: [[`top-${k}-accuracy`, 'ratio', sums]],
    add: (example) =>
      classRows(fitted, example, (row, label) => {
        let before = 0
        // Of equal outputs the first ones are higher, as for the accuracy.
        for (const [at, output] of row.entries())
          if (output > row[label]! || (output === row[label]! && at < label)) before += 1
        sums[0]! += Number(before < k)
        sums[1]! += 1
      }),
  }
}

/** Of two classes that of class 1; of several the mean over all; of several labels the mean over the labels. */
function perClass(form: 'precision' | 'recall' | 'f1', fitted: FittedLoss, isBinary: boolean): Counter {
  const ofClasses = fitted.loss.targets === 'classes' && !isBinary
  const sums = new Float64Array(3 * (isBinary ? 1 : fitted.size))
  return {
    counts: [[form, form, sums]],
    add: (example) =>
      found(fitted, example, (predicted, label, at) => {
        if (ofClasses) {
          if (predicted === label) sums[3 * label]! += 1
          else {
            sums[3 * predicted + 1]! += 1
            sums[3 * label + 2]! += 1
          }
        } else {
          const place = isBinary ? 0 : 3 * at
          if (predicted === 1 && label === 1) sums[place]! += 1
          else if (predicted === 1) sums[place + 1]! += 1
          else if (label === 1) sums[place + 2]! += 1
        }
      }),
  }
}

function area({ size }: FittedLoss, bins: number): Counter {
  const sums = new Float64Array(2 * bins)
  return {
    counts: [['auc', 'area', sums]],
    add({ outputs, target }) {
      const label = target[0] ?? 0
      if (label < 0) return
      const logit = size === 2 ? outputs[1]! - outputs[0]! : outputs[0]!
      const probability = 1 / (1 + exp(-logit))
      const bin = Math.min(bins - 1, Math.floor(probability * bins))
      sums[label * bins + (Number.isNaN(bin) ? 0 : bin)]! += 1
    },
  }
}

/** Most classes of a confusion matrix, each of whose numbers is a metric. */
const mostClasses = 32

function confusion(fitted: FittedLoss): Counter {
  const classes = fitted.classes ?? 0
  if (classes > mostClasses) {
    const expected = `absent, or a model of at most ${mostClasses} classes`
    throw learnError('LEARN_SETTING', { name: 'the metric confusionMatrix', expected, value: classes })
  }
  const counts = Array.from({ length: classes * classes }, () => new Float64Array(1))
  return {
    counts: counts.map((sums, at) => [`confusion-${Math.floor(at / classes)}-${at % classes}`, 'count', sums]),
    add: (example) =>
      found(fitted, example, (predicted, label) => {
        const sums = counts[label * classes + predicted]
        if (sums) sums[0]! += 1
      }),
  }
}

function perplexity(fitted: FittedLoss): Counter {
  const sums = new Float64Array(2)
  return {
    counts: [['perplexity', 'exponential', sums]],
    add: (example) =>
      classRows(fitted, example, (row, label) => {
        sums[0]! += logSumExp(row) - row[label]!
        sums[1]! += 1
      }),
  }
}

function errors(name: string, form: 'ratio' | 'root', of: (error: number) => number): Counter {
  const sums = new Float64Array(2)
  return {
    counts: [[name, form, sums]],
    add({ outputs, target }) {
      for (const [at, output] of outputs.entries()) sums[0]! += of(output - target[at]!)
      sums[1]! += outputs.length
    },
  }
}

function determination({ rows, size }: FittedLoss): Counter {
  const outputs = rows * size
  if (3 * outputs >= mostSums) {
    const expected = `absent, or a model of fewer than ${Math.floor(mostSums / 3)} outputs`
    throw learnError('LEARN_SETTING', { name: 'the metric rSquared', expected, value: outputs })
  }
  const sums = new Float64Array(3 * outputs + 1)
  return {
    counts: [['r-squared', 'determination', sums]],
    add({ outputs: found, target }) {
      for (const [at, output] of found.entries()) {
        const value = target[at]!
        sums[3 * at]! += (output - value) * (output - value)
        sums[3 * at + 1]! += value
        sums[3 * at + 2]! += value * value
      }
      sums[3 * outputs]! += 1
    },
  }
}
