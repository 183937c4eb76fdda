import type { Clock } from './clocks.ts'
import type { Emitter } from './event-source.ts'
import type { LocalActor } from './local-actor.ts'
import type { DeadLetter, KernelEvent, Scheduler } from './protocol.ts'

/** What all actors of a system share. */
export interface Surroundings {
  readonly clock: Clock
  readonly scheduler: Scheduler | undefined
  readonly events: Emitter<KernelEvent>
  readonly slowHandlerMs: number
  /** Number of the actor whose turn runs now; 0 outside of any. */
  readonly sender: number
  /** Actors now living. */
  size: number
  /** Gives an actor a turn, once however often it's asked before the turn. */
  schedule(cell: LocalActor): void
  /** An actor has stopped. */
  closed(cell: LocalActor): void
  /** Does a step of a stop, after those under way: a tree of any depth is stopped without a call within a call. */
  step(step: () => void): void
  deadLetter(letter: DeadLetter): void
  faultAtTop(cause: unknown, path: string): void
  track<T>(work: Promise<T>): Promise<T>
}
