import type { ActorContext } from '../../runtime/index.ts'

/** A reader that waits for its job's next event. */
export interface Waiting {
  /** Resolves when the job's readers were woken since the waiting began, after this time, or when the actor ends. */
  orAfter(context: Pick<ActorContext<never>, 'clock' | 'signal'>, timeoutMs: number): Promise<void>
  cancel(): void
}

/** Those who wait, by job. */
export function waitingReaders() {
  const wakers = new Map<string, Set<() => void>>()
  return {
    wait(job: string): Waiting {
      let resolve = () => {}
      const woken = new Promise<void>((wake) => {
        resolve = wake
      })
      const present = wakers.get(job) ?? new Set()
      wakers.set(job, present)
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
          if (present.size === 0 && wakers.get(job) === present) wakers.delete(job)
        },
      }
    },
    wake(job: string): void {
      for (const wake of wakers.get(job) ?? []) wake()
    },
  }
}
