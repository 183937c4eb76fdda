import { type Addressee, addressee, type StopListener, type Surroundings } from './addressee.ts'
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

/** A timer or a watch, which ends with its incarnation. */
interface Undoable {
  undo(): void
}

/** A watch. An actor may watch many thousands of others, so a watch is one object rather than closures. */
class Watch<Message> implements StopListener, Undoable {
  readonly #watched: Addressee
  readonly #cell: Supervised<Message>
  readonly #toMessage: (terminated: Terminated) => Message
  readonly #register: Set<Undoable>
  #told: Revocable<Message> | undefined

  constructor(
    watched: Addressee,
    cell: Supervised<Message>,
    toMessage: (terminated: Terminated) => Message,
    register: Set<Undoable>,
  ) {
    this.#watched = watched
    this.#cell = cell
    this.#toMessage = toMessage
    this.#register = register
  }

  stopped(terminated: Terminated): void {
    this.#told = new Revocable(this.#toMessage(terminated), () => this.#register.delete(this))
    this.#cell.deliver(this.#told)
  }

  undo(): void {
    this.#watched.removeStopListener(this)
    if (this.#told) this.#told.isRevoked = true
  }
}

/** An actor's life from a start to a restart or stop. Its timers, watches and signal end with it. */
export class Incarnation<Message> implements ActorContext<Message> {
  readonly #cell: Supervised<Message>
  #controller: AbortController | undefined
  #undoables: Set<Undoable> | undefined
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
    const watched = addressee(ref)
    this.#undoables ??= new Set()
    const watch = new Watch(watched, this.#cell, toMessage, this.#undoables)
    const cancel = this.#register(watch)
    watched.addStopListener(watch)
    return cancel
  }

  after(delayMs: number, message: Message): Cancel {
    if (this.#ended) return noCancel
    let stopTimer = noCancel
    const timer = {
      undo() {
        stopTimer()
        told.isRevoked = true
      },
    }
    const told = new Revocable(message, () => this.#undoables?.delete(timer))
    const cancel = this.#register(timer)
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
    return this.#register({
      undo() {
        stopTimer()
        told.isRevoked = true
      },
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
    return this.#cell.surroundings.outside(work, this)
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
    const undoables = this.#undoables
    this.#undoables = undefined
    for (const each of undoables ?? []) each.undo()
    this.#controller?.abort(ended)
  }

  #register(undoable: Undoable): Cancel {
    this.#undoables ??= new Set()
    this.#undoables.add(undoable)
    return () => {
      if (this.#undoables?.delete(undoable)) undoable.undo()
    }
  }
}
