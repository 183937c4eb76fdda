import type { LogEntry, Notice } from '../../sdk/index.ts'
import { printable, printableLines } from '../print/printable.ts'
import type { RunResult, RunStart } from './reporter.ts'

export function percent(fraction: number | undefined): string {
  return fraction === undefined ? '-' : `${(100 * fraction).toFixed(2)} %`
}

/** What is about to run. */
export function summary({ job, seed, settings, runsOn, resumedAfter }: RunStart): string {
  const shown = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const from = resumedAfter === undefined ? '' : `, going on after round ${resumedAfter}`
  const trained = runsOn === undefined ? '' : `\ntrained by ${runsOn}`
  return `${job}: seed ${seed}${from}; ${shown.join(' ')}${trained}`
}

/** What an end says, in a line. */
export function said(end: string, { message, fields }: Pick<LogEntry, 'message' | 'fields'>): string {
  const words = [`${end}: ${message}`, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)]
  return printable(words.join(' '))
}

/** What an end has noticed. */
export function noticed(end: string, { code, message }: Notice): string {
  return printableLines(`${end}: ${code} ${message}`)
}

/** Where the model is, and what to do with it. */
export function howToUse({ rounds, accuracy, hash, model }: RunResult): string {
  return [
    `done: ${rounds} rounds, accuracy ${percent(accuracy)}, weights ${hash.slice(0, 16)}…`,
    `model: ${model}`,
    '  model.json + weights.bin load into TensorFlow.js: tf.loadLayersModel(…/model.json)',
    '  round.json says which job, round and members it came from',
  ].join('\n')
}
