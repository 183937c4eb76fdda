import type { Entry, LayerEntry, SettingEntry } from '../../sdk/engine/catalogue/entries.ts'
import { initializerEntries } from '../../sdk/engine/catalogue/initializer-entries.ts'
import {
  type DescribedSetting,
  describedSettings,
  factoriesOf,
  layerEntries,
} from '../../sdk/engine/catalogue/layer-entries.ts'
import { lossEntries } from '../../sdk/engine/catalogue/loss-entries.ts'
import { metricEntries, usualMetricEntries } from '../../sdk/engine/catalogue/metric-entries.ts'
import { scheduleEntries } from '../../sdk/engine/catalogue/schedule-entries.ts'
import { optimizerEntries, stepSettings } from '../../sdk/engine/catalogue/step-entries.ts'
import { lossAliases } from '../../sdk/learn/loss.ts'
import { tableOf } from './markdown.ts'

const head = ['setting', 'value', 'default', 'for']

/** docs/models.md, made from the tables in `sdk/engine/catalogue` and from the builders of the layers. */
export function modelsPage(): string {
  return `${[
    '# Models',
    "`npm run docs` writes this page from the tables in `sdk/engine/catalogue`; a test compares the two, and others compare the tables with what the engine does. The values and defaults of a layer's settings come from the code that builds the layer. How a workload makes its model and learner is in [workloads.md](workloads.md#models).",
    '## Layers',
    "A model is written with the factories of TensorFlow.js, or read from Keras JSON, where the names of settings have the form `kernel_size`. The engine refuses a layer or a setting that it doesn't know, with its name; TensorFlow.js then trains the model, if it is installed. Every layer takes `name`, and the first one of a model `inputShape`, the shape of one example. Pictures are [height, width, channels].",
    aboutGraphs,
    aboutRules,
    ...layerEntries.map(layerSection),
    '## Initializers',
    "A layer takes the name. The values are drawn from the job's stream, so that every process has the same ones.",
    ...initializerEntries.map(section),
    '## Losses',
    "A learner's `loss` is a name, an object of the name and its settings, such as `{ name: 'huber', delta: 2 }`, or a loss of one's own ([workloads.md](workloads.md#losses)). The loss of a batch is the mean over its examples. Outputs are those before a last softmax or sigmoid, which a cross-entropy applies itself.",
    ...lossEntries.map((entry) => section({ ...entry, summary: `${ended(entry.summary)}${aliasesOf(entry.name)}` })),
    '## Metrics',
    'Every evaluation has these:',
    ...usualMetricEntries.map(section),
    "A learner's `metrics` adds others, by their names or as objects with settings, such as `{ name: 'topKAccuracy', k: 3 }`, or metrics of one's own ([workloads.md](workloads.md#metrics)). They are merged over chunks of a test set, over threads and over clients by the sums from which they come: the value is that of all examples together. A metric is absent where the examples have no value of it. Weights of examples and classes count in the loss alone.",
    ...metricEntries.map(section),
    '## Optimizers',
    "The settings of a learner's steps:",
    tableOf([head, ...rowsOf(stepSettings)]),
    ...optimizerEntries.map(section),
    '## Schedules',
    'The learning rate of a step is η times the factor of its schedule, the same bits everywhere. A text has the name, then the settings: `--set schedule=cosine:30:least=0.01`, where the workload has a setting `schedule` and hands it to its learner; the first setting may stand without its name. Before W rounds or steps the factor is (t + 1)/W; after that t counts from W, and T is less by W.',
    ...scheduleEntries.map(section),
  ].join('\n\n')}\n`
}

const aboutGraphs =
  'A functional model (`tf.model`) may have several inputs, and use a layer several times, with the same weights. The inputs lie side by side in an example, in the order of `inputs`: `sideBySide` of `flame-fl/sdk` makes such examples of several sets. Several outputs lie side by side, too; they may have a loss each ([workloads.md](workloads.md#losses)).'

const aboutRules =
  'With `trainable: false`, a layer is frozen: its weights are part of the model, and rest in training; the noise of differential privacy moves them, too, since it falls on all weights. A weight may have a regularizer, such as `kernelRegularizer: regularizers.l2({ l2: 0.01 })`, or `l1`, or `l1l2`: l1·Σ|w| + l2·Σw² is added to the loss in training, and not in an evaluation. It may have a constraint, such as `kernelConstraint: constraints.maxNorm({ maxValue: 2, axis: 0 })`, or `minMaxNorm`, `unitNorm`, `nonNeg`, which holds after each step; norms are over the axis. Bias, recurrent kernels, embeddings and the others have settings of the same form. `timeDistributed` and the projections of an attention take neither: the model is refused.'

function layerSection(entry: LayerEntry): string {
  const { className, summary, source } = entry
  const factories = factoriesOf(className).map((factory) => `\`layers.${factory}\``)
  const by = factories.length === 0 ? '' : ` (${factories.join(', ')})`
  const rows = describedSettings(entry).map(layerRow)
  return joined(`### ${className}`, `${ended(summary)}${by}${sourceOf(source)}`, rows)
}

function layerRow({ name, values, default: otherwise, help = '' }: DescribedSetting): string[] {
  const optional = values.startsWith('only ') || values === ''
  return [`\`${name}\``, values, shownDefault(otherwise, optional ? '' : 'required'), help]
}

function section({ name, summary, source, settings = {} }: Entry): string {
  return joined(`### ${name}`, `${ended(summary)}${sourceOf(source)}`, rowsOf(settings))
}

function joined(title: string, text: string, rows: readonly (readonly string[])[]): string {
  return [title, text, ...(rows.length === 0 ? [] : [tableOf([head, ...rows])])].join('\n\n')
}

function sourceOf(source: string | undefined): string {
  return source === undefined ? '' : ` Source: ${source}.`
}

function rowsOf(settings: Readonly<Record<string, SettingEntry>>): string[][] {
  return Object.entries(settings).map(([name, { values, default: otherwise, help }]) => [
    `\`${name}\``,
    values,
    shownDefault(otherwise, 'none'),
    help,
  ])
}

function shownDefault(value: unknown, without: string): string {
  if (value === undefined) return without
  if (value === Number.POSITIVE_INFINITY) return 'none'
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function aliasesOf(name: string): string {
  const aliases = Object.entries(lossAliases).flatMap(([alias, loss]) => (loss === name ? [`\`${alias}\``] : []))
  return aliases.length === 0 ? '' : ` Its names in Keras are taken, too: ${aliases.join(', ')}.`
}

/** The text with a full stop. Formulas at its beginning keep their small letters. */
function ended(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}
