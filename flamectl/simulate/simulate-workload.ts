import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileRegistry } from '../../sdk/node/index.ts'
import { type FleetRound, figuresOf, plot } from '../../simulations/index.ts'
import { orPlotError, requirePlotPlace } from '../run/followed-run.ts'
import { beginFleet } from './begin-fleet.ts'
import type { FleetReporter } from './fleet-reporter.ts'
import { claimFolder } from './run-record.ts'
import type { SimulateRunOptions } from './simulate-options.ts'

/** Time of the platform between looks at the virtual time, for a progress bar. */
const lookMs = 200

/** Simulates a workload's fleet until its end. Aborting the signal stops the run cleanly. Throws a coded error if it fails. */
export async function simulateWorkload(
  options: SimulateRunOptions,
  resumeCommand: string,
  signal: AbortSignal,
  reporter: FleetReporter,
): Promise<'completed' | 'stopped'> {
  const { devices, hours, seed, workers, store, keep } = options
  const begunMs = performance.now()
  if (options.plot !== undefined) await requirePlotPlace(options.plot)
  if (store !== undefined) await claimFolder(store, options)
  try {
    const run = await beginFleet(options, {
      seed,
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
      ...{ workload: name, devices, seed, settings, behaviour: options.behaviour, aggregators: options.aggregators },
      ...(options.trace !== undefined && { trace: options.trace }),
      ...(hours !== undefined && { hours }),
    })
    const looks = setInterval(() => reporter.time(run.now), lookMs)
    try {
      for await (const round of run) reporter.round(round)
    } finally {
      clearInterval(looks)
    }
    const { state, history, aggregators, saturatesFirst } = await run.result
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
      ...(aggregators && { aggregators }),
      ...(saturatesFirst && { saturatesFirst }),
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
