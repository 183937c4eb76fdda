import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { NumberedEvent } from '../../actors/index.ts'
import { endedNames } from '../../actors/model/index.ts'
import type { FollowedEvents } from '../operation.ts'
import type { Hide } from './server-paths.ts'

export interface StreamOptions {
  /** Aborted when the server closes: streams end then. */
  readonly closing: AbortSignal
  /** After so long without an event a comment is sent, which shows both sides whether the other is there. */
  readonly heartbeatMs: number
  /** Of the text of events. */
  readonly hide?: Hide | undefined
}

export const eventStreamType = 'text/event-stream'

/** A job at rest may have its last event still to come. */
const lastEventMs = 2000

/**
 * Sends events as they come (server-sent events), the next ones only when those before have gone out. It ends when the job
 * has ended and all is sent, when the caller goes, or when the server closes: who asks again after the last number misses
 * nothing. Answered with 204, which tells a browser not to come again, if the job has ended and there is nothing more.
 */
export async function sendEvents(
  response: ServerResponse,
  events: FollowedEvents,
  options: StreamOptions,
): Promise<void> {
  const stop = new AbortController()
  let wake = () => {}
  const abort = () => {
    stop.abort()
    wake()
  }
  response.once('close', abort)
  options.closing.addEventListener('abort', abort, { once: true })
  if (options.closing.aborted) abort()
  try {
    await sendUntilOver()
  } finally {
    response.off('close', abort)
    options.closing.removeEventListener('abort', abort)
  }

  async function sendUntilOver(): Promise<void> {
    let last = events.after
    /** Whether the last state that was sent is one in which the job has ended. */
    let hasSentEnd = false
    let mayBeOver = true
    let found = await events.read(last, 0)
    while (!stop.signal.aborted) {
      if (found.length > 0) {
        for (const { number, event } of found) {
          last = number
          if (event.type === 'state') hasSentEnd = endedNames.includes(event.state)
        }
        mayBeOver ||= hasSentEnd
        await write(
          found
            .filter(({ event }) => events.isWanted(event))
            .map((event) => framed(event, options.hide))
            .join(''),
        )
        found = await events.read(last, 0)
        continue
      }
      if (!events.follow) break
      const isOver = mayBeOver && (await events.hasEnded())
      if (isOver && hasSentEnd) break
      if (!isOver) begin()
      found = await next(last, isOver ? lastEventMs : options.heartbeatMs)
      mayBeOver = found.length === 0
      if (isOver && mayBeOver) break
      if (mayBeOver) await write(': still here\n\n')
    }
    if (response.headersSent || !events.follow || stop.signal.aborted) begin()
    else response.writeHead(204)
    response.end()
  }

  /** The next events, or none after a while or when the stream is to stop. */
  function next(last: number, waitMs: number): Promise<readonly NumberedEvent[]> {
    return new Promise((resolve, reject) => {
      wake = () => resolve([])
      if (stop.signal.aborted) return wake()
      events.read(last, waitMs).then(resolve, reject)
    })
  }

  function begin(): void {
    if (response.headersSent || response.destroyed) return
    const uncached = { 'cache-control': 'no-store', 'x-accel-buffering': 'no' }
    response.writeHead(200, { 'content-type': eventStreamType, ...uncached })
    response.flushHeaders()
  }

  async function write(text: string): Promise<void> {
    begin()
    if (text === '' || stop.signal.aborted || response.write(text)) return
    await once(response, 'drain', { signal: stop.signal }).catch((cause: unknown) => {
      if (!stop.signal.aborted) throw cause
    })
  }
}

function framed(event: NumberedEvent, hide: Hide = (json) => json): string {
  return `id: ${event.number}\ndata: ${hide(JSON.stringify(event))}\n\n`
}
