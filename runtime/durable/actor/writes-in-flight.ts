import type { DurableStore } from '../store.ts'

const stores = new WeakMap<DurableStore, Map<string, Promise<unknown>>>()

/** Remembers a write under a key until it has settled. */
export function noteWrite<Result>(store: DurableStore, key: string, write: Promise<Result>): Promise<Result> {
  const writes = stores.get(store) ?? new Map<string, Promise<unknown>>()
  stores.set(store, writes)
  const all = Promise.allSettled([writes.get(key), write])
  writes.set(key, all)
  void all.then(() => {
    if (writes.get(key) === all) writes.delete(key)
  })
  return write
}

/**
 * Waits for what an actor that has been stopped or restarted still writes under a key: who loads before that would not see
 * it, and would be refused as a second writer.
 */
export async function writesSettled(store: DurableStore, key: string): Promise<void> {
  for (;;) {
    const write = stores.get(store)?.get(key)
    if (!write) return
    await write
  }
}
