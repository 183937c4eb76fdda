import { type Dispatcher, type Lane, nactDispatcher } from './dispatcher.ts'
import type { LocalActor } from './local-actor.ts'
import type { Scheduler } from './protocol.ts'

/** Messages handled in one nact message, by all actors together, before timers and input have their turn. */
const mostMessages = 1024
/** And so long at most, looked at after each actor. */
const mostMs = 8

/**
 * Gives actors their turns. An actor that is told something gets a message of nact, and drains a batch when it comes;
 * actors that become ready meanwhile follow in the same nact message, within bounds.
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
  #requested = 0
  /** Whose lane was asked for a turn. */
  #asked: LocalActor | undefined
  #closed = false
  readonly #whenDone: () => void

  constructor(scheduler: Scheduler | undefined, whenDone: () => void) {
    this.#scheduler = scheduler
    this.#whenDone = whenDone
    this.#root = this.#dispatcher.lane(() => this.#turn(undefined))
  }

  /** Number of the actor whose turn runs now; 0 outside. */
  get sender(): number {
    return this.#running?.number ?? 0
  }

  /** Some actor has a turn, or will have one. */
  get pending(): boolean {
    return this.#inTurn || this.#requested > 0
  }

  schedule(cell: LocalActor): void {
    if (cell.scheduled || this.#closed) return
    cell.scheduled = true
    // A turn that runs or is under way takes it along.
    if (this.pending) this.#ready.push(cell)
    else this.#request(cell)
  }

  close(cell: LocalActor): void {
    this.#lanes.get(cell)?.close()
    this.#lanes.delete(cell)
    if (this.#asked === cell) this.#recall()
  }

  /** No more turns, also not those under way: nact forgets its messages. */
  shutDown(): void {
    this.#closed = true
    this.#ready = []
    this.#head = 0
    this.#requested = 0
    this.#dispatcher.close()
    this.#whenDone()
  }

  #request(cell: LocalActor): void {
    // Under a scheduler, and before its first message, an actor has no lane of its own.
    if (this.#scheduler || cell.isIdle) {
      this.#ready.push(cell)
      return this.#requestRoot()
    }
    const lane = this.#lanes.get(cell) ?? this.#dispatcher.lane(() => this.#turn(cell))
    this.#lanes.set(cell, lane)
    this.#requested += 1
    this.#asked = cell
    lane.request()
  }

  #turn(first: LocalActor | undefined): void {
    if (this.#closed || first !== this.#asked) return
    this.#asked = undefined
    this.#requested -= 1
    this.#inTurn = true
    const until = performance.now() + mostMs
    let left = mostMessages
    try {
      if (first) left -= this.#give(first, left)
      while (left > 0 && this.#ready.length > this.#head) {
        left -= 1 + this.#give(this.#next(), left)
        if (performance.now() > until) break
      }
    } finally {
      this.#inTurn = false
      this.#handOver()
    }
    if (!this.pending) this.#whenDone()
  }

  /** nact forgets the message of an actor that is stopped: those who wait for that turn get another. */
  #recall(): void {
    this.#asked = undefined
    this.#requested -= 1
    this.#handOver()
    if (!this.pending) this.#whenDone()
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

  /** What is left over waits for nact's next message. */
  #handOver(): void {
    const waiting = this.#head === 0 ? this.#ready : this.#ready.slice(this.#head)
    this.#ready = waiting
    this.#head = 0
    if (waiting.length > 0) this.#requestRoot()
  }

  #requestRoot(): void {
    this.#requested += 1
    this.#root.request()
  }
}
