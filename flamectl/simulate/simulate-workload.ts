import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, fileReason } from '../../runtime/errors/index.ts'
import { choicesOf } from '../../sdk/index.ts'
import { fileRegistry } from '../../sdk/node/index.ts'
import {
  type BehaviourTexts,
  behaviourFrom,
  type DeviceTrace,
  type FleetBehaviour,
  type FleetRound,
  figuresOf,
  plot,
  simulate,
  traceOf,
} from '../../simulations/index.ts'
import { flamectlError } from '../errors.ts'
import { textOf } from '../files/bounded-text.ts'
import { orPlotError, requirePlotPlace } from '../run/followed-run.ts'
import type { FleetReporter } from './fleet-reporter.ts'
import { claimFolder } from './run-record.ts'
import type { SimulateRunOptions } from './simulate-options.ts'

/** Time of the platform between looks at the virtual time, for a progress bar. */
const lookMs = 200
/** A trace's text is held whole, as one string. */
const mostTraceBytes = 500_000_000

/** Simulates a workload's fleet until its end. Aborting the signal stops the run cleanly. Throws a coded error if it fails. */
export async function simulateWorkload(
  options: SimulateRunOptions,
  resumeCommand: string,
  signal: AbortSignal,
  reporter: FleetReporter,
): Promise<'completed' | 'stopped'> {
  const { workload, devices, overrides, choices, hours, seed, workers, store, keep } = options
  const begunMs = performance.now()
  if (options.plot !== undefined) await requirePlotPlace(options.plot)
  const trace = options.trace === undefined ? undefined : await readTrace(options.trace)
  const behaviour = behaviourOf(options.behaviour, seed, trace)
  if (store !== undefined) await claimFolder(store, options)
  try {
    const run = await simulate(workload, {
      ...{ devices, seed, behaviour, settings: overrides, algorithms: choicesOf(choices) },
      ...(hours !== undefined && { hours }),
      ...(workers !== undefined && { workers }),
      ...(store !== undefined && { store }),
      ...(keep && { keep }),
      onNotice: (end, notice) => reporter.notice(end, notice),
      onLog: (end, entry) => reporter.log(end, entry),
    })
    const stop = () => void run.stop()
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    const { name, settings } = run
    reporter.started({
      ...{ workload: name, devices, seed, settings, behaviour: options.behaviour },
      ...(options.trace !== undefined && { trace: options.trace }),
      ...(hours !== undefined && { hours }),
    })
    const looks = setInterval(() => reporter.time(run.now), lookMs)
    try {
      for await (const round of run) reporter.round(round)
    } finally {
      clearInterval(looks)
    }
    const { state, history } = await run.result
    await plotted(history, name)
    const lastRound = history.at(-1)
    if (state === 'stopped') {
      reporter.stopped(lastRound?.round ?? 0, run.now, store === undefined ? undefined : resumeCommand)
      return 'stopped'
    }
    const model = store === undefined ? undefined : await fileRegistry(join(store, 'models')).latest(name)
    reporter.done({
      figures: figuresOf(history, { until: run.now }),
      lastRound,
      ...(model && { model: model.location }),
      realSeconds: (performance.now() - begunMs) / 1000,
    })
    return 'completed'
  } finally {
    reporter.close()
  }

  async function plotted(history: readonly FleetRound[], title: string): Promise<void> {
    const { plot: file } = options
    if (file === undefined || !history.some(({ metrics }) => Object.keys(metrics).length > 0)) return
    await orPlotError(file, () => writeFile(file, plot(history, { title, by: ['hours', 'round'] })))
  }
}

/** Reads a trace. FILE_UNREADABLE, FILE_LARGE, TRACE_*. */
export async function readTrace(file: string): Promise<DeviceTrace> {
  const text = await textOf(file, mostTraceBytes).catch((cause: unknown) => {
    if (cause instanceof CodedError) throw cause
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  })
  return traceOf(text, file)
}

/** Makes the behaviour of a fleet. BEHAVIOUR_* */
export function behaviourOf(texts: BehaviourTexts, seed: number, trace: DeviceTrace | undefined): FleetBehaviour {
  return behaviourFrom(texts, { seed, ...(trace && { trace }) })
}
