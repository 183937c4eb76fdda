import { TimerQueue } from './timer-queue.ts'

/** Time as a port. Milliseconds since an origin that only the clock knows; never goes backwards. */
export interface Clock {
  now(): number
  /** Calls back once, `delayMs` from now or later; returns a function that cancels. */
  schedule(delayMs: number, callback: () => void): () => void
}

/** A clock that moves only when told to: for tests. */
export interface ManualClock extends Clock {
  /** Fires each timer that falls due, in order of time and then of scheduling. */
  advance(byMs: number): void
}

/** A clock that jumps to the next timer whenever its actor system is idle: for simulations. */
export interface VirtualClock extends Clock {
  /** Timers that wait. */
  readonly pending: number
  /** Jumps to the next timer and fires all that fall due then; false if there is none. Called by the actor system when idle. */
  jump(): boolean
  /** Calls back whenever a timer is scheduled: the actor system attaches itself, to look whether it is idle. */
  attach(listener: () => void): void
}

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
