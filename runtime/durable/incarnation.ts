import { CodedError } from '../errors/coded-error.ts'
import { decode, encode } from './codec.ts'
import { isStoreTrouble } from './errors.ts'
import type { DurableStore } from './store.ts'

/** Each failed attempt means that another process of the node has begun. */
const mostAttempts = 100

/**
 * Numbers a life of a node, greater than the numbers of all earlier lives that the store knows. Other nodes may know lives of
 * which the store has lost its memory, such as that of a browser whose data were cleared: hence the time, in milliseconds.
 * A store without room doesn't keep the number: by the time alone the next life's number is greater.
 */
export async function nextIncarnation(store: DurableStore, key: string, epochMs: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const kept = await store.load(key)
    const last = kept && decode(kept.bytes)
    const next = Math.max(Math.floor(epochMs), typeof last === 'number' ? last + 1 : 0)
    try {
      await store.save(key, kept?.version ?? 0, encode(next))
      return next
    } catch (cause) {
      if (isStoreTrouble(cause)) return next
      if (!(cause instanceof CodedError && cause.code === 'STORE_VERSION') || attempt === mostAttempts) throw cause
    }
  }
}
