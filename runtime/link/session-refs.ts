import { type Addressee, addressee } from '../kernel/addressee.ts'
import type { ActorRef, Cancel, DeadLetter } from '../kernel/protocol.ts'
import { linkError } from './errors.ts'
import { LazyMap } from './lazy-map.ts'
import type { RefName } from './message-codec.ts'
import { type RefSession, RemoteRef, ReturnedRef } from './remote-ref.ts'
import type { SessionContext } from './session-parts.ts'

/** An actor whose ref was given to the other node. */
interface Exported {
  readonly target: Addressee
  returned?: ReturnedRef
  readonly forget: Cancel
}

/** Most actors whose ends are remembered with their causes. */
const mostEnds = 1000

/** The refs that the two nodes of a session have given each other, by the numbers that name them in messages. */
export class SessionRefs {
  readonly #context: SessionContext
  readonly #session: RefSession
  readonly #exported = new LazyMap<number, Exported>()
  /** Causes of exported actors' ends: the other node may ask for an end that it was not told of. */
  readonly #causes = new LazyMap<number, unknown>()
  readonly #imported = new LazyMap<number, WeakRef<RemoteRef>>()
  #collected: FinalizationRegistry<number> | undefined

  constructor(context: SessionContext, session: RefSession) {
    this.#context = context
    this.#session = session
  }

  /** The actor of this node with this number, if it was given to the other node and hasn't stopped. */
  target(number: number): Addressee | undefined {
    return this.#exported.get(number)?.target
  }

  /** The cause of the end of an actor that was given to the other node, if the actor ended for one. */
  causeOf(number: number): unknown {
    return this.#causes.get(number)
  }

  /** Gives an actor's ref to the other node outside of a message. Returns its name there. */
  export(ref: ActorRef<never>): RefName {
    return this.nameOf(addressee(ref))
  }

  /** The ref that the other node has named outside of a message. */
  import(number: number, path: string): RemoteRef {
    const known = this.#imported.get(number)?.deref()
    if (known) return known
    const ref = new RemoteRef(this.#session, number, path)
    this.#imported.set(number, new WeakRef(ref))
    this.#collected ??= new FinalizationRegistry((gone) => {
      if (!this.#imported.get(gone)?.deref()) this.#imported.delete(gone)
    })
    this.#collected.register(ref, number)
    return ref
  }

  /** The name of a ref in a message to the other node. @throws LINK_NO_DECODER */
  readonly nameOf = (ref: Addressee): RefName => {
    if (ref instanceof RemoteRef && ref.session === this.#session) return { of: 'receiver', number: ref.remoteNumber }
    const target = ref instanceof ReturnedRef ? (ref.target ?? ref) : ref
    if (!target.hasDecoder) throw linkError('LINK_NO_DECODER', { path: target.path })
    const { number, path } = target
    if (!this.#exported.has(number)) {
      // The listener runs at once if the actor has stopped.
      let hasStopped = false
      const forget = target.onStopped(({ cause }) => {
        hasStopped = true
        this.#exported.delete(number)
        if (cause !== undefined) this.#remember(number, cause)
      })
      if (!hasStopped) this.#exported.set(number, { target, forget })
    }
    return { of: 'sender', number, path }
  }

  /** The ref with this name in a message of the other node. */
  refOf(name: RefName): Addressee {
    if (name.of === 'sender') return this.import(name.number, name.path)
    const { system } = this.#context
    const exported = this.#exported.get(name.number)
    const path = exported?.target.path ?? `/?${name.number}`
    const address = { ...system.node, actor: path, actorIncarnation: name.number }
    const deadLetter = (letter: DeadLetter) => system.deadLetter(letter)
    if (!exported) return new ReturnedRef(undefined, address, deadLetter, this.causeOf(name.number))
    exported.returned ??= new ReturnedRef(exported.target, address, deadLetter)
    return exported.returned
  }

  #remember(number: number, cause: unknown): void {
    this.#causes.set(number, cause)
    const oldest = this.#causes.size > mostEnds ? this.#causes.first() : undefined
    if (oldest !== undefined) this.#causes.delete(oldest)
  }

  /** The session has ended. */
  end(): void {
    for (const { forget } of this.#exported.values()) forget()
    this.#exported.clear()
    this.#causes.clear()
  }
}
