import type { DurableStore } from './store.ts'

const stores = new WeakMap<DurableStore, Map<string, Promise<unknown>>>()

/** Remembers a write under a key until the write has settled; returns the write. */
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
 * Waits for the writes under a key that a stopped or restarted actor has begun. A reader that loads earlier wouldn't see these
 * writes, and the store would refuse the reader's next save.
 */
export async function writesSettled(store: DurableStore, key: string): Promise<void> {
  for (;;) {
    const write = stores.get(store)?.get(key)
    if (!write) return
    await write
  }
}
