import { EventSourceParserStream } from 'eventsource-parser/stream'
import { z } from 'zod'
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

/** An event of which no more is known than that it is one. */
const anyEvent = z.object({
  number: numberedEvent.shape.number,
  at: numberedEvent.shape.at,
  event: z.looseObject({ type: z.string() }),
})

/** What is wrong about an event of a newer server: its type, or a state that is new. */
const newerIssues: readonly string[] = ['invalid_union', 'invalid_value']

/**
 * An event as this version knows it: without fields that a newer server added, and without the nulls for which an older one
 * had numbers that aren't finite. Undefined for a type or a state of a newer one. CLIENT_ANSWER for what is no event.
 */
function eventIn(data: string): NumberedEvent | undefined {
  try {
    const given = anyEvent.parse(JSON.parse(data))
    const known = numberedEvent.safeParse({ ...given, event: withoutNulls(given.event) })
    if (known.success) return known.data
    if (known.error.issues.every(({ code }) => newerIssues.includes(code))) return undefined
    throw known.error
  } catch (cause) {
    throw clientError('CLIENT_ANSWER', { request: 'jobEvents', found: data.slice(0, 200) }, { cause })
  }
}

/** Without fields that are null, at the event itself and in its maps. */
function withoutNulls(event: object): Record<string, unknown> {
  const kept = Object.entries(event).filter(([, value]) => value !== null)
  return Object.fromEntries(kept.map(([name, value]) => [name, isMap(value) ? withoutNulls(value) : value] as const))
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The events of a stream that this version knows, to its end. CLIENT_ANSWER. */
export async function* eventsOf({ body }: Response): AsyncGenerator<NumberedEvent, void, void> {
  if (!body) return
  const reader = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const event = value.data === '' ? undefined : eventIn(value.data)
      if (event) yield event
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
