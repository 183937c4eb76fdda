import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { apiError } from '../errors.ts'

const loopback = /^(localhost\.?|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** Whether a host can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return loopback.test(host)
}

/** Nearly all requests name the same. */
let lastHost: { readonly host: string; readonly address: Readonly<URL> } | undefined

/** The address that a request was sent to, by its Host; undefined if there is none. API_HEADER if it's none, or several. */
export function hostOf({
  headers: { host },
  rawHeaders,
}: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): Readonly<URL> | undefined {
  // Node takes the first of several, and a proxy may have taken another.
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  const refused = (found: string, expected: string) => apiError('API_HEADER', { header: 'Host', found, expected })
  if (hosts > 1) throw refused(`there ${hosts} times`, 'it once')
  if (host === undefined || host === '') return undefined
  if (lastHost?.host === host) return lastHost.address
  const address = `http://${host}`
  if (/^[^\s/?#@\\]+$/.test(host) && URL.canParse(address)) {
    lastHost = { host, address: new URL(address) }
    return lastHost.address
  }
  const expected = 'the name or the address of the server, IPv6 in brackets, and its port'
  throw refused(JSON.stringify(host.slice(0, 300)), expected)
}

/**
 * The source of a request that a page of another site made in a browser: the request came to a name that was made to point
 * here, or has an origin that isn't allowed, or the browser says so itself (Fetch Metadata), for images and links too.
 * Undefined for all other requests.
 */
export function foreignSource(
  host: Readonly<URL> | undefined,
  { origin, 'sec-fetch-site': site }: IncomingHttpHeaders,
  allowed: readonly string[],
  isSecure = false,
): string | undefined {
  if (!host) return 'an unnamed host'
  if (!isLoopback(host.hostname)) return host.host
  const own = isSecure ? `https://${host.host}` : host.origin
  if (origin !== undefined) return origin === own || allowed.includes(origin) ? undefined : origin
  return site === 'cross-site' || site === 'same-site' ? 'a page of another origin' : undefined
}

/** Headers that a page of another origin may read, besides those that every page may. */
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

/** Answers a browser's preflight request for a page. False if the request is no preflight. */
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
