import type { Cancel, EventSource } from './protocol.ts'

/** Tells each listener of each event. Ask `active` before making an event: then nobody listening costs nothing. */
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
        // A listener's fault is its own: it must not reach the actor that the event is about.
        queueMicrotask(() => console.error('a listener of the actor system threw', error))
      }
    }
  }
}

/** Dead letters, counted. */
export class DeadLetterOffice<Letter> extends Emitter<Letter> {
  count = 0
}
