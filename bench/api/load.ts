import { type Dispatcher, Pool } from 'undici'

export interface Load {
  readonly perSecond: number
  /** Milliseconds from a request to the end of its answer. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Refusals of a busy server (503) per second; the other figures don't count them. */
  readonly refusedPerSecond: number
}

/** Makes the request of a number, from 0. */
export type RequestOf = (number: number) => Pick<Dispatcher.RequestOptions, 'path' | 'method' | 'body'>

/**
 * Sends requests over a number of connections, one at a time on each, until a time or a number of requests is reached.
 * Rejects if a request fails with a status other than 503.
 */
export async function load(
  url: string,
  connections: number,
  bound: { readonly ms: number } | { readonly requests: number },
  requestOf: RequestOf,
): Promise<Load> {
  const pool = new Pool(url, { connections, pipelining: 1 })
  const latencies: number[] = []
  let refused = 0
  let number = 0
  const began = performance.now()
  const goesOn = () => ('ms' in bound ? performance.now() - began < bound.ms : number < bound.requests)
  const connection = async () => {
    while (goesOn()) {
      const at = performance.now()
      const headers = { 'content-type': 'application/json' }
      const { statusCode, body } = await pool.request({ ...requestOf(number++), headers })
      const text = await body.text()
      if (statusCode === 503) refused += 1
      else if (statusCode >= 300) throw new Error(`answered ${statusCode}: ${text}`)
      else latencies.push(performance.now() - at)
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, connection))
  } finally {
    await pool.destroy()
  }
  const seconds = (performance.now() - began) / 1000
  const sorted = Float64Array.from(latencies).toSorted()
  const at = (fraction: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN
  return { perSecond: sorted.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99), refusedPerSecond: refused / seconds }
}
