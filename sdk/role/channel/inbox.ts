import type { Delivery, Incarnation } from './wiring.ts'

/** The messages of one incarnation of a sender. */
interface Sequence {
  readonly incarnation: Incarnation
  next: number
  /** Messages that came before their turn; hardly ever any. */
  early: Map<number, Delivery> | undefined
}

/** Puts a channel's messages into the order in which each sender sent them, each message once. */
export class Inbox {
  readonly #sequences = new Map<string, Sequence>()

  /** The messages whose turn has come with this one: none for a message of an earlier incarnation, or for a second copy. */
  accept(delivery: Delivery): readonly Delivery[] {
    const { from, incarnation, number } = delivery
    let sequence = this.#sequences.get(from)
    if (!sequence || sequence.incarnation < incarnation) {
      sequence = { incarnation, next: 1, early: undefined }
      this.#sequences.set(from, sequence)
    }
    if (sequence.incarnation > incarnation || number < sequence.next) return []
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
