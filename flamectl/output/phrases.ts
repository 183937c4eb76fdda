import type { LogEntry, Notice } from '../../sdk/index.ts'
import { indentedLines, printable } from '../print/printable.ts'
import type { RunResult, RunStart } from './reporter.ts'

type Metrics = Readonly<Record<string, number>>

/** So many of something, in words: 1 round, 2 rounds. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Of a name with this beginning it's a mean over what trainers report; of others, the evaluation's or a role's own. */
const trainersPrefix = 'train-'
const firstNames: readonly string[] = ['accuracy', 'loss']

/** Names of metrics in the order in which they are shown: accuracy and loss, the others, and what trainers report. */
export function metricNames(metrics: Iterable<string>): string[] {
  const rank = (name: string) => {
    const first = firstNames.indexOf(name)
    if (first >= 0) return first
    return name.startsWith(trainersPrefix) ? firstNames.length + 1 : firstNames.length
  }
  return [...new Set(metrics)].toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** The same without what trainers report, unless there is nothing else. */
export function mainMetricNames(metrics: Iterable<string>): string[] {
  const names = metricNames(metrics)
  const main = names.filter((name) => !name.startsWith(trainersPrefix))
  return main.length > 0 ? main : names
}

/** A metric's value: in percent where it's known to be a fraction, else as a number of any size with the digits that matter. */
export function figure(name: string, value: number): string {
  const isFraction = name.replace(trainersPrefix, '') === 'accuracy' && value >= 0 && value <= 1
  if (isFraction) return `${(100 * value).toFixed(2)} %`
  const size = Math.abs(value)
  if (size > 0 && size < 0.1) return value.toPrecision(4)
  if (size < 1e5) return value.toFixed(4)
  return Number.isSafeInteger(value) ? String(value) : String(Number(value.toPrecision(9)))
}

/** Metrics with their names, in one line. */
export function figures(metrics: Metrics, names: readonly string[] = metricNames(Object.keys(metrics))): string {
  return names
    .flatMap((name) => (metrics[name] === undefined ? [] : [`${printable(name)} ${figure(name, metrics[name])}`]))
    .join('  ')
}

/** What is about to run. */
export function summary({ job, seed, settings, runsOn, resumedAfter }: RunStart): string {
  const shown = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const from = resumedAfter === undefined ? '' : `, going on after round ${resumedAfter}`
  const trained = runsOn === undefined ? '' : `\ntrained by ${runsOn}`
  return `${job}: seed ${seed}${from}; ${shown.join(' ')}${trained}`
}

/** A committed round, in a line; `of` is how many the job is to have, where that's known. */
export function roundLine(
  {
    round,
    metrics,
    members,
    seconds,
  }: {
    readonly round: number
    readonly metrics: Metrics
    readonly members: readonly string[]
    readonly seconds: number
  },
  of?: number,
): string {
  const place = `round ${round}${of === undefined ? '' : `/${of}`}`
  const found = figures(metrics)
  return [place, ...(found === '' ? [] : [found]), `${members.length} counted`, `${seconds.toFixed(2)} s`].join('  ')
}

/** What an end says, in a line. */
export function said(end: string, { message, fields }: Pick<LogEntry, 'message' | 'fields'>): string {
  const words = [`${end}: ${message}`, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)]
  return printable(words.join(' '))
}

/** What an end has noticed. */
export function noticed(end: string, { code, message }: Notice): string {
  return indentedLines(`${end}: ${code} ${message}`)
}

/** That a run was stopped, and the command that goes on. */
export function stopped(rounds: number, command: string): string {
  return `stopped after round ${rounds}; to go on: ${command}`
}

/** Where the model is, and what to do with it. */
export function howToUse({ rounds, metrics, hash, model, hasArchitecture }: RunResult): string {
  const found = figures(metrics, mainMetricNames(Object.keys(metrics))).replaceAll('  ', ', ')
  return [
    `done: ${counted(rounds, 'round')}, ${found === '' ? '' : `${found}, `}weights ${hash.slice(0, 16)}…`,
    `model: ${model}`,
    ...(hasArchitecture
      ? [
          '  a layers model of TensorFlow.js, in a program:',
          `    import { loadLayersModel } from 'flame-fl/sdk/node'`,
          `    const model = await loadLayersModel(${JSON.stringify(model)})`,
          '  and in a page, from a server that serves the folder: await tf.loadLayersModel(address of model.json)',
        ]
      : ['  model.json + weights.bin hold its weights: initialWeightsFrom of flame-fl/sdk/node reads them']),
    '  round.json says which job, round and members it came from',
  ].join('\n')
}
