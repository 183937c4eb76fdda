import { constants } from 'node:fs'
import { access, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { EventCause, NumberedEvent } from '../../actors/index.ts'
import { CodedError, fileReason } from '../../runtime/errors/index.ts'
import type { RoundSummary } from '../../sdk/index.ts'
import type { Connection } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import type { Reporter } from '../output/reporter.ts'

interface RunToFollow {
  readonly job: string
  /** Events up to this number belong to earlier starts of the job. */
  readonly after: number
  /** Called for each committed model after the reporter has shown it. */
  readonly reported: (round: ModelOfRound) => void
  /** The last error of a task, with its stack. */
  readonly lastFault: () => unknown
  /** Ends the following. */
  readonly signal: AbortSignal
}

/** Reports a job's events until it has ended. Rejects with the cause if it fails. */
export async function followedRun(
  { client, user }: Connection,
  { job, after, reported, lastFault, signal }: RunToFollow,
  reporter: Reporter,
): Promise<'completed' | 'terminated'> {
  for await (const { event } of client.jobEvents({ user, jobId: job, after }, { signal })) {
    if (event.type === 'state') {
      if (event.state === 'failed') throw failure(job, event.cause, lastFault())
      if (event.state === 'completed' || event.state === 'terminated') return event.state
    } else report(event, reporter)
    if (event.type === 'round') reported(event)
  }
  throw flamectlError('RUN_FAILED', { job, cause: 'its events ended before it did' })
}

function report(event: NumberedEvent['event'], reporter: Reporter): void {
  switch (event.type) {
    case 'round':
      return reporter.round(event)
    case 'notice':
      return reporter.notice(event.end, event)
    case 'log':
      return reporter.log(event.end, { message: event.message, fields: event.fields ?? {} })
    case 'metrics':
      return reporter.log(event.end, { message: 'metrics of a round:', fields: event.metrics })
  }
}

function failure(job: string, told: EventCause | undefined, cause: unknown): Error {
  if (!told) return flamectlError('RUN_FAILED', { job, cause: 'nothing more is known' }, { cause })
  const { code, message, hint = 'mend the cause, then run the same command with --resume' } = told
  return new CodedError(code, { message: '{message}', hint: '{hint}' }, { message, hint }, { cause })
}

/** How long the job waits for the reporter to show a round, before the job goes on without. */
const patienceMs = 10_000

type ModelOfRound = Pick<RoundSummary, 'round' | 'part'>

/** Records which rounds of each part the reporter has shown, so that no round is committed before its predecessor is shown. */
interface ReportedRounds {
  reported(model: ModelOfRound): void
  /** Resolves once the reporter has shown this round of this part or a later one, or after 10 s. */
  untilReported(model: ModelOfRound): Promise<void>
  /** Rounds are shown no more: ends all waiting. */
  close(): void
}

export function reportedRounds(): ReportedRounds {
  const last = new Map<string | undefined, number>()
  let isClosed = false
  const waiting = new Set<{ readonly model: ModelOfRound; readonly done: () => void }>()
  const isShown = ({ round, part }: ModelOfRound) => (last.get(part) ?? 0) >= round
  return {
    reported({ round, part }) {
      last.set(part, round)
      for (const { model, done } of waiting) if (isShown(model)) done()
    },
    untilReported(model) {
      if (isClosed || isShown(model)) return Promise.resolve()
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(entry)
          resolve()
        }
        const timer = setTimeout(done, patienceMs)
        const entry = { model, done }
        waiting.add(entry)
      })
    },
    close() {
      isClosed = true
      for (const { done } of waiting) done()
    },
  }
}

type RoundEvent = Extract<NumberedEvent['event'], { type: 'round' }>

/** The events of a job's earlier starts. */
interface EarlierEvents {
  /** The number of the last one; 0 without events. */
  readonly last: number
  /** The last round of each part: a process that was killed may not have shown it. */
  readonly rounds: readonly RoundEvent[]
}

export async function earlierEvents({ client, user }: Connection, jobId: string): Promise<EarlierEvents> {
  let last = 0
  const rounds = new Map<string | undefined, RoundEvent>()
  for await (const { number, event } of await client.getJobEvents({ user, jobId, query: { follow: false } })) {
    last = number
    if (event.type === 'round') rounds.set(event.part, event)
  }
  return { last, rounds: [...rounds.values()] }
}

/** Resolves when the job's events end, once no task of the job runs. */
export async function untilAtRest({ client, user }: Connection, jobId: string, after: number): Promise<void> {
  const events = client.jobEvents({ user, jobId, after })
  while (!(await events.next()).done);
}

/** Asks the server to stop a job when the signal is aborted. Never resolves; rejects if the request fails. */
export function stopOn(signal: AbortSignal, { client, user }: Connection, jobId: string): Promise<never> {
  return new Promise((_, reject) => {
    const ask = async () => {
      try {
        await client.updateJobStatus({ user, jobId, body: { state: 'stopping' } })
      } catch (cause) {
        // A job that has ended meanwhile needs no stop.
        if (!(cause instanceof CodedError && cause.code === 'JOB_STATE')) reject(cause)
      }
    }
    if (signal.aborted) void ask()
    else signal.addEventListener('abort', () => void ask(), { once: true })
  })
}

/** Checks before a run that the plot's folder can be written. RUN_PLOT. */
export async function requirePlotPlace(file: string): Promise<void> {
  await orPlotError(file, () => access(dirname(resolve(file)), constants.W_OK))
}

/** Writes the metrics of all rounds among a job's events as an SVG file; writes nothing if no round has a metric. RUN_PLOT. */
export async function plotJob({ client, user }: Connection, jobId: string, file: string): Promise<void> {
  const rounds = new Map<string, RoundSummary>()
  for await (const { event } of await client.getJobEvents({ user, jobId, query: { follow: false } }))
    if (event.type === 'round') rounds.set(JSON.stringify([event.part, event.round]), event)
  const history = [...rounds.values()]
  if (!history.some(({ metrics }) => Object.keys(metrics).length > 0)) return
  const { plot } = await import('../../simulations/index.ts')
  await orPlotError(file, () => writeFile(file, plot(history, { title: jobId })))
}

/** Writes a plot. RUN_PLOT. */
export async function orPlotError(file: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    throw flamectlError('RUN_PLOT', { file, reason: fileReason(cause) }, { cause })
  }
}
