import { decode, encode } from '../codec.ts'
import { storeError } from '../errors.ts'
import type { JournalEntry, Store } from '../store.ts'
import { noteWrite, writesSettled } from './writes-in-flight.ts'

/** How a state is kept as a snapshot and the events since. */
export interface EventSourced<State, Event> {
  readonly store: Store
  readonly key: string
  initial(): State
  isState(value: unknown): value is State
  isEvent(value: unknown): value is Event
  /** The state after an event: a new one, or the same changed in place. The same state and event give the same result. */
  apply(state: State, event: Event): State
  /** Events after which a snapshot is saved and the journal truncated. Default 1,000. */
  readonly snapshotEvery?: number
}

/** Events written whole or not at all, in the form in which they are journalled. */
export type EventBytes = Uint8Array

/** A snapshot and the events since, under one key. An entry of the journal holds the events of several messages. */
export class EventJournal<State, Event> {
  readonly #kept: EventSourced<State, Event>
  readonly #snapshotEvery: number
  #version = 0
  #last = 0
  #sinceSnapshot = 0

  constructor(kept: EventSourced<State, Event>) {
    this.#kept = kept
    this.#snapshotEvery = kept.snapshotEvery ?? 1000
  }

  /** Loads the snapshot and applies the events since. STORE_STATE_FOREIGN, STORE_EVENT_FOREIGN, STORE_DAMAGED. */
  async load(): Promise<{ readonly state: State }> {
    const { store, key } = this.#kept
    await writesSettled(store, key)
    for (;;) {
      const snapshot = await store.load(key)
      const { state, upTo } = snapshot ? this.#restore(snapshot.bytes) : { state: this.#kept.initial(), upTo: 0 }
      this.#version = snapshot?.version ?? 0
      this.#last = upTo
      this.#sinceSnapshot = 0
      const after = await this.#replay(state)
      if (after) return after
      // A gap: another writer has saved a snapshot and truncated meanwhile, or else an entry is lost.
      if (((await store.load(key))?.version ?? 0) === this.#version)
        throw storeError('STORE_DAMAGED', { folder: key, found: `entry ${this.#last + 1} of its journal is missing` })
    }
  }

  encode(events: readonly Event[]): EventBytes {
    return encode(events)
  }

  /**
   * Makes events durable, then calls `written`, then saves a snapshot if it's time and there is a state: the one after these
   * events, at the time of this call. STORE_VERSION if another writes under the same key.
   */
  append(
    events: readonly EventBytes[],
    count: number,
    state: { readonly value: State } | undefined,
    written: () => void,
  ): Promise<void> {
    return noteWrite(this.#kept.store, this.#kept.key, this.#append(events, count, state, written))
  }

  async #append(
    events: readonly EventBytes[],
    count: number,
    state: { readonly value: State } | undefined,
    written: () => void,
  ): Promise<void> {
    const { store, key } = this.#kept
    const number = this.#last + 1
    this.#sinceSnapshot += count
    const isTime = state !== undefined && this.#sinceSnapshot >= this.#snapshotEvery
    const snapshot = isTime ? encode({ state: state.value, upTo: number }) : undefined
    await store.append(key, encode(events), { expected: number })
    this.#last = number
    written()
    if (!snapshot) return
    this.#version = await store.save(key, this.#version, snapshot)
    this.#sinceSnapshot = 0
    await store.truncate(key, number)
  }

  #restore(bytes: Uint8Array): { readonly state: State; readonly upTo: number } {
    const { key, isState } = this.#kept
    const saved = decode(bytes)
    if (typeof saved === 'object' && saved !== null && 'state' in saved && 'upTo' in saved) {
      const { state, upTo } = saved
      if (isState(state) && typeof upTo === 'number') return { state, upTo }
    }
    throw storeError('STORE_STATE_FOREIGN', { key })
  }

  /** Undefined at a gap. */
  async #replay(initial: State): Promise<{ readonly state: State } | undefined> {
    const { store, key, apply } = this.#kept
    let state = initial
    for await (const entry of store.read(key, { from: this.#last + 1 })) {
      if (entry.number !== this.#last + 1) return undefined
      for (const event of this.#eventsIn(entry)) {
        state = apply(state, event)
        this.#sinceSnapshot += 1
      }
      this.#last = entry.number
    }
    return { state }
  }

  #eventsIn({ number, bytes }: JournalEntry): Event[] {
    const { key, isEvent } = this.#kept
    const groups = decode(bytes)
    const events = Array.isArray(groups)
      ? groups.flatMap((group: unknown) => (group instanceof Uint8Array ? decode(group) : [undefined]))
      : [undefined]
    return events.map((event: unknown) => {
      if (isEvent(event)) return event
      throw storeError('STORE_EVENT_FOREIGN', { key, number })
    })
  }
}
