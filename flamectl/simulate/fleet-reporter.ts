import { Presets, SingleBar } from 'cli-progress'
import type { LogEntry, Notice, Settings } from '../../sdk/index.ts'
import type { AggregatorTexts, BehaviourTexts, FleetFigures, FleetResult, FleetRound } from '../../simulations/index.ts'
import { figure, figures, mainMetricNames, noticed, said } from '../output/phrases.ts'
import { jsonOf, yamlOf } from '../output/printable.ts'
import type { ProgramFormat } from '../output/reporter.ts'
import {
  aggregatorLines,
  bytesText,
  fleetRoundLine,
  hoursText,
  rounds,
  stoppedFleet,
  virtualTime,
} from './fleet-phrases.ts'

/** A simulation at its start. */
export interface FleetStart {
  readonly workload: string
  readonly devices: number
  readonly seed: number
  readonly settings: Settings
  readonly behaviour: BehaviourTexts
  readonly aggregators: AggregatorTexts
  readonly trace?: string
  readonly hours?: number
}

/** The result of a simulation. */
export interface FleetEnd extends Pick<FleetResult, 'aggregators' | 'saturatesFirst'> {
  readonly figures: FleetFigures
  readonly lastRound: FleetRound | undefined
  /** Location of the last model. Absent: it was in memory. */
  readonly model?: string
  readonly realSeconds: number
}

/** Shows a simulation: to a person at a terminal, in a log, or to a program. */
export interface FleetReporter {
  started(start: FleetStart): void
  round(round: FleetRound): void
  /** Virtual time has come to `now`, in milliseconds. */
  time(now: number): void
  notice(end: string, notice: Notice): void
  log(end: string, entry: LogEntry): void
  done(end: FleetEnd): void
  /** The run was stopped on request; `command` goes on with it, if it can. */
  stopped(rounds: number, now: number, command: string | undefined): void
  /** Nothing more will be shown. */
  close(): void
}

export function fleetReporter(
  format: ProgramFormat | undefined,
  out: NodeJS.WriteStream,
  err: NodeJS.WritableStream,
): FleetReporter {
  if (format) return programReporter(format, out, err)
  return out.isTTY ? progressReporter(out) : lineReporter(out)
}

/** A line for each round. */
function lineReporter(out: NodeJS.WritableStream): FleetReporter {
  const line = (text: string) => void out.write(`${text}\n`)
  let of = 0
  return {
    started(start) {
      of = start.settings.rounds
      line(summary(start))
    },
    round: (round) => line(fleetRoundLine(round, of)),
    time: () => {},
    notice: (end, notice) => line(noticed(end, notice)),
    log: (end, entry) => line(said(end, entry)),
    done: (end) => line(result(end)),
    stopped: (committed, now, command) => line(stoppedFleet(committed, now, command)),
    close: () => {},
  }
}

/** An object for each round, and one for the result. Messages for people go to `err`. */
function programReporter(format: ProgramFormat, out: NodeJS.WritableStream, err: NodeJS.WritableStream): FleetReporter {
  const told = (text: string) => void err.write(`${text}\n`)
  const object = (fields: object) => {
    if (format === 'json') out.write(`${jsonOf(fields)}\n`)
    if (format === 'yaml') out.write(`---\n${yamlOf(fields)}\n`)
  }
  let begun: FleetStart | undefined
  return {
    started(start) {
      begun = start
    },
    round({ round, at, metrics, hash, seconds, asked, counted, lost, wasted, received, sent, staleness, quarters }) {
      const { accuracy, loss } = metrics
      const works = { asked, counted, lost, wasted, received, sent, staleness, quarters }
      object({ round, hours: at / 3_600_000, accuracy, loss, hash, ...works, seconds, metrics })
    },
    time: () => {},
    notice: (end, notice) => told(noticed(end, notice)),
    log: (end, entry) => told(said(end, entry)),
    done({ figures: found, lastRound, model, realSeconds, aggregators, saturatesFirst }) {
      const { hours, asked, counted, lost, wasted, received, sent, staleness, quarters } = found
      const works = { asked, counted, lost, wasted, received, sent, ...(staleness >= 0 && { staleness }), quarters }
      const { metrics = {}, hash } = lastRound ?? {}
      const { accuracy } = metrics
      const last = { accuracy, hash, model, metrics }
      const { aggregators: limits, ...start }: Partial<FleetStart> = begun ?? {}
      const loads = aggregators && { aggregatorLimits: limits, aggregators, saturatesFirst }
      object({ done: true, rounds: lastRound?.round ?? 0, hours, ...last, ...works, realSeconds, ...start, ...loads })
      if (format === 'name' && hash !== undefined) out.write(`${hash}\n`)
    },
    stopped: (committed, now, command) => told(stoppedFleet(committed, now, command)),
    close: () => {},
  }
}

/** A progress bar on a terminal, with virtual and real time. The terminal is restored however the process ends. */
function progressReporter(out: NodeJS.WriteStream): FleetReporter {
  const line = (text: string) => void out.write(`${text}\n`)
  const above = (text: string) => line(`\r\u001b[K${text}`)
  const begun = performance.now()
  const steps = 1000
  let start: FleetStart | undefined
  let last: FleetRound | undefined
  const barsize = Math.max(5, Math.min(40, (out.columns || 80) - 84))
  const bar = new SingleBar(
    {
      ...{ stream: out, hideCursor: true, clearOnComplete: false, gracefulExit: false, barsize },
      format: '{bar} round {round}{figures}  virtual {virtual}  real {real}{left}',
    },
    Presets.shades_classic,
  )
  const show = (now: number) => {
    const realMs = performance.now() - begun
    const of = start?.settings.rounds ?? 0
    const part = Math.min(1, Math.max((last?.round ?? 0) / of, start?.hours ? now / (start.hours * 3_600_000) : 0))
    const [main] = mainMetricNames(Object.keys(last?.metrics ?? {}))
    const value = main === undefined ? undefined : last?.metrics[main]
    const left = part > 0 && part < 1 ? `  ${virtualTime((realMs * (1 - part)) / part)} left` : ''
    bar.update(Math.floor(part * steps), {
      round: `${last?.round ?? 0}/${of}`,
      figures: main === undefined || value === undefined ? '' : `  ${main} ${figure(main, value)}`,
      virtual: virtualTime(now) + (start?.hours ? ` of ${hoursText(start.hours)}` : ''),
      real: virtualTime(realMs),
      left,
    })
  }
  const stop = () => {
    process.off('exit', stop)
    bar.stop()
  }
  return {
    started(given) {
      start = given
      line(summary(given))
      process.on('exit', stop)
      bar.start(steps, 0, { round: '0', figures: '', virtual: '0 s', real: '0 s', left: '' })
    },
    round(round) {
      last = round
      show(round.at)
    },
    time: show,
    notice: (end, notice) => above(noticed(end, notice)),
    log: (end, entry) => above(said(end, entry)),
    done(end) {
      stop()
      line(result(end))
    },
    stopped(committed, now, command) {
      stop()
      line(stoppedFleet(committed, now, command))
    },
    close: stop,
  }
}

function summary({ workload, devices, seed, settings, behaviour, aggregators, trace, hours }: FleetStart): string {
  const shown = Object.entries(settings).flatMap(([name, value]) => (name === 'clients' ? [] : [`${name}=${value}`]))
  const models = Object.entries({ ...behaviour, trace }).flatMap(([name, text]) =>
    text === undefined ? [] : [`${name} ${text}`],
  )
  const limits = Object.entries(aggregators).flatMap(([name, texts]) =>
    texts === undefined ? [] : [`${name} ${[texts].flat().join(' ')}`],
  )
  const until = hours === undefined ? '' : `, at most ${hoursText(hours)}`
  return [
    `${workload}: ${devices} devices, seed ${seed}${until}; ${shown.join(' ')}`,
    models.length === 0 ? 'devices are always available, and nothing takes time' : `devices: ${models.join('; ')}`,
    ...(limits.length === 0 ? [] : [`aggregators: ${limits.join('; ')}`]),
  ].join('\n')
}

function result({ figures: found, lastRound, model, realSeconds, aggregators, saturatesFirst }: FleetEnd): string {
  const { hours, counted, wasted, lost, received, sent, quarters } = found
  const metrics = lastRound?.metrics ?? {}
  const shown = figures(metrics, mainMetricNames(Object.keys(metrics))).replaceAll('  ', ', ')
  const hash = lastRound ? `, weights ${lastRound.hash.slice(0, 16)}…` : ''
  const shares = quarters.map((share) => `${(100 * share).toFixed(0)} %`).join(', ')
  return [
    `done: ${rounds(lastRound?.round ?? 0)} in ${virtualTime(hours * 3_600_000)} of virtual time and ${virtualTime(realSeconds * 1000)} of real time${shown === '' ? '' : `, ${shown}`}${hash}`,
    `updates: ${counted} counted, ${wasted} wasted, ${lost} lost; down ${bytesText(received)}, up ${bytesText(sent)}`,
    ...(shares === '' ? [] : [`counted by quarter of the devices, the slowest first: ${shares}`]),
    ...(aggregators ? aggregatorLines(aggregators, saturatesFirst) : []),
    ...(model === undefined ? [] : [`model: ${model}`]),
  ].join('\n')
}
