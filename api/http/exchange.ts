import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Caller } from '../auth/authority.ts'

/** A request with the facts that the server learns about it until the answer. */
export interface Exchange {
  /** Joins the log lines of one request. */
  readonly requestId: string
  /** Of the monotonic clock, in milliseconds. */
  readonly beganAt: number
  /** Id of the operation, once it's found. */
  operation?: string
  /** Undefined where nobody is asked who they are, and until it's known. */
  caller?: Caller
  isStream?: true
  /** The address that it came from. */
  readonly address: string
  /** The number under which it's noted that this change was asked for. */
  asked?: Promise<number>
  /** Code of the problem, if it was refused. */
  code?: string
}

const header = 'x-request-id'
const wellFormed = /^[\w.:@/+=-]{1,100}$/

const exchangeKey = Symbol('exchange')

/** A request bears its exchange itself: a request is asked for its exchange many times. */
type Exchanging = IncomingMessage & { [exchangeKey]?: Exchange }

/** Takes a request's id from its header, or makes one where it has none that can stand in a log; the answer bears it. */
export function beginExchange(request: Exchanging, response: ServerResponse): Exchange {
  const given = request.headers[header]
  const requestId = typeof given === 'string' && wellFormed.test(given) ? given : randomUUID()
  response.setHeader(header, requestId)
  const exchange = { requestId, beganAt: performance.now(), address: request.socket.remoteAddress ?? '' }
  request[exchangeKey] = exchange
  return exchange
}

/** The exchange that a request began. */
export function exchangeOf(request: Exchanging): Exchange {
  const found = request[exchangeKey]
  if (!found) throw new TypeError('this request began no exchange')
  return found
}

const loggedCharacters = 500

/** A token, or its first part, anywhere in an address. */
const tokens = /eyJ[\w-]{5,}(\.[\w-]*){0,2}/g

/** As much of a request's address as may be kept: without the query, which may hold a key, and without tokens. */
export function loggedPath({ url = '' }: IncomingMessage): string {
  return (url.split('?')[0] ?? '').replace(tokens, '[token]').slice(0, loggedCharacters)
}
