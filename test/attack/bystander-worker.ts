import { setTimeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { Client } from 'undici'

/** Another user's experience during an attack. */
export interface Bystander {
  /** Milliseconds that the slowest request took. */
  readonly stallMs: number
  /** Number of requests, and of answers other than 200. */
  readonly requests: number
  readonly refused: number
}

const everyMs = 20

/**
 * Worker: a user who lists its own designs, one request after another, until it is told to stop. Its thread isn't
 * slowed by the attacker.
 */
const { url, headers }: { readonly url: string; readonly headers: Readonly<Record<string, string>> } = workerData
const client = new Client(url)
const ask = async (): Promise<boolean> => {
  const answer = await client.request({ method: 'GET', path: '/users/bystander/designs', headers })
  await answer.body.text()
  return answer.statusCode === 200
}
const ending = new AbortController()
parentPort?.once('message', () => {
  ending.abort()
})
await ask()
parentPort?.postMessage('ready', [])
let [stallMs, requests, refused] = [0, 0, 0]
while (!ending.signal.aborted) {
  const began = performance.now()
  const isAnswered = await ask().catch(() => false)
  stallMs = Math.max(stallMs, performance.now() - began)
  requests += 1
  if (!isAnswered) refused += 1
  await setTimeout(everyMs)
}
await client.destroy()
parentPort?.postMessage({ stallMs, requests, refused } satisfies Bystander, [])
