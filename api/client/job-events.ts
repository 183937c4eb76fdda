import type { NumberedEvent } from '../../actors/index.ts'
import { CodedError } from '../../runtime/errors/index.ts'
import { statusOf } from './answers.ts'
import { eventsOf, filled, usualSilenceMs } from './codec.ts'
import { clientError } from './errors.ts'
import { pause, type Transport } from './transport.ts'

export interface EventsOf {
  readonly user: string
  readonly jobId: string
  /** Those after this number. Default: 0, all. */
  readonly after?: number
  /** For how long the events may be out of reach, before it's an error. Default: 60,000. */
  readonly patienceMs?: number
  /** For how long nothing at all may come before the connection counts as lost. A server sends something each 15 s. Default: 45,000. */
  readonly silenceMs?: number
}

export interface FollowOptions {
  readonly signal?: AbortSignal
  /** Hears, once each time, that the server can't be reached and is tried again. */
  readonly onAway?: (cause: unknown) => void
  /** Hears that it can be reached again. */
  readonly onBack?: () => void
}

const path = '/users/{user}/jobs/{jobId}/events'
const pauseMs = 500

/** Reads a job's events until it has ended, resuming after the last one whenever the connection is lost. */
export async function* jobEvents(
  to: Transport,
  { user, jobId, after = 0, patienceMs = 60_000, silenceMs = usualSilenceMs }: EventsOf,
  { signal, onAway, onBack }: FollowOptions,
): AsyncGenerator<NumberedEvent, void, void> {
  let last = after
  let lostAt: number | undefined
  let isAway = false
  for (;;) {
    let isReached = false
    try {
      const response = await to.send({
        method: 'GET',
        path: filled(path, { user, jobId }),
        headers: { accept: 'text/event-stream, application/problem+json', 'last-event-id': String(last) },
        streamed: true,
        ...(signal ? { signal } : {}),
      })
      isReached = true
      lostAt = undefined
      if (isAway) onBack?.()
      isAway = false
      // Nothing more will come.
      if (response.status === 204) return
      for await (const event of eventsOf(response, silenceMs)) {
        if (event.number <= last) continue
        last = event.number
        yield event
      }
    } catch (cause) {
      if (signal?.aborted || isFinal(cause)) throw cause
      lostAt ??= Date.now()
      if (Date.now() - lostAt >= patienceMs) {
        const reason = cause instanceof Error ? cause.message : cause
        throw clientError(
          'CLIENT_EVENTS_LOST',
          { job: jobId, after: last, seconds: patienceMs / 1000, reason },
          { cause },
        )
      }
      if (!isReached && !isAway) {
        isAway = true
        onAway?.(cause)
      }
    }
    await pause(pauseMs, signal)
  }
}

/** Whether connecting again would not help. */
function isFinal(cause: unknown): boolean {
  const status = statusOf(cause)
  if (cause instanceof CodedError && cause.code === 'CLIENT_ANSWER') return true
  return status !== undefined && status < 500 && status !== 429
}
