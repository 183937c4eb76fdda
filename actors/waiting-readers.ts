import type { ActorContext } from '../runtime/index.ts'

/** A reader that waits for what comes next under its key. */
export interface Waiting {
  /** Resolves when the key's readers were woken since the waiting began, after this time, or when the actor ends. */
  orAfter(context: Pick<ActorContext<never>, 'clock' | 'signal'>, timeoutMs: number): Promise<void>
  cancel(): void
}

/** Those who wait for something new, by a key: a job, a recipient. */
export function waitingReaders() {
  const wakers = new Map<string, Set<() => void>>()
  return {
    wait(key: string): Waiting {
      let resolve = () => {}
      const woken = new Promise<void>((wake) => {
        resolve = wake
      })
      const present = wakers.get(key) ?? new Set()
      wakers.set(key, present)
      present.add(resolve)
      return {
        async orAfter({ clock, signal }, timeoutMs) {
          const cancel = clock.schedule(timeoutMs, resolve)
          signal.addEventListener('abort', resolve, { once: true })
          await woken
          cancel()
          signal.removeEventListener('abort', resolve)
        },
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
      for (const key of wakers.keys()) this.wake(key)
    },
  }
}
