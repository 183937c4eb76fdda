import type { Clock } from '../clock.ts'

/** Longest delay that a platform timer keeps. */
const longestMs = 2 ** 31 - 1

/** The platform's monotonic clock. Its timers keep no process alive by themselves being cancelled with their actors. */
export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    schedule(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(delayMs, longestMs))
      return () => clearTimeout(timer)
    },
  }
}
