import { addressee, type Surroundings } from './addressee.ts'
import { ask } from './ask.ts'
import type { Clock } from './clocks.ts'
import { kernelError } from './errors.ts'
import { Revocable } from './mailbox.ts'
import type { ActorContext, ActorRef, AskOptions, Behavior, Cancel, SpawnOptions, Terminated } from './protocol.ts'

const noCancel: Cancel = () => {}

/** The reason of every signal, shared since many actors may stop at once. */
const ended = kernelError('KERNEL_STOPPED', { path: 'the actor' })

/** The actor of an incarnation. */
export interface Supervised<Message> extends ActorRef<Message> {
  readonly surroundings: Surroundings
  spawn<Child>(name: string, behavior: Behavior<Child>, options: SpawnOptions<Child>): ActorRef<Child>
  stop(cause?: unknown): void
  deliver(message: Revocable<Message>): void
  isCurrent(incarnation: Incarnation<Message>): boolean
  fault(cause: unknown): void
}

/** An actor's life from a start to a restart or stop. Its timers, watches and signal end with it. */
export class Incarnation<Message> implements ActorContext<Message> {
  readonly #cell: Supervised<Message>
  #controller: AbortController | undefined
  #cancels: Set<Cancel> | undefined
  #ended = false

  constructor(cell: Supervised<Message>) {
    this.#cell = cell
  }

  get self(): ActorRef<Message> {
    return this.#cell
  }

  get clock(): Clock {
    return this.#cell.surroundings.clock
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#ended) this.#controller.abort(ended)
    return this.#controller.signal
  }

  spawn<Child>(name: string, behavior: Behavior<Child>, options: SpawnOptions<NoInfer<Child>> = {}): ActorRef<Child> {
    if (this.#ended) throw kernelError('KERNEL_STALE', { path: this.#cell.path })
    return this.#cell.spawn(name, behavior, options)
  }

  stop(ref?: ActorRef<never>): void {
    if (ref) addressee(ref).stop()
    else if (!this.#ended) this.#cell.stop()
  }

  watch(ref: ActorRef<never>, toMessage: (terminated: Terminated) => Message): Cancel {
    if (this.#ended) return noCancel
    let told: Revocable<Message> | undefined
    let unwatch = noCancel
    const cancel = this.#register(() => {
      unwatch()
      if (told) told.isRevoked = true
    })
    unwatch = addressee(ref).onStopped((terminated) => {
      told = new Revocable(toMessage(terminated), () => this.#cancels?.delete(cancel))
      this.#cell.deliver(told)
    })
    return cancel
  }

  after(delayMs: number, message: Message): Cancel {
    if (this.#ended) return noCancel
    let stopTimer = noCancel
    const told = new Revocable(message, () => this.#cancels?.delete(cancel))
    const cancel = this.#register(() => {
      stopTimer()
      told.isRevoked = true
    })
    stopTimer = this.clock.schedule(delayMs, () => this.#cell.deliver(told))
    return cancel
  }

  every(periodMs: number, message: Message): Cancel {
    if (this.#ended) return noCancel
    let stopTimer = noCancel
    const told = new Revocable(message)
    const next = () => {
      stopTimer = this.clock.schedule(periodMs, () => {
        next()
        this.#cell.deliver(told)
      })
    }
    next()
    return this.#register(() => {
      stopTimer()
      told.isRevoked = true
    })
  }

  ask<Reply, Request>(
    ref: ActorRef<Request>,
    request: (replyTo: ActorRef<Reply>) => Request,
    options: AskOptions<Reply>,
  ): Promise<Reply> {
    return ask(this.#cell.surroundings, ref, request, options)
  }

  track<T>(work: Promise<T>): Promise<T> {
    return this.#cell.surroundings.track(work)
  }

  outside<T>(work: Promise<T>): Promise<T> {
    return this.#cell.surroundings.outside(work, () => this.signal)
  }

  fail(cause: unknown): void {
    if (this.#cell.isCurrent(this)) this.#cell.fault(cause)
  }

  giveUp(cause: unknown): void {
    if (!this.#ended) this.#cell.stop(cause)
  }

  /** Cancels timers and watches, and aborts the signal. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const cancel of [...(this.#cancels ?? [])]) cancel()
    this.#controller?.abort(ended)
  }

  #register(undo: Cancel): Cancel {
    const cancel = () => {
      if (this.#cancels?.delete(cancel)) undo()
    }
    this.#cancels ??= new Set()
    this.#cancels.add(cancel)
    return cancel
  }
}
