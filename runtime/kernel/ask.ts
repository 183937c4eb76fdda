import { Addressee, addressee, decoded, type StopListener, type Surroundings } from './addressee.ts'
import { kernelError } from './errors.ts'
import type { ActorRef, Address, AskOptions, Cancel, Decode } from './protocol.ts'

/**
 * The reply address of an ask. Takes the first reply; later replies become dead letters. For watchers it has stopped
 * once the ask has ended.
 */
class ReplyRef<Reply> extends Addressee implements ActorRef<Reply>, StopListener {
  readonly isLocal = true
  readonly #surroundings: Surroundings
  readonly #asked: Addressee
  readonly #decode: Decode<Reply> | undefined
  /** Settles the ask's promise. Undefined once the ask has ended. */
  #resolve: ((reply: Reply) => void) | undefined
  readonly #reject: (cause: Error) => void
  #stopListeners: Set<StopListener> | undefined
  stopTimer: Cancel | undefined

  constructor(
    surroundings: Surroundings,
    asked: Addressee,
    decode: Decode<Reply> | undefined,
    resolve: (reply: Reply) => void,
    reject: (cause: Error) => void,
  ) {
    super()
    this.#surroundings = surroundings
    this.#asked = asked
    this.#decode = decode
    this.#resolve = resolve
    this.#reject = reject
  }

  get path(): string {
    return `${this.#asked.path}?`
  }

  get address(): Address {
    return { ...this.#surroundings.node, actor: this.path, actorIncarnation: this.number }
  }

  get hasDecoder(): boolean {
    return this.#decode !== undefined
  }

  tell(reply: Reply): void {
    const resolve = this.#resolve
    if (!resolve) return this.#surroundings.deadLetter({ path: this.path, message: reply, reason: 'late-reply' })
    resolve(reply)
    this.#close()
  }

  async offer(reply: Reply): Promise<void> {
    this.tell(reply)
  }

  receive(value: unknown): void {
    const reply = decoded(this.#decode, value, this.path, this.#surroundings)
    if (reply === undefined) this.fail(kernelError('KERNEL_UNDECODABLE', { path: this.path }))
    else this.tell(reply)
  }

  async receiveOffer(value: unknown): Promise<void> {
    this.receive(value)
  }

  stop(): void {
    this.fail(kernelError('KERNEL_STOPPED', { path: this.path }))
  }

  addStopListener(listener: StopListener): void {
    if (!this.#resolve) return listener.stopped({ path: this.path })
    this.#stopListeners ??= new Set()
    this.#stopListeners.add(listener)
  }

  removeStopListener(listener: StopListener): void {
    this.#stopListeners?.delete(listener)
  }

  /** The asked actor, or its node, has ended. */
  stopped(): void {
    this.fail(kernelError('KERNEL_STOPPED', { path: this.#asked.path }))
  }

  /** Ends the ask with an error, unless the ask has ended. */
  fail(cause: Error): void {
    if (!this.#resolve) return
    this.#reject(cause)
    this.#close()
  }

  #close(): void {
    this.#resolve = undefined
    this.stopTimer?.()
    this.#asked.removeStopListener(this)
    const listeners = this.#stopListeners
    if (!listeners) return
    this.#stopListeners = undefined
    for (const listener of listeners) listener.stopped({ path: this.path })
  }
}

/**
 * Tells a request with a reply address. Waits for the reply, the time-out, or the end of the asked actor or its node.
 */
export function ask<Reply, Request>(
  surroundings: Surroundings,
  ref: ActorRef<Request>,
  request: (replyTo: ActorRef<Reply>) => Request,
  { timeoutMs, decode }: AskOptions<Reply>,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = addressee(ref)
    if (!asked.isLocal && !decode) throw kernelError('KERNEL_ASK_DECODER', { path: ref.path })
    const replyTo = new ReplyRef<Reply>(surroundings, asked, decode, resolve, reject)
    replyTo.stopTimer = surroundings.clock.schedule(timeoutMs, () =>
      replyTo.fail(kernelError('KERNEL_ASK_TIMEOUT', { path: ref.path, timeoutMs })),
    )
    asked.addStopListener(replyTo)
    ref.tell(request(replyTo))
  })
}
