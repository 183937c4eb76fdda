import type { Scheduler } from './protocol.ts'

/**
 * A message of a timer or a watch. Cancelling the timer or the watch revokes the message, even if it waits in the
 * mailbox.
 */
export class Revocable<Message> {
  readonly message: Message
  /** Called when the message is handled: it can't be revoked any more. */
  readonly taken: () => void
  isRevoked = false

  constructor(message: Message, taken: () => void = () => {}) {
    this.message = message
    this.taken = taken
  }
}

/** A queue of waiting messages. */
export interface Mailbox<Message> {
  readonly length: number
  /** `sender` is the sender's number. Messages of one sender stay in order. */
  push(message: Message, sender: number): void
  /** Takes the next message. Undefined without a message. */
  take(): Message | undefined
}

/** Slots of taken messages are reclaimed when they are more than this number, and more than half of all slots. */
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
      // Keeps a short array, releases a long one.
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

/** Messages, by sender, among which a scheduler may pick. */
type Stretch<Message> = Map<number, Message[]>

/**
 * A mailbox whose scheduler picks the sender of the next message. Messages of one sender stay in order. A message with
 * an unknown sender (0: sent outside of a turn, such as after an `await`) may be of any sender, so no other message
 * overtakes it, or is overtaken by it.
 */
export class ScheduledMailbox<Message> implements Mailbox<Message> {
  readonly #scheduler: Scheduler
  #stretches: Stretch<Message>[] = []
  length = 0

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  push(message: Message, sender: number): void {
    this.length += 1
    const last = this.#stretches.at(-1)
    if (!last || sender === 0 || last.has(0)) {
      this.#stretches.push(new Map([[sender, [message]]]))
      return
    }
    const waiting = last.get(sender)
    if (waiting) waiting.push(message)
    else last.set(sender, [message])
  }

  take(): Message | undefined {
    const [stretch] = this.#stretches
    if (!stretch) return undefined
    const senders = [...stretch.keys()]
    const sender = senders[senders.length > 1 ? this.#scheduler.pick(senders.length) : 0] ?? 0
    const waiting = stretch.get(sender)
    const message = waiting?.shift()
    if (waiting?.length === 0) stretch.delete(sender)
    if (stretch.size === 0) this.#stretches.shift()
    this.length -= 1
    return message
  }
}
