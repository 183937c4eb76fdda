import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { NumberedEvent } from '../../actors/index.ts'
import { CodedError } from '../../runtime/errors/index.ts'
import { numberedEvent } from '../operations/event-model.ts'
import { clientError, statusOf } from './errors.ts'
import { filled } from './request.ts'
import { pause, type Transport } from './transport.ts'

export interface EventsOf {
  readonly user: string
  readonly jobId: string
  /** Those after this number. Default: 0, all. */
  readonly after?: number
  /** For how long the events may be out of reach, before it's an error. Default: 60,000. */
  readonly patienceMs?: number
}

const path = '/users/{user}/jobs/{jobId}/events'
const pauseMs = 500

/** Reads a job's events until it has ended, resuming after the last one whenever the connection is lost. */
export async function* jobEvents(
  to: Transport,
  { user, jobId, after = 0, patienceMs = 60_000 }: EventsOf,
  signal: AbortSignal | undefined,
): AsyncGenerator<NumberedEvent, void, void> {
  let last = after
  let lostAt: number | undefined
  for (;;) {
    try {
      const response = await to.send({
        method: 'GET',
        path: filled(path, { user, jobId }),
        headers: { accept: 'text/event-stream, application/problem+json', 'last-event-id': String(last) },
        streamed: true,
        ...(signal ? { signal } : {}),
      })
      lostAt = undefined
      // Nothing more will come.
      if (response.status === 204) return
      for await (const event of eventsOf(response)) {
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

function eventIn(data: string): NumberedEvent {
  try {
    return numberedEvent.parse(JSON.parse(data))
  } catch (cause) {
    throw clientError('CLIENT_ANSWER', { request: 'jobEvents', found: data.slice(0, 200) }, { cause })
  }
}

/** The events of a stream, to its end. CLIENT_ANSWER. */
export async function* eventsOf({ body }: Response): AsyncGenerator<NumberedEvent, void, void> {
  if (!body) return
  const reader = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      if (value.data !== '') yield eventIn(value.data)
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
