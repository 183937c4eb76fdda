import type { Delivery, Incarnation } from './wiring.ts'

/** What has come of one incarnation of a sender. */
interface Sequence {
  readonly incarnation: Incarnation
  next: number
  /** Came before its turn. */
  readonly early: Map<number, unknown>
}

/** Puts what comes on a channel into the order in which each sender sent it, each message once. */
export class Inbox {
  readonly #sequences = new Map<string, Sequence>()

  /** The messages whose turn has come with this one. What an earlier incarnation sent, and what came before, gives none. */
  accept({ from, incarnation, number, message }: Delivery): readonly unknown[] {
    let sequence = this.#sequences.get(from)
    if (!sequence || sequence.incarnation < incarnation) {
      sequence = { incarnation, next: 1, early: new Map() }
      this.#sequences.set(from, sequence)
    }
    if (sequence.incarnation > incarnation || number < sequence.next) return []
    if (number > sequence.next) {
      sequence.early.set(number, message)
      return []
    }
    sequence.next += 1
    if (sequence.early.size === 0) return [message]
    const due = [message]
    for (; sequence.early.has(sequence.next); sequence.next += 1) {
      due.push(sequence.early.get(sequence.next))
      sequence.early.delete(sequence.next)
    }
    return due
  }
}
