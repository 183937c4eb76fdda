import { TimerQueue } from './timer-queue.ts'

/** Time as a port. Milliseconds since an origin that only the clock knows; never goes backwards. */
export interface Clock {
  now(): number
  /** Calls back once, after `delayMs` or later. Returns a function that cancels the call. */
  schedule(delayMs: number, callback: () => void): () => void
}

/** A clock that only moves on command, for tests. */
export interface ManualClock extends Clock {
  /** Fires each timer that falls due, by time and then by order of scheduling. */
  advance(byMs: number): void
}

/** A clock that jumps to the next timer whenever its actor system is idle: for simulations. */
export interface VirtualClock extends Clock {
  /** Number of waiting timers. */
  readonly pending: number
  /**
   * Jumps to the next timer and fires all timers of this time. False without a timer. The actor system calls this when
   * idle.
   */
  jump(): boolean
  /** Sets the listener, called when a timer is scheduled. The actor system listens, to check whether it's idle. */
  attach(listener: () => void): void
}

/** Longest delay of a platform timer. */
const longestMs = 2 ** 31 - 1

/** The platform's monotonic clock. Its timers keep the process alive. Actors cancel their timers when they stop. */
export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    schedule(delayMs, callback) {
      if (delayMs > longestMs) return scheduleFar(delayMs, callback)
      const timer = setTimeout(callback, delayMs)
      return () => clearTimeout(timer)
    },
  }
}

function scheduleFar(delayMs: number, callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>
  const wait = (leftMs: number) => {
    timer = leftMs > longestMs ? setTimeout(() => wait(leftMs - longestMs), longestMs) : setTimeout(callback, leftMs)
  }
  wait(delayMs)
  return () => clearTimeout(timer)
}

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
