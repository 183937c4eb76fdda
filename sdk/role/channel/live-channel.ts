import type { ActorRef } from '../../../runtime/index.ts'
import type { Arrival } from './channel.ts'
import type { ChannelPort, Expiry } from './channel-port.ts'
import type { ChannelWiring, Delivery, GroupView, Incarnation, Member } from './wiring.ts'

/** A message that is sent again when an end it was for joins as a new incarnation. */
interface Kept {
  readonly ends: readonly string[]
  readonly delivery: Delivery
}

/** Somebody who waits for the next message of some ends. */
interface Waiter {
  readonly awaited: ReadonlySet<string> | undefined
  readonly expiry: Expiry | undefined
  readonly resolve: (arrival: Arrival<unknown> | undefined) => void
  readonly look: () => void
}

/** What a live channel needs of its host. */
export interface ChannelHost {
  readonly end: string
  announceLeave(channel: string): void
  announceProperty(channel: string, name: string, value: unknown): void
}

/**
 * A channel over actor refs. Messages of an end arrive in the order sent, each once. A peer that restarts gets again what it
 * was sent in this round and the last; so nobody needs to write messages down.
 */
export class LiveChannel implements ChannelPort {
  readonly wiring: ChannelWiring
  readonly #host: ChannelHost
  readonly #members = new Map<string, Member>()
  readonly #gone = new Set<string>()
  readonly #waiting = new Map<string, unknown[]>()
  readonly #seen = new Map<string, { incarnation: Incarnation; number: number }>()
  readonly #watchers = new Set<() => void>()
  #waiters: Waiter[] = []
  #sorted: readonly string[] | undefined
  #keptBefore: Kept[] = []
  #kept: Kept[] = []
  #incarnation: Incarnation = 0
  #everybodyJoined = false
  #sent = 0

  constructor(wiring: ChannelWiring, host: ChannelHost) {
    this.wiring = wiring
    this.#host = host
  }

  welcome(incarnation: Incarnation, view: GroupView): void {
    this.#incarnation = incarnation
    for (const end of view.gone) this.#gone.add(end)
    for (const member of view.members) this.#admit(member)
    this.#changed()
  }

  joined(member: Member): void {
    const known = this.#members.get(member.end)
    if (known && known.incarnation >= member.incarnation) return
    this.#admit(member)
    this.#resend(member)
    this.#changed()
  }

  left(end: string): void {
    this.#members.delete(end)
    this.#gone.add(end)
    this.#sorted = undefined
    this.#changed()
  }

  propertyChanged(end: string, name: string, value: unknown): void {
    const member = this.#members.get(end)
    if (member) this.#members.set(end, { ...member, properties: { ...member.properties, [name]: value } })
    this.#changed()
  }

  delivered({ from, incarnation, number, message }: Delivery): void {
    const seen = this.#seen.get(from)
    if (seen && (incarnation < seen.incarnation || (incarnation === seen.incarnation && number <= seen.number))) return
    this.#seen.set(from, { incarnation, number })
    const queue = this.#waiting.get(from)
    if (queue) queue.push(message)
    else this.#waiting.set(from, [message])
    this.#changed()
  }

  /** A round was committed: what was sent before the last one needn't be kept any more. */
  committed(): void {
    if (this.#kept.length === 0 && this.#keptBefore.length === 0) return
    this.#keptBefore = this.#kept
    this.#kept = []
  }

  ends(): readonly string[] {
    this.#sorted ??= [...this.#members.keys()].toSorted()
    return this.#sorted
  }

  has(end: string): boolean {
    return this.#members.has(end)
  }

  isGone(end: string): boolean {
    return !this.#members.has(end) && (this.#gone.has(end) || !this.wiring.expected.has(end))
  }

  async allJoined(expiry: Expiry): Promise<readonly string[]> {
    if (this.#everybodyJoined) return []
    const missing = [...this.wiring.expected].filter((end) => end !== this.#host.end)
    for (;;) {
      for (
        let last = missing.at(-1);
        last !== undefined && (this.has(last) || this.isGone(last));
        last = missing.at(-1)
      )
        missing.pop()
      this.#everybodyJoined = missing.length === 0
      if (this.#everybodyJoined || expiry.expired) return missing
      await this.change(expiry)
    }
  }

  send(ends: readonly string[], message: unknown, keep: boolean): void {
    const delivery: Delivery = {
      type: 'deliver',
      channel: this.wiring.name,
      from: this.#host.end,
      incarnation: this.#incarnation,
      number: ++this.#sent,
      message,
    }
    if (keep) this.#kept.push({ ends, delivery })
    for (const end of ends) this.#members.get(end)?.ref.tell(delivery)
  }

  next(awaited: ReadonlySet<string> | undefined, expiry?: Expiry): Promise<Arrival<unknown> | undefined> {
    const arrival = this.#take(awaited)
    if (arrival || this.#isOver(awaited, expiry)) return Promise.resolve(arrival)
    return new Promise((resolve) => {
      this.#await({ awaited, expiry, resolve, look: () => this.#changed() })
    })
  }

  peek(end: string): unknown {
    return this.#waiting.get(end)?.[0]
  }

  drain(): readonly Arrival<unknown>[] {
    const taken = [...this.#waiting].flatMap(([end, queue]) => queue.map((message) => ({ end, message })))
    this.#waiting.clear()
    return taken
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
        this.#watchers.delete(wake)
        expiry?.listeners.delete(wake)
        resolve()
      }
      this.#watchers.add(wake)
      expiry?.listeners.add(wake)
    })
  }

  #admit(member: Member): void {
    if (!this.#members.has(member.end)) this.#sorted = undefined
    this.#gone.delete(member.end)
    this.#members.set(member.end, member)
  }

  #resend({ end, ref }: { end: string; ref: ActorRef<Delivery> }): void {
    for (const { ends, delivery } of [...this.#keptBefore, ...this.#kept]) if (ends.includes(end)) ref.tell(delivery)
  }

  #take(awaited: ReadonlySet<string> | undefined): Arrival<unknown> | undefined {
    for (const [end, queue] of this.#waiting) {
      if (awaited && !awaited.has(end)) continue
      const message = queue.shift()
      if (queue.length === 0) this.#waiting.delete(end)
      return { end, message }
    }
    return undefined
  }

  /** Nothing can come any more of those awaited, or not in time. */
  #isOver(awaited: ReadonlySet<string> | undefined, expiry: Expiry | undefined): boolean {
    if (expiry?.expired) return true
    if (!awaited) return false
    for (const end of awaited) if (!this.isGone(end)) return false
    return true
  }

  #await(waiter: Waiter): void {
    this.#waiters.push(waiter)
    waiter.expiry?.listeners.add(waiter.look)
  }

  #changed(): void {
    if (this.#waiters.length > 0) this.#serve()
    if (this.#watchers.size > 0) for (const wake of Array.from(this.#watchers)) wake()
  }

  /** Gives those who wait what they wait for, first come first served. */
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
