import type { LogEntry, Notice, RoundSummary, Settings } from '../../sdk/index.ts'
import { counted, figures, mainMetricNames, noticed, roundLine, said } from './phrases.ts'
import { type Format, jsonOf, yamlOf } from './printable.ts'

/** What a run begins with. */
export interface RunStart {
  readonly job: string
  readonly seed: number
  readonly settings: Settings
  /** What does the arithmetic of training, where the learner says it. */
  readonly runsOn?: string
  /** Rounds committed before, when it goes on. */
  readonly resumedAfter?: number
}

/** What a finished run leaves. */
export interface RunResult {
  readonly rounds: number
  /** Of the last round. */
  readonly metrics: Readonly<Record<string, number>>
  readonly hash: string
  /** Folder of the last round's model. */
  readonly model: string
  /** The folder holds the model's architecture, too. */
  readonly hasArchitecture: boolean
}

/** How a run is shown: to a person at a terminal, in a log, or to a program. */
export interface Reporter {
  started(start: RunStart): void
  round(round: RoundSummary): void
  notice(end: string, notice: Notice): void
  /** What a role says, and numbers of a round that it didn't publish. */
  log(end: string, entry: Pick<LogEntry, 'message' | 'fields'>): void
  done(result: RunResult): void
  /** Stopped on request after this many committed rounds; `command` goes on. */
  stopped(rounds: number, command: string): void
  /** Nothing more will be shown. */
  close(): void
}

/** A plain line for each event: for logs and pipes. */
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

/** How programs may have a run. */
export type ProgramFormat = Exclude<Format, 'table'>

/**
 * For programs: on `out` an object for each round, and a last one that says how the job was run, too; so the first is a round.
 * In JSON an object is a line, in YAML a document; as a name there is only the job's id, at the end. What is meant for people
 * goes to `err`.
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
    round({ round, metrics, hash, members, seconds }) {
      const { accuracy, loss } = metrics
      object({ round, accuracy, loss, hash, members, seconds, metrics, job: start.job })
    },
    notice: (end, notice) => told(noticed(end, notice)),
    log: (end, entry) => told(said(end, entry)),
    done({ rounds, metrics, hash, model }) {
      const { job, seed, settings } = start
      object({ done: true, rounds, accuracy: metrics.accuracy, hash, model, metrics, job, seed, settings })
      if (format === 'name') out.write(`${job}\n`)
    },
    stopped: (rounds, command) => told(stopped(rounds, command)),
    close: () => {},
  }
}

/** What is about to run. */
export function summary({ job, seed, settings, runsOn, resumedAfter }: RunStart): string {
  const shown = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const from = resumedAfter === undefined ? '' : `, going on after round ${resumedAfter}`
  const trained = runsOn === undefined ? '' : `\ntrained by ${runsOn}`
  return `${job}: seed ${seed}${from}; ${shown.join(' ')}${trained}`
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
