import type { Scheduler } from './protocol.ts'

/** Messages that wait. */
export interface Mailbox<Message> {
  readonly length: number
  /** `sender` numbers who sent: messages of one sender stay in order. */
  push(message: Message, sender: number): void
  /** Takes one; only when there is one. */
  take(): Message | undefined
}

/** Slots that are taken are reclaimed once they are so many and the greater part. */
const reclaimAt = 4096

/** First in, first out. */
export class FifoMailbox<Message> implements Mailbox<Message> {
  #slots: (Message | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#slots.length - this.#head
  }

  push(message: Message): void {
    this.#slots.push(message)
  }

  take(): Message | undefined {
    const message = this.#slots[this.#head]
    this.#slots[this.#head++] = undefined
    if (this.#head === this.#slots.length) {
      // A short array is kept; a long one is given back.
      if (this.#head > reclaimAt) this.#slots = []
      else this.#slots.length = 0
      this.#head = 0
    } else if (this.#head > reclaimAt && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head)
      this.#head = 0
    }
    return message
  }
}

/** Any sender's next message, as the scheduler picks; one sender's messages in their order. */
export class ScheduledMailbox<Message> implements Mailbox<Message> {
  readonly #scheduler: Scheduler
  readonly #bySender = new Map<number, Message[]>()
  length = 0

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  push(message: Message, sender: number): void {
    const waiting = this.#bySender.get(sender)
    if (waiting) waiting.push(message)
    else this.#bySender.set(sender, [message])
    this.length += 1
  }

  take(): Message | undefined {
    const senders = [...this.#bySender.keys()]
    const sender = senders[senders.length > 1 ? this.#scheduler.pick(senders.length) : 0]
    if (sender === undefined) return undefined
    const waiting = this.#bySender.get(sender)
    const message = waiting?.shift()
    if (waiting?.length === 0) this.#bySender.delete(sender)
    this.length -= 1
    return message
  }
}
