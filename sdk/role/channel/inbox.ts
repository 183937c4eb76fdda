import type { Delivery, Incarnation } from './wiring.ts'

/** What has come of one incarnation of a sender. */
interface Sequence {
  readonly incarnation: Incarnation
  next: number
  /** Came before its turn; hardly ever anything. */
  early: Map<number, unknown> | undefined
}

/** Puts what comes on a channel into the order in which each sender sent it, each message once. */
export class Inbox {
  readonly #sequences = new Map<string, Sequence>()

  /** The messages whose turn has come with this one. What an earlier incarnation sent, and what came before, gives none. */
  accept({ from, incarnation, number, message }: Delivery): readonly unknown[] {
    let sequence = this.#sequences.get(from)
    if (!sequence || sequence.incarnation < incarnation) {
      sequence = { incarnation, next: 1, early: undefined }
      this.#sequences.set(from, sequence)
    }
    if (sequence.incarnation > incarnation || number < sequence.next) return []
    if (number > sequence.next) {
      sequence.early ??= new Map()
      sequence.early.set(number, message)
      return []
    }
    sequence.next += 1
    const due = [message]
    const { early } = sequence
    if (!early) return due
    for (; early.has(sequence.next); sequence.next += 1) {
      due.push(early.get(sequence.next))
      early.delete(sequence.next)
    }
    if (early.size === 0) sequence.early = undefined
    return due
  }
}
