import { release } from '../../../runtime/index.ts'
import type { Arrival, AwaitedEnds } from './channel.ts'
import type { ChannelPort, Expiry } from './channel-port.ts'
import { Inbox, type Keep, Outbox } from './numbered-messages.ts'
import type { Acknowledgement, ChannelWiring, Delivery, GroupView, Incarnation, Member } from './wiring.ts'

/** A pending call of `next`. */
interface Waiter {
  readonly awaited: AwaitedEnds | undefined
  readonly expiry: Expiry | undefined
  readonly resolve: (arrival: Arrival<unknown> | undefined) => void
  readonly look: () => void
}

/** The host's side of a live channel. */
export interface ChannelHost {
  readonly end: string
  announceLeave(channel: string): void
  announceProperty(channel: string, name: string, value: unknown): void
}

/**
 * A channel over actor refs. Messages of an end arrive once each, in the order sent. An end that restarts gets again
 * the messages sent to it in this round and the last, so that no end has to store received messages.
 */
export class LiveChannel implements ChannelPort {
  readonly wiring: ChannelWiring
  readonly #host: ChannelHost
  readonly #members = new Map<string, Member>()
  /** Made when it gets its first end, as the next ones: a job may have many thousands of channels with one end each. */
  #gone: Set<string> | undefined
  readonly #waiting = new Map<string, Delivery[]>()
  /** By sender: the last message taken in this round that the sender keeps until it's acknowledged. */
  #owed: Map<string, Delivery> | undefined
  readonly #inbox = new Inbox()
  #watchers: Set<() => void> | undefined
  #leftWatchers: Set<(end: string) => void> | undefined
  #waiters: Waiter[] = []
  #sorted: readonly string[] | undefined
  readonly #outbox: Outbox
  /** Undefined until the welcome. Earlier deliveries wait in `#early`. */
  #incarnation: Incarnation | undefined
  #early: Delivery[] = []
  #everybodyJoined = false

  constructor(wiring: ChannelWiring, host: ChannelHost) {
    this.wiring = wiring
    this.#host = host
    this.#outbox = new Outbox(wiring.name, host.end)
  }

  welcome(incarnation: Incarnation, view: GroupView): void {
    this.#incarnation = incarnation
    this.#outbox.begin(incarnation)
    for (const end of view.gone) this.#noteGone(end)
    for (const member of view.members) this.#admit(member)
    for (const delivery of this.#early.splice(0)) this.delivered(delivery)
    this.#changed()
  }

  joined(member: Member): void {
    const known = this.#members.get(member.end)
    if (known && known.incarnation >= member.incarnation) return
    this.#meet(member)
    this.#changed()
  }

  left(end: string): void {
    this.#members.delete(end)
    this.#noteGone(end)
    this.#outbox.forget(end)
    this.#sorted = undefined
    for (const tell of this.#leftWatchers ?? []) tell(end)
    this.#changed()
  }

  propertyChanged(end: string, name: string, value: unknown): void {
    const member = this.#members.get(end)
    if (member) this.#members.set(end, { ...member, properties: { ...member.properties, [name]: value } })
    this.#changed()
  }

  delivered(delivery: Delivery): void {
    if (this.#incarnation === undefined) return void this.#early.push(delivery)
    if (delivery.to < this.#incarnation) return release(delivery)
    const { from, incarnation } = delivery
    const member = this.#members.get(from)
    // A message may overtake the news of its sender's restart; the answer must go to the incarnation that asked.
    if (member && member.incarnation < incarnation) this.#meet({ ...member, incarnation, properties: {} })
    for (const due of this.#inbox.accept(delivery)) {
      const queue = this.#waiting.get(from)
      if (queue) queue.push(due)
      else this.#waiting.set(from, [due])
    }
    this.#changed()
  }

  acknowledged(acknowledgement: Acknowledgement): void {
    this.#outbox.acknowledged(acknowledgement)
  }

  /** Called after each committed round: sends the acknowledgements that the round owes. */
  committed(): void {
    this.#outbox.committed()
    if (!this.#owed || this.#owed.size === 0) return
    for (const [from, { incarnation: to, number }] of this.#owed) {
      const isEarlier = (one: Delivery) => one.incarnation === to && one.number < number
      const earlier = this.#waiting.get(from)?.find(isEarlier)
      if (!earlier) this.#owed.delete(from)
      this.#members.get(from)?.ref.tell({
        type: 'acknowledged',
        channel: this.wiring.name,
        from: this.#host.end,
        incarnation: this.#incarnation ?? 0,
        to,
        upTo: earlier ? earlier.number - 1 : number,
      })
    }
  }

  /** Whether a message waits to be taken. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0
  }

  ends(): readonly string[] {
    this.#sorted ??= [...this.#members.keys()].toSorted()
    return this.#sorted
  }

  has(end: string): boolean {
    return this.#members.has(end)
  }

  isGone(end: string): boolean {
    return !this.#members.has(end) && (this.#gone?.has(end) === true || !this.wiring.expected.has(end))
  }

  watchLeft(left: (end: string) => void): () => void {
    this.#leftWatchers ??= new Set()
    this.#leftWatchers.add(left)
    return () => void this.#leftWatchers?.delete(left)
  }

  async allJoined(expiry: Expiry): Promise<readonly string[]> {
    if (this.#everybodyJoined) return []
    const isMissing = (end: string) => !this.has(end) && !this.isGone(end)
    const missing = [...this.wiring.expected].filter((end) => end !== this.#host.end)
    for (;;) {
      // Checks from the last end, so that each arrival doesn't scan a large group.
      for (let last = missing.at(-1); last !== undefined && !isMissing(last); last = missing.at(-1)) missing.pop()
      this.#everybodyJoined = missing.length === 0
      if (this.#everybodyJoined || expiry.expired) return missing.filter(isMissing)
      await this.change(expiry)
    }
  }

  send(ends: readonly string[], message: unknown, keep: Keep): void {
    this.#outbox.send(ends, message, keep, this.#members)
  }

  next(awaited: AwaitedEnds | undefined, expiry?: Expiry): Promise<Arrival<unknown> | undefined> {
    const arrival = this.#take(awaited)
    if (arrival || this.#isOver(awaited, expiry)) return Promise.resolve(arrival)
    return new Promise((resolve) => {
      this.#await({ awaited, expiry, resolve, look: () => this.#changed() })
    })
  }

  peek(end: string): unknown {
    return this.#waiting.get(end)?.[0]?.message
  }

  peekNext(awaited: AwaitedEnds): Arrival<unknown> | undefined {
    for (const [end, queue] of this.#waiting) if (awaited.has(end)) return { end, message: queue[0]?.message }
    return undefined
  }

  drain(): readonly Arrival<unknown>[] {
    const taken = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    return taken.map((delivery) => this.#taken(delivery))
  }

  find(fits: (arrival: Arrival<unknown>) => boolean, taking: boolean): Arrival<unknown> | undefined {
    for (const [end, queue] of this.#waiting) {
      const index = queue.findIndex(({ message }) => fits({ end, message }))
      const delivery = queue[index]
      if (!delivery) continue
      if (!taking) return { end, message: delivery.message }
      queue.splice(index, 1)
      if (queue.length === 0) this.#waiting.delete(end)
      return this.#taken(delivery)
    }
    return undefined
  }

  hasPassed(expiry: Expiry): boolean {
    return expiry.expired
  }

  property(end: string, name: string): unknown {
    return this.#members.get(end)?.properties[name]
  }

  setProperty(name: string, value: unknown): void {
    this.#host.announceProperty(this.wiring.name, name, value)
  }

  leave(): void {
    this.#host.announceLeave(this.wiring.name)
  }

  change(expiry?: Expiry): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#watchers?.delete(wake)
        expiry?.listeners.delete(wake)
        resolve()
      }
      this.#watchers ??= new Set()
      this.#watchers.add(wake)
      expiry?.listeners.add(wake)
    })
  }

  #admit(member: Member): void {
    if (!this.#members.has(member.end)) this.#sorted = undefined
    this.#gone?.delete(member.end)
    this.#members.set(member.end, member)
  }

  #noteGone(end: string): void {
    this.#gone ??= new Set()
    this.#gone.add(end)
  }

  #meet(member: Member): void {
    this.#admit(member)
    this.#outbox.resend(member)
  }

  #take(awaited: AwaitedEnds | undefined): Arrival<unknown> | undefined {
    for (const [end, queue] of this.#waiting) {
      if (awaited && !awaited.has(end)) continue
      const delivery = queue.shift()
      if (queue.length === 0) this.#waiting.delete(end)
      if (delivery) return this.#taken(delivery)
    }
    return undefined
  }

  #taken(delivery: Delivery): Arrival<unknown> {
    const { from, message } = delivery
    if (delivery.acknowledge) {
      this.#owed ??= new Map()
      this.#owed.set(from, delivery)
    }
    return { end: from, message }
  }

  /** Whether the wait is over: at the expiry, or when all awaited ends are gone. */
  #isOver(awaited: AwaitedEnds | undefined, expiry: Expiry | undefined): boolean {
    if (expiry?.expired) return true
    if (!awaited) return false
    for (const end of awaited.keys()) if (!this.isGone(end)) return false
    return true
  }

  #await(waiter: Waiter): void {
    this.#waiters.push(waiter)
    waiter.expiry?.listeners.add(waiter.look)
  }

  #changed(): void {
    if (this.#waiters.length > 0) this.#serve()
    if (this.#watchers && this.#watchers.size > 0) for (const wake of Array.from(this.#watchers)) wake()
  }

  /** Gives arrivals to pending calls of `next`, first come first served. */
  #serve(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      const { awaited, expiry, resolve, look } = waiter
      const arrival = this.#take(awaited)
      if (arrival || this.#isOver(awaited, expiry)) {
        expiry?.listeners.delete(look)
        resolve(arrival)
      } else this.#waiters.push(waiter)
    }
  }
}
