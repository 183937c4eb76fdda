import { CodedError, type DurableStore, decode, encode } from '../../runtime/index.ts'

const key = 'link/incarnation'
/** Each failed attempt means that another server has begun. */
const mostAttempts = 100

/**
 * Numbers this life of the server, greater than those of all earlier servers on the store. A store that doesn't last
 * knows no earlier one, but flamelets may: hence the time.
 */
export async function nextIncarnation(store: DurableStore, epochMs: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const kept = await store.load(key)
    const last = kept && decode(kept.bytes)
    const next = Math.max(epochMs, typeof last === 'number' ? last + 1 : 0)
    try {
      await store.save(key, kept?.version ?? 0, encode(next))
      return next
    } catch (cause) {
      if (!(cause instanceof CodedError && cause.code === 'STORE_VERSION') || attempt === mostAttempts) throw cause
    }
  }
}
