import type { LogEntry, Notice, RoundSummary, Settings } from '../../sdk/index.ts'
import { counted, figures, mainMetricNames, noticed, roundLine, said } from './phrases.ts'
import { type Format, jsonOf, printable, yamlOf } from './printable.ts'

/** A run at its start. */
export interface RunStart {
  readonly job: string
  readonly seed: number
  readonly settings: Settings
  /** The software that trains, if the learner names it. */
  readonly runsOn?: string
  /** Of a resumed run: the rounds committed before. */
  readonly resumedAfter?: number
}

/** A model of a job's last round. */
export interface FinalModel extends Pick<RoundSummary, 'part' | 'metrics' | 'hash'> {
  /** Location of the model. */
  readonly model: string
  /** The location is a folder of this machine. */
  readonly isFolder: boolean
  /** The location also holds the model's architecture. */
  readonly hasArchitecture: boolean
}

/** The result of a completed job. */
export interface RunResult {
  readonly rounds: number
  /** The last round's models: one, or one for each part. */
  readonly models: readonly FinalModel[]
}

/** Shows a run: to a person at a terminal, in a log, or to a program. */
export interface Reporter {
  started(start: RunStart): void
  round(round: RoundSummary): void
  notice(end: string, notice: Notice): void
  /** A role's log entry, or metrics of a round that the role didn't publish. */
  log(end: string, entry: Pick<LogEntry, 'message' | 'fields'>): void
  done(result: RunResult): void
  /** The run was stopped on request; every model has `rounds` committed rounds, and `command` resumes the run. */
  stopped(rounds: number, command: string): void
  /** Nothing more will be shown. */
  close(): void
}

/** Writes a plain line for each event, for logs and pipes. */
export function lineReporter(out: NodeJS.WritableStream): Reporter {
  const line = (text: string) => void out.write(`${text}\n`)
  let rounds: number | undefined
  return {
    started(start) {
      rounds = start.settings.rounds
      line(summary(start))
    },
    round: (round) => line(roundLine(round, rounds)),
    notice: (end, notice) => line(noticed(end, notice)),
    log: (end, entry) => line(said(end, entry)),
    done: (result) => line(howToUse(result)),
    stopped: (committed, command) => line(stopped(committed, command)),
    close: () => {},
  }
}

/** Formats of a run for programs. */
export type ProgramFormat = Exclude<Format, 'table'>

/**
 * For programs. Writes to `out` an object for each committed model (its round, and its part where a round has several models),
 * and at the end an object with the result and the job's settings. An object is a line in JSON, a document in YAML; the format
 * `name` writes only the job's id, at the end. Messages for people go to `err`.
 */
export function programReporter(
  format: ProgramFormat,
  out: NodeJS.WritableStream,
  err: NodeJS.WritableStream,
): Reporter {
  const told = (text: string) => void err.write(`${text}\n`)
  let start: Pick<RunStart, 'job'> & Partial<RunStart> = { job: '' }
  const object = (fields: object) => {
    if (format === 'json') out.write(`${jsonOf(fields)}\n`)
    if (format === 'yaml') out.write(`---\n${yamlOf(fields)}\n`)
  }
  return {
    started(begun) {
      start = begun
    },
    round({ round, part, metrics, hash, members, notCounted, anew, seconds }) {
      const { accuracy, loss } = metrics
      object({ round, part, accuracy, loss, hash, members, notCounted, anew, seconds, metrics, job: start.job })
    },
    notice: (end, notice) => told(noticed(end, notice)),
    log: (end, entry) => told(said(end, entry)),
    done({ rounds, models }) {
      const { job, seed, settings } = start
      const found = models.map(({ part, metrics, hash, model }) => {
        return { part, accuracy: metrics.accuracy, hash, model, metrics }
      })
      const [only, ...others] = found
      const result = others.length === 0 && only?.part === undefined ? only : { models: found }
      object({ done: true, rounds, ...result, job, seed, settings })
      if (format === 'name') out.write(`${job}\n`)
    },
    stopped: (rounds, command) => told(stopped(rounds, command)),
    close: () => {},
  }
}

/** The job, its seed and its settings, before a run begins. */
export function summary({ job, seed, settings, runsOn, resumedAfter }: RunStart): string {
  const shown = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const from = resumedAfter === undefined ? '' : `, going on after round ${resumedAfter}`
  const trained = runsOn === undefined ? '' : `\ntrained by ${runsOn}`
  return `${job}: seed ${seed}${from}; ${shown.join(' ')}${trained}`
}

/** Says after which round a run was stopped, and which command resumes the run. */
export function stopped(rounds: number, command: string): string {
  return `stopped after round ${rounds}; to go on: ${command}`
}

/** The result of a run: each model's metrics and hash, its folder, and how a program reads it. */
export function howToUse({ rounds, models }: RunResult): string {
  const done = `done: ${counted(rounds, 'round')}`
  const [first, ...others] = models
  if (!first) return done
  const shown = models.flatMap((model) => [
    `${printable(model.part ?? '')}: ${resultOf(model)}`,
    `  model: ${model.model}`,
  ])
  return [
    ...(others.length === 0 && first.part === undefined
      ? [`${done}, ${resultOf(first)}`, `model: ${first.model}`]
      : [`${done} of ${counted(models.length, 'model')}`, ...shown]),
    ...(first.isFolder ? readingOf(first) : []),
    '  round.json says which job, round and members it came from',
  ].join('\n')
}

/** How a program reads a model of a folder. */
function readingOf({ hasArchitecture, model }: FinalModel): string[] {
  return [
    ...(hasArchitecture
      ? [
          '  a layers model of TensorFlow.js, in a program:',
          `    import { loadLayersModel } from 'flame-fl/sdk/node'`,
          `    const model = await loadLayersModel(${JSON.stringify(model)})`,
          '  and in a page, from a server that serves the folder: await tf.loadLayersModel(address of model.json)',
        ]
      : ['  model.json + weights.bin hold its weights: initialWeightsFrom of flame-fl/sdk/node reads them']),
  ]
}

function resultOf({ metrics, hash }: FinalModel): string {
  const found = figures(metrics, mainMetricNames(Object.keys(metrics))).replaceAll('  ', ', ')
  return `${found === '' ? '' : `${found}, `}weights ${hash.slice(0, 16)}…`
}
