import { release } from '../../../runtime/index.ts'
import type { Acknowledgement, Delivery, Incarnation, Member } from './wiring.ts'

/**
 * How long a message is kept for ends that restart: not at all (false), for this round and the next (true), or until
 * each end has acknowledged it.
 */
export type Keep = boolean | 'until-acknowledged'

/** A message that is sent again when one of its ends joins as a new incarnation. */
interface Kept {
  readonly order: number
  readonly ends: readonly string[]
  readonly message: unknown
}

/** A message that one end hasn't acknowledged. */
interface Unacknowledged {
  readonly order: number
  readonly message: unknown
  /** Incarnation and number of the last delivery. No incarnation if the end was away. */
  to: Incarnation | undefined
  number: number
}

/** The messages that an end sends on a channel, numbered, and kept for ends that restart. */
export class Outbox {
  readonly #channel: string
  readonly #from: string
  #incarnation: Incarnation = 0
  #sends = 0
  #keptBefore: Kept[] = []
  #kept: Kept[] = []
  /** Made with its first message, since most channels never have one. */
  #unacknowledged: Map<string, Unacknowledged[]> | undefined
  readonly #sent = new Map<string, { readonly to: Incarnation; count: number }>()

  constructor(channel: string, from: string) {
    this.#channel = channel
    this.#from = from
  }

  begin(incarnation: Incarnation): void {
    this.#incarnation = incarnation
  }

  send(ends: readonly string[], message: unknown, keep: Keep, members: ReadonlyMap<string, Member>): void {
    const order = ++this.#sends
    if (keep === true) this.#kept.push({ order, ends, message })
    for (const end of ends) {
      const member = members.get(end)
      if (keep === 'until-acknowledged') this.#keepFor(end, { order, message, to: undefined, number: 0 }, member)
      else if (member) this.#deliver(member, message)
    }
  }

  /** Sends each message kept for this end again, in the original order. */
  resend(member: Member): void {
    const { end } = member
    const kept = [...this.#keptBefore, ...this.#kept].filter(({ ends }) => ends.includes(end))
    const all = [...kept, ...(this.#unacknowledged?.get(end) ?? [])].toSorted((a, b) => a.order - b.order)
    for (const entry of all) {
      if ('ends' in entry) this.#deliver(member, entry.message)
      else this.#deliverKept(member, entry)
    }
  }

  /** Called after each committed round: forgets the messages of the round before the committed one. */
  committed(): void {
    if (this.#kept.length === 0 && this.#keptBefore.length === 0) return
    this.#keptBefore = this.#kept
    this.#kept = []
  }

  /** Forgets the messages that an end has acknowledged. */
  acknowledged({ from, incarnation, to, upTo }: Acknowledgement): void {
    const kept = this.#unacknowledged?.get(from)
    if (!kept || to !== this.#incarnation) return
    const left = kept.filter((entry) => entry.to !== incarnation || entry.number > upTo)
    if (left.length > 0) this.#unacknowledged?.set(from, left)
    else this.#unacknowledged?.delete(from)
  }

  /** Forgets the messages kept for an end that has left for good, and so can't acknowledge them. */
  forget(end: string): void {
    this.#unacknowledged?.delete(end)
  }

  #keepFor(end: string, entry: Unacknowledged, member: Member | undefined): void {
    this.#unacknowledged ??= new Map()
    const kept = this.#unacknowledged.get(end)
    if (kept) kept.push(entry)
    else this.#unacknowledged.set(end, [entry])
    if (member) this.#deliverKept(member, entry)
  }

  #deliverKept(member: Member, entry: Unacknowledged): void {
    entry.to = member.incarnation
    entry.number = this.#deliver(member, entry.message, true)
  }

  #deliver({ end, ref, incarnation: to }: Member, message: unknown, acknowledge = false): number {
    let sent = this.#sent.get(end)
    if (sent?.to !== to) {
      sent = { to, count: 0 }
      this.#sent.set(end, sent)
    }
    sent.count += 1
    ref.tell({
      type: 'deliver',
      channel: this.#channel,
      from: this.#from,
      incarnation: this.#incarnation,
      number: sent.count,
      to,
      message,
      ...(acknowledge && { acknowledge }),
    })
    return sent.count
  }
}

/** The messages of one incarnation of a sender. */
interface Sequence {
  readonly incarnation: Incarnation
  next: number
  /** Messages that arrived ahead of their turn; rarely any. */
  early: Map<number, Delivery> | undefined
}

/** Orders a channel's messages as each sender sent them, each message once. */
export class Inbox {
  readonly #sequences = new Map<string, Sequence>()

  /**
   * Returns the messages that are due with this one. None if the message belongs to an earlier incarnation, or is a
   * second copy, or is ahead of its turn.
   */
  accept(delivery: Delivery): readonly Delivery[] {
    const { from, incarnation, number } = delivery
    let sequence = this.#sequences.get(from)
    if (!sequence || sequence.incarnation < incarnation) {
      sequence = { incarnation, next: 1, early: undefined }
      this.#sequences.set(from, sequence)
    }
    if (sequence.incarnation > incarnation || number < sequence.next) {
      release(delivery)
      return []
    }
    if (number > sequence.next) {
      sequence.early ??= new Map()
      sequence.early.set(number, delivery)
      return []
    }
    sequence.next += 1
    const due = [delivery]
    const { early } = sequence
    if (!early) return due
    for (let next = early.get(sequence.next); next; next = early.get(sequence.next)) {
      due.push(next)
      early.delete(sequence.next)
      sequence.next += 1
    }
    if (early.size === 0) sequence.early = undefined
    return due
  }
}
