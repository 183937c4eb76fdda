import type { Clock } from '../../runtime/index.ts'

/**
 * Numbers by time, and then by their order: a binary heap in typed arrays, so that an event is no object. The numbers are
 * whole, from 0.
 */
export class Timetable {
  #at = new Float64Array(64)
  #order = new Float64Array(64)
  #number = new Uint32Array(64)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The time of the first event. Infinity without events. */
  get nextAt(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#at[0]!
  }

  /** The order of the first event. */
  get nextOrder(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#order[0]!
  }

  add(at: number, order: number, number: number): void {
    if (this.#size === this.#at.length) this.#grow()
    let place = this.#size++
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!isBefore(at, order, this.#at[parent]!, this.#order[parent]!)) break
      this.#copy(parent, place)
      place = parent
    }
    this.#put(place, at, order, number)
  }

  /** Takes the number of the first event. Undefined without events. */
  take(): number | undefined {
    if (this.#size === 0) return undefined
    const first = this.#number[0]!
    const last = --this.#size
    const at = this.#at[last]!
    const order = this.#order[last]!
    const number = this.#number[last]!
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= last) break
      const other = child + 1
      if (other < last && isBefore(this.#at[other]!, this.#order[other]!, this.#at[child]!, this.#order[child]!))
        child = other
      if (!isBefore(this.#at[child]!, this.#order[child]!, at, order)) break
      this.#copy(child, place)
      place = child
    }
    if (last > 0) this.#put(place, at, order, number)
    return first
  }

  #put(place: number, at: number, order: number, number: number): void {
    this.#at[place] = at
    this.#order[place] = order
    this.#number[place] = number
  }

  #copy(from: number, to: number): void {
    this.#put(to, this.#at[from]!, this.#order[from]!, this.#number[from]!)
  }

  #grow(): void {
    const size = 2 * this.#at.length
    const [at, order, number] = [new Float64Array(size), new Float64Array(size), new Uint32Array(size)]
    at.set(this.#at)
    order.set(this.#order)
    number.set(this.#number)
    this.#at = at
    this.#order = order
    this.#number = number
  }
}

function isBefore(at: number, order: number, otherAt: number, otherOrder: number): boolean {
  return at < otherAt || (at === otherAt && order < otherOrder)
}

/** Objects by time, and then by their order. */
export class TimetableOf<Event> {
  readonly #times = new Timetable()
  readonly #events: (Event | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#times.size
  }

  get nextAt(): number {
    return this.#times.nextAt
  }

  get nextOrder(): number {
    return this.#times.nextOrder
  }

  add(at: number, order: number, event: Event): void {
    const place = this.#free.pop() ?? this.#events.length
    this.#events[place] = event
    this.#times.add(at, order, place)
  }

  take(): Event | undefined {
    const place = this.#times.take()
    if (place === undefined) return undefined
    const event = this.#events[place]
    this.#events[place] = undefined
    this.#free.push(place)
    return event
  }
}

interface Timer {
  callback: (() => void) | undefined
}

/**
 * The clock of a fleet: virtual milliseconds since the start of the run. It stands still until its fleet sets it, and its
 * timers fire when the fleet comes to them.
 */
export class FleetClock implements Clock {
  readonly #nextOrder: () => number
  readonly #timers = new TimetableOf<Timer>()
  #now = 0

  /** `nextOrder` numbers all events of the fleet, so that events of one time have one order. */
  constructor(nextOrder: () => number) {
    this.#nextOrder = nextOrder
  }

  now(): number {
    return this.#now
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.at(this.#now + Math.max(0, delayMs), callback)
  }

  /** As `schedule`, at a time that isn't before now. */
  at(time: number, callback: () => void): () => void {
    const timer: Timer = { callback }
    this.#timers.add(Math.max(time, this.#now), this.#nextOrder(), timer)
    return () => {
      timer.callback = undefined
    }
  }

  /** The time of the next timer. Infinity without one. */
  get nextAt(): number {
    return this.#timers.nextAt
  }

  get nextTimerOrder(): number {
    return this.#timers.nextOrder
  }

  set(at: number): void {
    this.#now = Math.max(this.#now, at)
  }

  /** Takes the next timer, and fires it at its time unless it was cancelled. False if it was. */
  fireNext(): boolean {
    const at = this.#timers.nextAt
    const callback = this.#timers.take()?.callback
    if (!callback) return false
    this.set(at)
    callback()
    return true
  }
}
