import type { EventBytes, EventJournal } from './event-journal.ts'

/** What a message brought about, waiting to be made durable. */
interface Item {
  readonly events: EventBytes | undefined
  readonly count: number
  readonly effect: (() => void) | undefined
}

/** The actor that an outbox belongs to. */
interface Owner<State, Event> {
  readonly journal: EventJournal<State, Event>
  /** Aborted when nothing may be written or let out any more. */
  readonly signal: AbortSignal
  /** The state after all that was added; undefined while it can't be relied on. */
  state(): { readonly value: State } | undefined
  track(work: Promise<void>): Promise<void>
  fail(cause: unknown): void
}

/** Most messages whose effects wait; beyond, the actor takes no more until they are out. */
const mostWaiting = 1024

/**
 * Journals events and then lets their effects out, in the order of the messages. What comes while a write is under way goes
 * into the next one together.
 */
export class Outbox<State, Event> {
  readonly #owner: Owner<State, Event>
  #waiting: Item[] = []
  #running: Promise<void> | undefined

  constructor(owner: Owner<State, Event>) {
    this.#owner = owner
  }

  /** Resolves when all that was added is out, or is given up since the incarnation has ended. Never rejects. */
  get empty(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  /** Nothing waits and nothing is written. */
  get isEmpty(): boolean {
    return this.#running === undefined
  }

  get isFull(): boolean {
    return this.#waiting.length >= mostWaiting
  }

  add(item: Item): void {
    this.#waiting.push(item)
    this.#running ??= this.#owner.track(this.#run())
  }

  async #run(): Promise<void> {
    // The other messages of this turn come along.
    await Promise.resolve()
    try {
      while (this.#waiting.length > 0 && !this.#owner.signal.aborted) await this.#write()
    } catch (cause) {
      this.#owner.fail(cause)
    }
    this.#running = undefined
  }

  async #write(): Promise<void> {
    const items = this.#waiting
    this.#waiting = []
    let count = 0
    const events: EventBytes[] = []
    for (const item of items) {
      count += item.count
      if (item.events) events.push(item.events)
    }
    const letOut = () => {
      if (!this.#owner.signal.aborted) runAll(items)
    }
    if (events.length === 0) letOut()
    else await this.#owner.journal.append(events, count, this.#owner.state(), letOut)
  }
}

/** One that throws doesn't hold up the others: what they tell is true. The first fault is thrown afterwards. */
function runAll(items: readonly Item[]): void {
  const faults: unknown[] = []
  for (const { effect } of items) {
    try {
      effect?.()
    } catch (cause) {
      faults.push(cause)
    }
  }
  if (faults.length > 0) throw faults[0]
}
