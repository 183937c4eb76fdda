/** Lets a caller's request begin: in the present turn of the event loop, or in a later one. */
export type TakeTurn = (caller: string, begin: () => void) => void

/** The source of requests, which stops while more have come than may begin. */
export interface Intake {
  /** Lets no more requests come. */
  hold(): void
  /** Lets the requests of at most `count` connections come. True if others are still held. */
  release(count: number): boolean
}

/** A request takes up to 0.3 ms until it waits for something: input and timers wait for 10 to 20 ms at most. */
const usualPerTurn = 64

/**
 * Bounds the requests that begin in one turn of the event loop. The others wait for later turns, in which their callers
 * alternate, so that the many requests of one caller keep the few of another waiting for a turn or two. The intake is held when
 * requests wait, and released by as many connections as a turn has room for. `begin` must not throw.
 */
export function requestTurns(intake: Intake, perTurn = usualPerTurn): TakeTurn {
  /** The callers whose requests wait; the caller whose turn is next comes first. */
  const waiting = new Map<string, (() => void)[]>()
  let left = perTurn
  let isTurnAhead = false
  /** Whether connections are held; and whether all of them are, as far as this turn has come. */
  let isHolding = false
  let hasHeld = false

  function awaitTurn(): void {
    if (isTurnAhead) return
    isTurnAhead = true
    setImmediate(() => {
      isTurnAhead = false
      left = perTurn
      hasHeld = false
      beginWaiting()
      if (isHolding && left > 0) isHolding = intake.release(left)
      if (isHolding) awaitTurn()
    })
  }

  function beginWaiting(): void {
    if (waiting.size > 0) awaitTurn()
    for (const [caller, begins] of waiting) {
      if (left === 0) return
      left -= 1
      waiting.delete(caller)
      const begin = begins.shift()
      // Put back at the end, where this loop comes to it again after the others.
      if (begins.length > 0) waiting.set(caller, begins)
      begin?.()
    }
  }

  return (caller, begin) => {
    awaitTurn()
    if (left > 0 && waiting.size === 0) {
      left -= 1
      return begin()
    }
    if (!hasHeld) intake.hold()
    hasHeld = true
    isHolding = true
    const begins = waiting.get(caller)
    if (begins) begins.push(begin)
    else waiting.set(caller, [begin])
  }
}
