import { Addressee, type StopListener } from '../kernel/addressee.ts'
import type { ActorRef, Address, DeadLetter, Terminated } from '../kernel/protocol.ts'

/** The calls on a session that refs of the other node's actors need. */
export interface RefSession {
  readonly peer: Pick<Address, 'node' | 'nodeIncarnation'>
  tell(ref: RemoteRef, message: unknown): void
  offer(ref: RemoteRef, message: unknown): Promise<void>
  /** Asks the other node to report the actor's stop. The session then calls `terminated`. */
  watch(ref: RemoteRef): void
  stop(ref: RemoteRef): void
}

/** The address of another node's actor, from a message of this node. */
export class RemoteRef extends Addressee implements ActorRef<unknown> {
  readonly isLocal = false
  readonly hasDecoder = true
  readonly session: RefSession
  /** The actor's number in the table of its node. */
  readonly remoteNumber: number
  readonly #remotePath: string
  #listeners: Set<StopListener> | undefined
  #terminated: Terminated | undefined

  constructor(session: RefSession, remoteNumber: number, remotePath: string) {
    super()
    this.session = session
    this.remoteNumber = remoteNumber
    this.#remotePath = remotePath
  }

  get path(): string {
    return `${this.session.peer.node}:${this.#remotePath}`
  }

  get address(): Address {
    return { ...this.session.peer, actor: this.#remotePath, actorIncarnation: this.remoteNumber }
  }

  tell(message: unknown): void {
    this.session.tell(this, message)
  }

  offer(message: unknown): Promise<void> {
    return this.session.offer(this, message)
  }

  /** Called when a third node was given this ref. The actor's own node decodes the message. */
  receive(value: unknown): void {
    this.session.tell(this, value)
  }

  receiveOffer(value: unknown): Promise<void> {
    return this.session.offer(this, value)
  }

  stop(): void {
    this.session.stop(this)
  }

  addStopListener(listener: StopListener): void {
    if (this.#terminated) return listener.stopped(this.#terminated)
    if (this.#listeners) return void this.#listeners.add(listener)
    this.#listeners = new Set([listener])
    this.session.watch(this)
  }

  removeStopListener(listener: StopListener): void {
    this.#listeners?.delete(listener)
  }

  /** Called when the actor has stopped, or its node has ended. Informs each listener once. */
  terminated(cause?: unknown): void {
    if (this.#terminated) return
    const terminated = cause === undefined ? { path: this.path } : { path: this.path, cause }
    this.#terminated = terminated
    const listeners = this.#listeners
    this.#listeners = undefined
    for (const listener of listeners ?? []) listener.stopped(terminated)
  }
}

/**
 * The address of an actor of this node, given back by another node. Its messages are decoded like those of this other
 * node, which may have put the ref where a ref of another protocol belongs. Without a target the actor has stopped, for
 * the cause if there is one, or was never given away.
 */
export class ReturnedRef extends Addressee implements ActorRef<unknown> {
  readonly isLocal = true
  readonly hasDecoder = true
  readonly target: Addressee | undefined
  readonly address: Address
  readonly #deadLetter: (letter: DeadLetter) => void
  readonly #cause: unknown

  constructor(
    target: Addressee | undefined,
    address: Address,
    deadLetter: (letter: DeadLetter) => void,
    cause?: unknown,
  ) {
    super()
    this.target = target
    this.address = address
    this.#deadLetter = deadLetter
    this.#cause = cause
  }

  get path(): string {
    return this.address.actor
  }

  tell(message: unknown): void {
    if (this.target) this.target.receive(message)
    else this.#deadLetter({ path: this.path, message, reason: 'unknown-address' })
  }

  async offer(message: unknown): Promise<void> {
    if (this.target) return this.target.receiveOffer(message)
    this.tell(message)
  }

  receive(value: unknown): void {
    this.tell(value)
  }

  receiveOffer(value: unknown): Promise<void> {
    return this.offer(value)
  }

  stop(): void {
    this.target?.stop()
  }

  addStopListener(listener: StopListener): void {
    if (this.target) this.target.addStopListener(listener)
    else listener.stopped({ path: this.path, ...(this.#cause !== undefined && { cause: this.#cause }) })
  }

  removeStopListener(listener: StopListener): void {
    this.target?.removeStopListener(listener)
  }
}
