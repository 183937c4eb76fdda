import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiError } from '../errors.ts'

/** What a page elsewhere may read and send besides what every page may. */
const exposed = [
  'ETag',
  'Link',
  'Content-Disposition',
  'Content-Range',
  'Idempotency-Replayed',
  'Retry-After',
  'X-Request-Id',
]
const sendable = [
  ...['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'If-None-Match', 'If-Range'],
  ...['Last-Event-ID', 'Range', 'X-API-KEY', 'X-Request-Id'],
]
const preflightSeconds = 600

/**
 * Lets a page of an allowed origin read the answer (CORS). Never with cookies, of which the server has none: a page shows its
 * token itself.
 */
export function allowPage({ headers }: IncomingMessage, response: ServerResponse, allowed: readonly string[]): void {
  if (allowed.length > 0) response.setHeader('vary', 'Origin')
  const { origin } = headers
  if (origin === undefined || !allowed.includes(origin)) return
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-expose-headers', exposed.join(', '))
}

/** Answers the question of a browser whether such a page may ask; false if it's no such question. */
export function answersPreflight(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  allowed: readonly string[],
): boolean {
  const isAsked = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
  if (!isAsked || headers.origin === undefined || !allowed.includes(headers.origin)) return false
  response.setHeader('access-control-allow-methods', 'GET, HEAD, POST, PUT, DELETE')
  response.setHeader('access-control-allow-headers', sendable.join(', '))
  response.setHeader('access-control-max-age', preflightSeconds)
  response.writeHead(204)
  response.end()
  return true
}

/** API_ORIGIN unless each is an origin: a scheme, a host and a port, as a browser names it. */
export function checkOrigins(origins: readonly string[]): void {
  for (const origin of origins)
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw apiError('API_ORIGIN', { found: origin })
}
