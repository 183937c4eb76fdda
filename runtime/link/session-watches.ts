import type { Cancel } from '../kernel/protocol.ts'
import { LazyMap } from './lazy-map.ts'
import type { Outbox } from './outbox.ts'
import type { RemoteRef } from './remote-ref.ts'
import { kinds, type SessionContext } from './session-parts.ts'
import type { SessionRefs } from './session-refs.ts'

/** Actors of either node whose ends the other node wants to be told. */
export class SessionWatches {
  readonly #context: SessionContext
  readonly #outbox: Outbox
  readonly #refs: SessionRefs
  /** Actors of the other node that are watched here. Their refs are kept until they have stopped. */
  readonly #watched = new LazyMap<number, RemoteRef>()
  readonly #watchesOfPeer = new LazyMap<number, Cancel>()
  /** Ends of watched actors, which wait for earlier messages of the bulk lane. */
  #lateEnds: { readonly bulk: number; readonly end: () => void }[] = []

  constructor(context: SessionContext, outbox: Outbox, refs: SessionRefs) {
    this.#context = context
    this.#outbox = outbox
    this.#refs = refs
  }

  /** Asks the other node to report the actor's stop. */
  watch(ref: RemoteRef): void {
    if (this.#context.ended) return ref.terminated(this.#context.ended)
    this.#watched.set(ref.remoteNumber, ref)
    this.#outbox.post([kinds.watch, ref.remoteNumber])
  }

  /** The other node asks to be told the end of this actor. */
  watchedByPeer(number: number): void {
    if (this.#watchesOfPeer.has(number)) return
    const terminated = (cause: unknown) => {
      this.#watchesOfPeer.delete(number)
      const told = cause instanceof Error ? cause : new Error(String(cause))
      if (!this.#context.ended)
        this.#outbox.post([kinds.terminated, number, this.#outbox.toldInBulk, cause === undefined ? null : told])
    }
    const target = this.#refs.target(number)
    if (!target) return terminated(this.#refs.causeOf(number))
    let hasStopped = false
    const cancel = target.onStopped(({ cause }) => {
      hasStopped = true
      terminated(cause)
    })
    if (hasStopped) return
    this.#watchesOfPeer.set(number, cancel)
  }

  /** An actor of the other node has stopped, after it had told this number of messages in the bulk lane. */
  stopped(number: number, bulk: unknown, cause: unknown): void {
    const end = () => {
      const ref = this.#watched.get(number)
      this.#watched.delete(number)
      ref?.terminated(cause ?? undefined)
    }
    this.#lateEnds.push({ bulk: typeof bulk === 'number' ? bulk : 0, end })
  }

  /** Reports the ends of watched actors only after all earlier messages, of both lanes. */
  endLate(arrivedInBulk: number): void {
    if (this.#lateEnds.length === 0) return
    const due = this.#lateEnds.filter(({ bulk }) => bulk <= arrivedInBulk)
    this.#lateEnds = this.#lateEnds.filter(({ bulk }) => bulk > arrivedInBulk)
    for (const { end } of due) end()
  }

  /** The session has ended, and cares no more about this node's actors. */
  forget(): void {
    for (const cancel of this.#watchesOfPeer.values()) cancel()
    this.#watchesOfPeer.clear()
    this.#lateEnds = []
  }

  /** The other node's actors have ended for this node. */
  end(cause: Error): void {
    for (const ref of this.#watched.values()) ref.terminated(cause)
    this.#watched.clear()
  }
}
