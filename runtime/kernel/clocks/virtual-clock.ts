import type { VirtualClock } from '../clock.ts'
import { TimerQueue } from './timer-queue.ts'

export function virtualClock(): VirtualClock {
  const timers = new TimerQueue()
  let nowMs = 0
  let wake = () => {}
  return {
    now: () => nowMs,
    schedule(delayMs, callback) {
      wake()
      return timers.add(nowMs + Math.max(0, delayMs), callback)
    },
    get pending() {
      return timers.size
    },
    jump() {
      const next = timers.nextMs()
      if (next === undefined) return false
      nowMs = next
      while (timers.nextMs() === next) timers.take()?.()
      return true
    },
    attach(listener) {
      wake = listener
    },
  }
}
