import type { IncomingMessage, ServerResponse } from 'node:http'
import { isFailure } from '../../actors/index.ts'
import type { ActorSystem, Cancel, DeadLetter, KernelEvent } from '../../runtime/index.ts'
import { type Exchange, loggedPath } from '../http/exchange.ts'
import type { Log } from '../log.ts'
import type { Metrics } from './metrics.ts'

/** Health, metrics: asked for every few seconds. */
const ownNames: readonly string[] = ['healthz', 'readyz', 'metrics']

/** Counts a request and logs how it ended. */
export function observeRequest(
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
  { log, metrics }: { readonly log: Log; readonly metrics: Metrics },
): void {
  metrics.begin()
  response.once('close', () => {
    const { requestId, beganAt, operation = 'none', caller, code, isStream = false } = exchange
    const elapsedMs = performance.now() - beganAt
    metrics.end({ operation, status: response.statusCode, seconds: elapsedMs / 1000, isStream })
    const level = ownNames.includes(operation) ? 'debug' : 'info'
    if (!log.isLevelEnabled(level)) return
    const { method } = request
    const answered = { status: response.statusCode, ms: Math.round(elapsedMs), ...(code ? { code } : {}) }
    const who = caller ? { user: caller.user, tokenId: caller.tokenId } : {}
    const cut = response.writableFinished ? {} : { cut: true }
    log[level]({ requestId, operation, method, path: loggedPath(request), ...who, ...answered, ...cut }, 'request')
  })
}

/** So long are requests that were turned away counted before a line of the log tells of them. */
const toldEveryMs = 1000

/**
 * Counts requests that are refused before their route is looked for, and logs one line a second for all of them: with the
 * number of each code, and one of these requests as an example.
 */
export function turnedAwayObserver({ log, metrics }: { readonly log: Log; readonly metrics: Metrics }) {
  let counts = new Map<string, number>()
  let telling: NodeJS.Timeout | undefined
  return ({ requestId, address }: Exchange, request: IncomingMessage, code: string): void => {
    metrics.turnedAway(401)
    counts.set(code, (counts.get(code) ?? 0) + 1)
    if (telling) return
    const example = { requestId, address, method: request.method, path: loggedPath(request) }
    telling = setTimeout(() => {
      telling = undefined
      log.info({ counts: Object.fromEntries(counts), example }, 'requests were turned away')
      counts = new Map()
    }, toldEveryMs).unref()
  }
}

/** Logs faults and dead letters of the actors. */
export function observeActors(system: Pick<ActorSystem, 'events' | 'deadLetters'>, log: Log): Cancel {
  const cancels = [
    system.events.subscribe((event) => logEvent(log, event)),
    system.deadLetters.subscribe((letter) => logDeadLetter(log, letter)),
  ]
  return () => {
    for (const cancel of cancels) cancel()
  }
}

function logEvent(log: Log, event: KernelEvent): void {
  const { type, path } = event
  switch (type) {
    case 'restarted':
    case 'resumed':
    case 'escalated':
      return log.error({ actor: path, err: event.cause }, `an actor failed and was ${type}`)
    case 'stopped':
      if (event.cause !== undefined) log.error({ actor: path, err: event.cause }, 'an actor failed and was stopped')
      return
    case 'slow-handler':
      return log.warn({ actor: path, ms: Math.round(event.elapsedMs) }, 'an actor was slow')
  }
}

function logDeadLetter(log: Log, { path, message, reason }: DeadLetter): void {
  // Who asked didn't wait for it: nobody else tells of this fault.
  if (isFailure(message))
    log.error({ actor: path, requestId: message.context?.requestId, err: message.cause }, 'a request failed')
  else log[reason === 'mailbox-full' ? 'warn' : 'debug']({ actor: path, reason }, 'a message was not delivered')
}
