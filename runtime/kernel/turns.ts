import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { LocalActor } from './addressee.ts'
import { type Dispatcher, type Lane, nactDispatcher } from './dispatcher.ts'
import type { Scheduler } from './protocol.ts'

/** Most messages that all actors together handle in one nact message, before timers and input have their turn. */
const mostMessages = 1024
/** Longest time of one nact message, checked after each actor. */
const mostMs = 8
/**
 * Number of steps of the promise queue that a turn waits, to include messages that settled promises cause: a separate
 * turn costs far more.
 */
const patience = 4

/**
 * Gives actors their turns. An actor with a new message gets a message of nact, and then takes a batch of its messages.
 * Actors that become ready meanwhile follow in the same nact message, within bounds.
 */
export class Turns {
  readonly #dispatcher: Dispatcher = nactDispatcher()
  readonly #scheduler: Scheduler | undefined
  readonly #lanes = new Map<LocalActor, Lane>()
  readonly #root: Lane
  #ready: LocalActor[] = []
  #head = 0
  #running: LocalActor | undefined
  #inTurn = false
  /** The lane of the turn that nact was asked for: one at a time. */
  #requested: Lane | undefined
  #closed = false
  readonly #whenDone: () => void

  constructor(scheduler: Scheduler | undefined, whenDone: () => void) {
    this.#scheduler = scheduler
    this.#whenDone = whenDone
    this.#root = this.#dispatcher.lane(() => this.#turn(undefined))
  }

  /** Number of the actor whose turn runs now. 0 outside of turns. */
  get sender(): number {
    return this.#running?.number ?? 0
  }

  /** Whether an actor has a turn, or will have one. */
  get pending(): boolean {
    return this.#inTurn || this.#requested !== undefined
  }

  schedule(cell: LocalActor): void {
    if (cell.scheduled || this.#closed) return
    cell.scheduled = true
    // The turn in progress, or the requested one, includes this actor.
    if (this.pending) this.#ready.push(cell)
    else this.#request(cell)
  }

  close(cell: LocalActor): void {
    const lane = this.#lanes.get(cell)
    if (!lane) return
    this.#lanes.delete(cell)
    lane.close()
    if (lane !== this.#requested) return
    // nact drops the messages of a stopped actor, so the actors that wait behind this turn need another.
    this.#requested = undefined
    this.#handOver()
  }

  /** Ends all turns, also requested ones: nact drops its messages. */
  shutDown(): void {
    this.#closed = true
    this.#ready = []
    this.#head = 0
    this.#requested = undefined
    this.#dispatcher.close()
    this.#whenDone()
  }

  #request(cell: LocalActor): void {
    // With a scheduler, and before its first message, an actor has no lane of its own.
    if (this.#scheduler || cell.isIdle) {
      this.#ready.push(cell)
      return this.#ask(this.#root)
    }
    const lane = this.#lanes.get(cell) ?? this.#dispatcher.lane(() => this.#turn(cell))
    this.#lanes.set(cell, lane)
    this.#ask(lane)
  }

  async #turn(first: LocalActor | undefined): Promise<void> {
    if (this.#closed) return
    this.#requested = undefined
    this.#inTurn = true
    const until = performance.now() + mostMs
    let left = mostMessages
    try {
      if (first) left -= this.#give(first, left)
      left = this.#drain(left, until)
      for (let steps = 0; steps < patience && left > 0; steps++) {
        await undefined
        if (this.#ready.length > this.#head) {
          left = this.#drain(left, until)
          steps = 0
        }
      }
    } finally {
      this.#inTurn = false
      this.#handOver()
    }
  }

  /** Gives turns to waiting actors. Returns the number of messages that may still be taken, 0 when the time is up. */
  #drain(most: number, until: number): number {
    let left = most
    while (left > 0 && this.#ready.length > this.#head) {
      left -= 1 + this.#give(this.#next(), left)
      // Where a seed decides, the time that turns take must not.
      if (!this.#scheduler && performance.now() > until) return 0
    }
    return left
  }

  #give(cell: LocalActor, most: number): number {
    cell.scheduled = false
    this.#running = cell
    const taken = cell.takeTurn(this.#scheduler ? 1 : most)
    this.#running = undefined
    return taken
  }

  #next(): LocalActor {
    const waiting = this.#ready.length - this.#head
    const at = this.#head + (this.#scheduler && waiting > 1 ? this.#scheduler.pick(waiting) : 0)
    const cell = this.#ready[at]
    if (!cell) throw new RangeError(`no actor waits at ${at}`)
    const first = this.#ready[this.#head]
    if (at !== this.#head && first) this.#ready[at] = first
    this.#head += 1
    return cell
  }

  /** Leaves the remaining actors to nact's next message. Without remaining actors, all is done. */
  #handOver(): void {
    // Slots are reclaimed only once they are more than half of all, so that each actor is moved at most once.
    if (this.#head * 2 >= this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head)
      this.#head = 0
    }
    if (this.#ready.length > this.#head) this.#ask(this.#root)
    else this.#whenDone()
  }

  #ask(lane: Lane): void {
    this.#requested = lane
    lane.request()
  }
}

/** A scheduler that picks by a seed: one integer reproduces a schedule. */
export function seededScheduler(seed: number): Scheduler {
  const generator = xoroshiro128plus(seed)
  return { pick: (count) => (generator.next() >>> 0) % count }
}
