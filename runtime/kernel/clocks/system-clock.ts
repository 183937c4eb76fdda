import type { Clock } from '../clock.ts'

/** Longest delay that a platform timer keeps. */
const longestMs = 2 ** 31 - 1

/** The platform's monotonic clock. Its timers keep the process alive; those of actors are cancelled with them. */
export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    schedule(delayMs, callback) {
      let timer: ReturnType<typeof setTimeout>
      const wait = (leftMs: number) => {
        timer =
          leftMs > longestMs ? setTimeout(() => wait(leftMs - longestMs), longestMs) : setTimeout(callback, leftMs)
      }
      wait(delayMs)
      return () => clearTimeout(timer)
    },
  }
}
