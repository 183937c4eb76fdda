import type { Clock } from '../../runtime/index.ts'

/** A reader that waits for the next event under its key. */
export interface Waiting {
  /** Resolves when the reader is woken, after the given time, or when the actor ends. */
  orAfter(clock: Clock, timeoutMs: number): Promise<void>
  /** Wakes this reader alone. */
  wake(): void
  cancel(): void
}

/** Readers that wait under a key, such as a job or a recipient. `ended` is aborted when their actor ends. */
export function waitingReaders(ended: AbortSignal) {
  const wakers = new Map<string, Set<() => void>>()
  const readers = {
    wait(key: string): Waiting {
      let resolve = () => {}
      const woken = new Promise<void>((wake) => {
        resolve = wake
      })
      const present = wakers.get(key) ?? new Set()
      wakers.set(key, present)
      present.add(resolve)
      return {
        async orAfter(clock, timeoutMs) {
          if (ended.aborted) return
          const cancel = clock.schedule(timeoutMs, resolve)
          await woken
          cancel()
        },
        wake: () => resolve(),
        cancel() {
          present.delete(resolve)
          if (present.size === 0 && wakers.get(key) === present) wakers.delete(key)
        },
      }
    },
    wake(key: string): void {
      for (const wake of wakers.get(key) ?? []) wake()
    },
    wakeAll(): void {
      for (const key of wakers.keys()) readers.wake(key)
    },
  }
  ended.addEventListener('abort', readers.wakeAll, { once: true })
  return readers
}
