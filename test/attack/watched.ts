import { setTimeout } from 'node:timers/promises'
import { Client } from 'undici'
import type { Figures, Target } from './target.ts'

/** How another user fared while an attack went on, and what the attack left behind. */
export interface Watched {
  /** Milliseconds that the slowest request of the other user took. */
  readonly stallMs: number
  /** Requests of the other user, and how many of these were not answered 200. */
  readonly requests: number
  readonly refused: number
  readonly before: Figures
  /** The highest resident memory that was seen. */
  readonly peakBytes: number
  readonly after: Figures
}

const everyMs = 20
/** What the attack held is given back by then. */
const settlesMs = 3000

/** Runs an attack while another user asks for its own designs, one request after the other. */
export async function watched(target: Target, attack: () => Promise<void>): Promise<Watched> {
  const headers = await target.bearer('bystander', 'user')
  const client = new Client(target.url)
  const ask = async (): Promise<boolean> => {
    const answer = await client.request({ method: 'GET', path: '/users/bystander/designs', headers })
    await answer.body.text()
    return answer.statusCode === 200
  }
  await ask()
  const before = await target.figures()
  let [stallMs, requests, refused, peakBytes] = [0, 0, 0, before.memoryBytes]
  const ending = new AbortController()
  const bystander = async () => {
    while (!ending.signal.aborted) {
      const began = performance.now()
      const isAnswered = await ask().catch(() => false)
      stallMs = Math.max(stallMs, performance.now() - began)
      requests += 1
      if (!isAnswered) refused += 1
      peakBytes = Math.max(peakBytes, (await target.figures()).memoryBytes)
      await setTimeout(everyMs)
    }
  }
  const watching = bystander()
  try {
    await attack()
  } finally {
    ending.abort()
    await watching
    await client.destroy()
  }
  await setTimeout(settlesMs)
  return { stallMs, requests, refused, before, peakBytes, after: await target.figures() }
}
