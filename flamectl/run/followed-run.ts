import type { EventCause, NumberedEvent } from '../../actors/index.ts'
import { CodedError } from '../../runtime/errors/index.ts'
import type { Connection } from '../connection/connection.ts'
import { flamectlError } from '../errors.ts'
import type { Reporter } from '../output/reporter.ts'

export interface RunToFollow {
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
