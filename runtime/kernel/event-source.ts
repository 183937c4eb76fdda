import type { Cancel, EventSource } from './protocol.ts'

/**
 * Passes each event to all listeners. Check `active` before making an event, so that events without listeners cost
 * nothing.
 */
export class Emitter<Event> implements EventSource<Event> {
  readonly #listeners = new Set<(event: Event) => void>()

  get active(): boolean {
    return this.#listeners.size > 0
  }

  subscribe(listener: (event: Event) => void): Cancel {
    const own = (event: Event) => listener(event)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        // A listener's fault must not reach the actor of the event.
        queueMicrotask(() => console.error('a listener of the actor system threw', error))
      }
    }
  }
}

/** Dead letters, with their count. */
export class DeadLetterOffice<Letter> extends Emitter<Letter> {
  count = 0
}
