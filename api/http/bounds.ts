import type { ServerResponse } from 'node:http'
import { apiError } from '../errors.ts'

export interface Bounds {
  /** Requests under way at once; streams of events are counted for themselves. */
  readonly requests: number
  readonly streams: number
}

/** Health is answered for however much there is to do. */
const unbounded: readonly string[] = ['/healthz', '/readyz']

/** Lets so many requests in and no more. */
export function boundedBy({ requests: mostRequests, streams: mostStreams }: Bounds) {
  const [requests, streams] = [new Set<ServerResponse>(), new Set<ServerResponse>()]
  const enter = (response: ServerResponse, within: Set<ServerResponse>) => {
    within.add(response)
    // Once it's answered whole, or the caller is gone.
    for (const end of ['finish', 'close']) response.once(end, () => within.delete(response))
  }
  return {
    /** API_TOO_MANY. */
    request(path: string, response: ServerResponse): void {
      if (unbounded.includes(path)) return
      if (requests.size >= mostRequests) throw apiError('API_TOO_MANY', { limit: mostRequests, what: 'requests' })
      enter(response, requests)
    },
    /** What was a request is a stream from here on. API_TOO_MANY. */
    stream(response: ServerResponse): void {
      if (streams.size >= mostStreams) throw apiError('API_TOO_MANY', { limit: mostStreams, what: 'streams' })
      requests.delete(response)
      enter(response, streams)
    },
  }
}
