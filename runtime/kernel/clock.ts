/** Time as a port. Milliseconds since an origin that only the clock knows; never goes backwards. */
export interface Clock {
  now(): number
  /** Calls back once, `delayMs` from now or later; returns a function that cancels. */
  schedule(delayMs: number, callback: () => void): () => void
}

/** A clock that moves only when told to: for tests. */
export interface ManualClock extends Clock {
  /** Fires what falls due, in order of time and then of scheduling. */
  advance(byMs: number): void
}

/** A clock that jumps to the next timer whenever its actor system is idle: for simulations. */
export interface VirtualClock extends Clock {
  /** Timers that wait. */
  readonly pending: number
  /** Jumps to the next timer and fires all that fall due then; false if there is none. Called by the actor system when idle. */
  jump(): boolean
  /** Calls back whenever something is scheduled: the actor system attaches itself, to look whether it is idle. */
  attach(listener: () => void): void
}
