import type { IncomingHttpHeaders } from 'node:http'
import { apiError } from '../errors.ts'

const loopback = /^(localhost\.?|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** Whether a host can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return loopback.test(host)
}

/** The address that a request was sent to, by its Host; undefined if there is none. API_HEADER if it's none. */
export function hostOf({ host }: IncomingHttpHeaders): URL | undefined {
  if (host === undefined || host === '') return undefined
  const address = `http://${host}`
  if (/^[^\s/?#@\\]+$/.test(host) && URL.canParse(address)) return new URL(address)
  const expected = 'the name or the address of the server, IPv6 in brackets, and its port'
  throw apiError('API_HEADER', { header: 'Host', found: JSON.stringify(host.slice(0, 300)), expected })
}

/**
 * From where a request comes that a page of another site has made, in a browser of this machine: by a name that was made to
 * point here, or with another origin than the server's and those allowed. Undefined if it's no such request.
 */
export function foreignSource(
  host: URL | undefined,
  origin: string | undefined,
  allowed: readonly string[],
): string | undefined {
  if (!host) return 'an unnamed host'
  if (!isLoopback(host.hostname)) return host.host
  return origin === undefined || origin === host.origin || allowed.includes(origin) ? undefined : origin
}
