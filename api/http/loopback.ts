import type { IncomingHttpHeaders } from 'node:http'

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/

/** Whether a host can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return loopback.test(host)
}

/**
 * From where a request comes that a page of another site has made, in a browser of this machine: by a name that was made to
 * point here, or with another origin than the server's. Undefined if it's no such request.
 */
export function foreignSource({ host = '', origin }: IncomingHttpHeaders): string | undefined {
  if (!isLoopback(host.replace(/:\d+$/, ''))) return host || 'an unnamed host'
  return origin === undefined || origin === `http://${host}` ? undefined : origin
}
