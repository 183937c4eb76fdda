import type { ManualClock } from '../clock.ts'
import { TimerQueue } from './timer-queue.ts'

export function manualClock(): ManualClock {
  const timers = new TimerQueue()
  let nowMs = 0
  return {
    now: () => nowMs,
    schedule: (delayMs, callback) => timers.add(nowMs + Math.max(0, delayMs), callback),
    advance(byMs) {
      const until = nowMs + byMs
      for (let next = timers.nextMs(); next !== undefined && next <= until; next = timers.nextMs()) {
        nowMs = next
        timers.take()?.()
      }
      nowMs = until
    },
  }
}
