import { type AggregatorLoad, noLoad } from './aggregator-load.ts'
import type { AggregatorCapacity } from './capacity.ts'
import type { Outage, Outages } from './outages.ts'

/** An update on its way into an aggregator. */
export interface Waiting {
  /** Orders the fleet's events. */
  readonly order: number
  /** When the aggregator takes the update, in virtual milliseconds. The station moves it on if the aggregator fails before. */
  at: number
}

interface Queued {
  readonly update: Waiting
  /** When the last byte would have come to an idle aggregator. */
  readonly came: number
  readonly bytes: number
}

/** A station between two rounds. */
export interface SavedStation {
  readonly receivedUntil: number
  readonly takenUntil: number
  readonly sentUntil: number
  readonly downUntil: number
  readonly outages: number
  readonly released: number
  readonly releasedAt: number
  /** Taken since the aggregator's last commit, where it rests in the middle of a round. */
  readonly uncommitted: { readonly updates: number; readonly bytes: number }
  readonly load: AggregatorLoad
  readonly queue: readonly { readonly order: number; readonly came: number; readonly bytes: number }[]
}

/**
 * The place of an aggregator's messages: its link in, its link out, the memory in which updates wait, and the work of
 * taking them. Each serves one message after another, in the order of arrival. All times are virtual milliseconds, and
 * follow from the calls alone, so that a fleet's bits and times don't depend on the machine.
 *
 * An aggregator that fails is down for a time. It then receives again what waited and what it had taken since its last
 * commit, as an aggregator does that starts again from its snapshot and whose ends repeat their messages. So a failure
 * costs time and bytes, and no bit of the result.
 */
export class Station {
  readonly capacity: AggregatorCapacity
  readonly load: AggregatorLoad = noLoad()
  readonly #outages: Outages | undefined
  /** Called when updates that wait have got other times. */
  readonly #moved: () => void
  #receivedUntil = 0
  #takenUntil = 0
  #sentUntil = 0
  #downUntil = 0
  #queue: Queued[] = []
  /** Number of updates at the head of the queue that are taken before the last one is received, as memory demands. */
  #released = 0
  /** When the last of these is taken. */
  #releasedAt = 0
  /** Bytes of the others. */
  #held = 0
  /** Taken since the last commit. */
  #uncommitted = { updates: 0, bytes: 0 }

  constructor(capacity: AggregatorCapacity, moved: () => void, outages?: Outages) {
    this.capacity = capacity
    this.#moved = moved
    this.#outages = outages
  }

  /** Sends a message. Returns when its first byte leaves. */
  send(now: number, bytes: number): number {
    this.#goOn(now)
    const free = Math.max(now, this.#sentUntil)
    const start = Math.max(free, this.#downUntil)
    const ms = msOf(bytes, this.capacity.send)
    this.#sentUntil = start + ms
    this.load.assignments += 1
    this.load.waitedMs.send += free - now
    this.load.waitedMs.failures += start - free
    this.load.sendingMs += ms
    this.load.sent += bytes
    return start
  }

  /** Receives a message that nobody waits for in memory, whose last byte comes now on an idle link. Returns when it is received. */
  receive(now: number, bytes: number): number {
    this.#goOn(now)
    const ms = msOf(bytes, this.capacity.receive)
    const start = Math.max(now - ms, this.#receivedUntil, this.#downUntil)
    this.#receivedUntil = Math.max(now, start + ms)
    this.#received(bytes, ms)
    return this.#receivedUntil
  }

  /**
   * Queues an update whose last byte comes now on an idle link, and sets the time at which it is taken. False if its sender
   * goes away, at `until`, before the update is received: then the station hasn't it.
   */
  queue(update: Waiting, bytes: number, now: number, until = Number.POSITIVE_INFINITY): boolean {
    this.#goOn(now)
    return this.#enter({ update, came: now, bytes }, now, until)
  }

  /** Takes an update at its time. False if its time has moved. */
  take(update: Waiting, now: number): boolean {
    this.#goOn(now)
    if (update.at > now) return false
    const index = this.#queue.findIndex((queued) => queued.update === update)
    const [queued] = this.#queue.splice(index, 1)
    if (index < 0 || !queued) throw new RangeError(`no update ${update.order} waits`)
    if (index < this.#released) this.#released -= 1
    else this.#held -= queued.bytes
    this.#uncommitted.updates += 1
    this.#uncommitted.bytes += queued.bytes
    this.load.updates += 1
    this.load.takingMs += msOf(1, this.capacity.updates)
    return true
  }

  /** The aggregator has committed what it has taken. */
  committed(now: number): void {
    this.#goOn(now)
    this.#uncommitted = { updates: 0, bytes: 0 }
  }

  /** The station at a commit, of which updates may wait. */
  get saved(): SavedStation {
    return {
      receivedUntil: this.#receivedUntil,
      takenUntil: this.#takenUntil,
      sentUntil: this.#sentUntil,
      downUntil: this.#downUntil,
      outages: this.#outages?.count ?? 0,
      released: this.#released,
      releasedAt: this.#releasedAt,
      uncommitted: { ...this.#uncommitted },
      load: structuredClone(this.load),
      queue: this.#queue.map(({ update: { order }, came, bytes }) => ({ order, came, bytes })),
    }
  }

  /** Goes on from a commit, with the updates that waited. */
  resume({ queue, outages, load, ...times }: SavedStation, updates: ReadonlyMap<number, Waiting>): void {
    this.#receivedUntil = times.receivedUntil
    this.#takenUntil = times.takenUntil
    this.#sentUntil = times.sentUntil
    this.#downUntil = times.downUntil
    Object.assign(this.load, structuredClone(load))
    while (this.#outages && this.#outages.count < outages) this.#outages.pass()
    this.#released = times.released
    this.#releasedAt = times.releasedAt
    this.#uncommitted = { ...times.uncommitted }
    for (const [index, { order, came, bytes }] of queue.entries()) {
      const update = updates.get(order)
      if (!update) throw new RangeError(`no update ${order} waits`)
      this.#queue.push({ update, came, bytes })
      if (index >= this.#released) this.#held += bytes
    }
  }

  #goOn(now: number): void {
    const outages = this.#outages
    if (!outages) return
    while (outages.next.from <= now) {
      this.#fail(outages.next)
      outages.pass()
    }
  }

  #fail({ from, until }: Outage): void {
    const { load, capacity } = this
    const { updates, bytes } = this.#uncommitted
    const [receivingMs, takingMs] = [msOf(bytes, capacity.receive), msOf(updates, capacity.updates)]
    this.#downUntil = until
    this.#receivedUntil = until + receivingMs
    this.#takenUntil = until + takingMs
    this.#sentUntil = Math.max(this.#sentUntil, until)
    this.#received(bytes, receivingMs)
    load.takingMs += takingMs
    load.failures += 1
    load.downMs += until - from
    load.waitedMs.failures += this.#queue.length * (until - from)
    const again = this.#queue
    this.#queue = []
    this.#released = 0
    this.#releasedAt = 0
    this.#held = 0
    for (const queued of again) this.#enter(queued, Math.max(queued.came, until))
    if (again.length > 0) this.#moved()
  }

  #enter(queued: Queued, from: number, until = Number.POSITIVE_INFINITY): boolean {
    const { load, capacity } = this
    const { update, bytes } = queued
    const ms = msOf(bytes, capacity.receive)
    const linked = Math.max(from - ms, this.#receivedUntil)
    const roomy = Math.max(linked, this.#roomFor(bytes))
    const start = Math.max(roomy, this.#downUntil)
    const received = Math.max(from, start + ms)
    if (received > until) return false
    const begun = Math.max(received, this.#takenUntil)
    this.#receivedUntil = received
    this.#takenUntil = begun + msOf(1, capacity.updates)
    update.at = this.#takenUntil
    this.#queue.push(queued)
    this.#held += bytes
    this.#received(bytes, ms)
    load.waitedMs.receive += linked - (from - ms)
    load.waitedMs.memory += roomy - linked
    load.waitedMs.failures += start - roomy
    load.waitedMs.updates += begun - received
    load.longestQueue = Math.max(load.longestQueue, this.#queue.length)
    load.mostWaiting = Math.max(load.mostWaiting, this.#held)
    return true
  }

  /** When an update of these bytes may begin to come, since enough of those before it are taken by then. */
  #roomFor(bytes: number): number {
    const { memory = Number.POSITIVE_INFINITY } = this.capacity
    for (; this.#held + bytes > memory && this.#released < this.#queue.length; this.#released++) {
      const released = this.#queue[this.#released]
      this.#held -= released?.bytes ?? 0
      this.#releasedAt = released?.update.at ?? 0
    }
    return this.#releasedAt
  }

  #received(bytes: number, ms: number): void {
    this.load.received += bytes
    this.load.receivingMs += ms
  }
}

/** Milliseconds for a number of things at a rate a second. */
export function msOf(count: number, rate = Number.POSITIVE_INFINITY): number {
  return (count / rate) * 1000
}
