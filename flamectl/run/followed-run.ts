import type { EventCause, NumberedEvent } from '../../actors/index.ts'
import { CodedError } from '../../runtime/errors/index.ts'
import type { Connection } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import type { Reporter } from '../output/reporter.ts'

interface RunToFollow {
  readonly job: string
  /** Events up to this number are of earlier runs. */
  readonly after: number
  /** Hears of each round once it was reported. */
  readonly reported: (round: number) => void
  /** What a task failed with last, where its stack is. */
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
    if (event.type === 'round') reported(event.round)
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

/** How long whoever shows rounds may take for one, before the job goes on without. */
const patienceMs = 10_000

/** Which rounds have been shown, so that none is committed before its predecessor has been. */
interface ReportedRounds {
  reported(round: number): void
  /** Resolves once a round was shown, or after a while. */
  untilReported(round: number): Promise<void>
  /** Nobody shows rounds any more: none is waited for. */
  close(): void
}

export function reportedRounds(): ReportedRounds {
  let last = 0
  let isClosed = false
  const waiting = new Map<number, () => void>()
  return {
    reported(round) {
      last = round
      waiting.get(round)?.()
    },
    untilReported(round) {
      if (isClosed || last >= round) return Promise.resolve()
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(round)
          resolve()
        }
        const timer = setTimeout(done, patienceMs)
        waiting.set(round, done)
      })
    },
    close() {
      isClosed = true
      for (const done of waiting.values()) done()
    },
  }
}

/** The number of the last event that a job has had; 0 if there is none. */
export async function lastEventOf({ client, user }: Connection, jobId: string): Promise<number> {
  let last = 0
  for await (const { number } of await client.getJobEvents({ user, jobId, query: { follow: false } })) last = number
  return last
}

/** Resolves once nothing of a job runs any more. */
export async function untilAtRest({ client, user }: Connection, jobId: string, after: number): Promise<void> {
  const events = client.jobEvents({ user, jobId, after })
  while (!(await events.next()).done);
}

/** Asks for a job's stop when the signal is aborted. Never resolves; rejects if that can't be asked for. */
export function stopOn(signal: AbortSignal, { client, user }: Connection, jobId: string): Promise<never> {
  return new Promise((_, reject) => {
    const ask = async () => {
      try {
        await client.updateJobStatus({ user, jobId, body: { state: 'stopping' } })
      } catch (cause) {
        // It has ended meanwhile.
        if (!(cause instanceof CodedError && cause.code === 'JOB_STATE')) reject(cause)
      }
    }
    if (signal.aborted) void ask()
    else signal.addEventListener('abort', () => void ask(), { once: true })
  })
}
