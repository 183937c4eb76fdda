import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import type { NumberedEvent } from '../../actors/index.ts'
import { numberedEvent } from '../../actors/model/index.ts'
import { CodedError } from '../../runtime/errors/index.ts'
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

const usualSilenceMs = 45_000

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

/** The events of a stream that this version knows, to its end. CLIENT_ANSWER, CLIENT_SILENT. */
export async function* eventsOf(
  { body }: Response,
  silenceMs = usualSilenceMs,
): AsyncGenerator<NumberedEvent, void, void> {
  if (!body) return
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const came: string[] = []
  const parser = createParser({ onEvent: ({ data }) => void came.push(data) })
  try {
    for (;;) {
      const { done, value } = await unlessSilent(reader.read(), silenceMs)
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
      for (const data of came.splice(0)) {
        const event = data === '' ? undefined : eventIn(data)
        if (event) yield event
      }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** A connection that is lost without a word, as of a machine that sleeps, shows only by what doesn't come. */
async function unlessSilent<Value>(coming: Promise<Value>, silenceMs: number): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(clientError('CLIENT_SILENT', { seconds: silenceMs / 1000 })), silenceMs)
  })
  try {
    return await Promise.race([coming, silence])
  } finally {
    clearTimeout(timer)
  }
}
