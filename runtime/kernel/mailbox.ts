import type { Scheduler } from './protocol.ts'

/** A message of a timer or a watch: whoever cancels that takes it back, even where it waits already. */
export class Revocable<Message> {
  readonly message: Message
  /** It's handled now: it can't be taken back any more. */
  readonly taken: () => void
  isRevoked = false

  constructor(message: Message, taken: () => void = () => {}) {
    this.message = message
    this.taken = taken
  }
}

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

/** Messages among which a scheduler may pick. */
type Stretch<Message> = Map<number, Message[]>

/**
 * Any sender's next message, as the scheduler picks; one sender's messages in their order. A message whose sender isn't known
 * (0: it was sent outside of a turn, as after an `await`) may be of any sender, so nothing is delivered across it.
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
