import { constants } from 'node:fs'
import { access, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileReason } from '../../runtime/errors/index.ts'
import type { RoundSummary } from '../../sdk/index.ts'
import { plot } from '../../simulations/index.ts'
import type { Connection } from '../command-context.ts'
import { flamectlError } from '../errors.ts'

/** RUN_PLOT, before a run that would find out at its end. */
export async function requirePlace(file: string): Promise<void> {
  await orPlotError(file, () => access(dirname(resolve(file)), constants.W_OK))
}

/** Writes the metrics of all rounds that a job has committed, by its events, as an SVG file; nothing if there is none. RUN_PLOT. */
export async function plotJob({ client, user }: Connection, jobId: string, file: string): Promise<void> {
  const rounds = new Map<string, RoundSummary>()
  for await (const { event } of await client.getJobEvents({ user, jobId, query: { follow: false } }))
    if (event.type === 'round') rounds.set(JSON.stringify([event.part, event.round]), event)
  const history = [...rounds.values()]
  if (!history.some(({ metrics }) => Object.keys(metrics).length > 0)) return
  await orPlotError(file, () => writeFile(file, plot(history, { title: jobId })))
}

async function orPlotError(file: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    throw flamectlError('RUN_PLOT', { file, reason: fileReason(cause) }, { cause })
  }
}
