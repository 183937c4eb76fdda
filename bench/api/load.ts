import { type Dispatcher, Pool } from 'undici'

export interface Load {
  readonly perSecond: number
  /** Milliseconds, of the time from a request to the end of its answer. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that the server is busy (503), a second; they don't count above. */
  readonly refusedPerSecond: number
}

/** What is sent, but for its number. */
export type RequestOf = (number: number) => Pick<Dispatcher.RequestOptions, 'path' | 'method' | 'body'>

/**
 * Sends requests over so many connections, one at a time on each, for so long or so many. Rejects if one is refused for
 * another reason than that the server is busy.
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
