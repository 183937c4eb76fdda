/** Lets a caller's request begin: in the present turn of the event loop, or in a later one. */
export type TakeTurn = (caller: string, begin: () => void) => void

/** A request takes up to 0.3 ms until it waits for something: input and timers wait for 10 to 20 ms at most. */
const usualPerTurn = 64

/**
 * Bounds the requests that begin in one turn of the event loop. The others wait for later turns, in which their callers
 * alternate, so that the many requests of one caller keep the few of another waiting for a turn or two. `begin` must not throw.
 */
export function requestTurns(perTurn = usualPerTurn): TakeTurn {
  /** The callers whose requests wait; the caller whose turn is next comes first. */
  const waiting = new Map<string, (() => void)[]>()
  let left = perTurn
  let isTurnAhead = false

  function awaitTurn(): void {
    if (isTurnAhead) return
    isTurnAhead = true
    setImmediate(() => {
      isTurnAhead = false
      left = perTurn
      beginWaiting()
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
    const begins = waiting.get(caller)
    if (begins) begins.push(begin)
    else waiting.set(caller, [begin])
  }
}
