import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Bystander } from './bystander-worker.ts'
import type { Figures, Target } from './target.ts'

/** Another user's experience during an attack, and the server's use of resources after it. */
export interface Watched extends Bystander {
  readonly before: Figures
  /** The highest resident memory that was measured. */
  readonly peakBytes: number
  readonly after: Figures
}

const everyMs = 100
/** Time after which resources of the attack must be given back. */
const settlesMs = 3000

/** Runs an attack while another user lists its own designs, one request after another. */
export async function watched(target: Target, attack: () => Promise<void>): Promise<Watched> {
  const workerData = { url: target.url, headers: await target.bearer('bystander', 'user') }
  const bystander = new Worker(new URL('bystander-worker.js', import.meta.url), { workerData })
  await once(bystander, 'message')
  const before = await target.figures()
  let peakBytes = before.memoryBytes
  const ending = new AbortController()
  const sampled = (async () => {
    while (!ending.signal.aborted) {
      peakBytes = Math.max(peakBytes, (await target.figures()).memoryBytes)
      await setTimeout(everyMs)
    }
  })()
  const fared: Promise<Bystander[]> = once(bystander, 'message')
  try {
    await attack()
  } finally {
    ending.abort()
    bystander.postMessage('stop', [])
    await sampled
  }
  const [how] = await fared
  if (!how) throw new Error('the bystander has said nothing')
  await setTimeout(settlesMs)
  return { ...how, before, peakBytes, after: await target.figures() }
}
