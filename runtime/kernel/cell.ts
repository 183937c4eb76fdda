import { decoded, LocalActor, type StopListener, type Surroundings } from './addressee.ts'
import { kernelError } from './errors.ts'
import { Incarnation, type Supervised } from './incarnation.ts'
import { FifoMailbox, type Mailbox, Revocable, ScheduledMailbox } from './mailbox.ts'
import type { ActorRef, Address, Behavior, DeadLetterReason, Handler, SpawnOptions, Terminated } from './protocol.ts'
import { type FaultHistory, supervise } from './supervision.ts'

/**
 * `starting`: the behavior hasn't made a handler yet. `ready`: takes messages. `busy`: a handler's promise is pending.
 * `suspended`: a fault is handled. `stopping`: the children are stopping.
 */
type Phase = 'starting' | 'ready' | 'busy' | 'suspended' | 'stopping' | 'stopped'

/** Most messages that an actor takes in one turn, before other actors have theirs. */
const batch = 256

/** No message waits, as a message may be undefined. */
const none = Symbol('none')

/** An `offer` that waits for space in a full mailbox. */
interface Offer<Message> {
  readonly message: Message
  readonly sender: number
  readonly accept: () => void
  readonly refuse: (cause: unknown) => void
}

/**
 * One actor: its mailbox, its position in the tree, its life. Also the actor's ref, which is bound to this actor and
 * not to the name.
 */
export class Cell<Message> extends LocalActor implements ActorRef<Message>, Supervised<Message> {
  readonly name: string
  readonly path: string
  readonly parent: LocalActor | undefined
  readonly surroundings: Surroundings
  readonly #behavior: Behavior<Message>
  readonly #options: SpawnOptions<Message>
  #phase: Phase = 'starting'
  #incarnation: Incarnation<Message>
  #handler: Handler<Message> | undefined
  /** The message that waits, in an actor without a mailbox. Most actors have one message at a time. */
  #only: Message | Revocable<Message> | typeof none = none
  /** Made when a second message waits. A scheduler picks among the messages of a mailbox. */
  #mailbox: Mailbox<Message | Revocable<Message>> | undefined
  #offers: Offer<Message>[] | undefined
  #children: Map<string, LocalActor> | undefined
  #faults: FaultHistory | undefined
  #stopListeners: Set<StopListener> | undefined
  #afterChildren: (() => void) | undefined
  #terminated: Terminated | undefined
  scheduled = false

  constructor(
    name: string,
    parent: LocalActor | undefined,
    surroundings: Surroundings,
    behavior: Behavior<Message>,
    options: SpawnOptions<Message>,
  ) {
    super()
    this.name = name
    this.parent = parent
    this.path = `${parent?.path ?? ''}/${name}`
    this.surroundings = surroundings
    this.#behavior = behavior
    this.#options = options
    this.#incarnation = new Incarnation(this)
    surroundings.size += 1
    if (surroundings.events.active) surroundings.events.emit({ type: 'spawned', path: this.path })
    surroundings.schedule(this)
  }

  get address(): Address {
    return { ...this.surroundings.node, actor: this.path, actorIncarnation: this.number }
  }

  get hasDecoder(): boolean {
    return this.#options.decode !== undefined
  }

  override get borrows(): boolean {
    return this.#options.borrows === true
  }

  get isAlive(): boolean {
    return this.#phase !== 'stopping' && this.#phase !== 'stopped'
  }

  get isIdle(): boolean {
    return this.#waiting === 0
  }

  /** Number of messages that wait. */
  get #waiting(): number {
    return (this.#only === none ? 0 : 1) + (this.#mailbox === undefined ? 0 : this.#mailbox.length)
  }

  tell(message: Message): void {
    this.deliver(message)
  }

  /** As `tell`, also for a message that can be revoked until it's handled. */
  deliver(message: Message | Revocable<Message>): void {
    if (!this.isAlive) return this.#deadLetter(message, 'stopped')
    const capacity = this.#options.mailbox?.capacity
    if (capacity !== undefined && this.#waiting >= capacity) return this.#deadLetter(message, 'mailbox-full')
    this.#enqueue(message, this.surroundings.sender)
  }

  offer(message: Message): Promise<void> {
    const { sender } = this.surroundings
    if (!this.isAlive) return Promise.reject(kernelError('KERNEL_STOPPED', { path: this.path }))
    const capacity = this.#options.mailbox?.capacity
    if (capacity === undefined || this.#waiting < capacity) {
      this.#enqueue(message, sender)
      return Promise.resolve()
    }
    return new Promise((accept, refuse) => {
      this.#offers ??= []
      this.#offers.push({ message, sender, accept, refuse })
    })
  }

  receive(value: unknown): void {
    const message = decoded(this.#options.decode, value, this.path, this.surroundings)
    if (message !== undefined) this.deliver(message)
  }

  receiveOffer(value: unknown): Promise<void> {
    const message = decoded(this.#options.decode, value, this.path, this.surroundings)
    if (message !== undefined) return this.offer(message)
    return Promise.reject(kernelError('KERNEL_UNDECODABLE', { path: this.path }))
  }

  takeTurn(most: number): number {
    if (this.#phase === 'starting') this.#start()
    const limit = Math.min(batch, most)
    let taken = 0
    while (this.#phase === 'ready' && taken < limit) {
      const message = this.#take()
      if (message === none) return taken
      taken += 1
      if (this.#offers !== undefined) this.#acceptOffer(this.#offers)
      if (!(message instanceof Revocable)) this.#handle(message!)
      else if (!message.isRevoked) {
        message.taken()
        this.#handle(message.message)
      }
    }
    if (this.#phase === 'ready' && !this.isIdle) this.surroundings.schedule(this)
    return taken
  }

  spawn<Child>(name: string, behavior: Behavior<Child>, options: SpawnOptions<Child>): Cell<Child> {
    if (name === '' || name.includes('/')) throw kernelError('KERNEL_NAME_INVALID', { name: JSON.stringify(name) })
    this.#children ??= new Map()
    if (this.#children.has(name)) throw kernelError('KERNEL_NAME_TAKEN', { parent: this.path, name })
    const child = new Cell(name, this, this.surroundings, behavior, options)
    this.#children.set(name, child)
    return child
  }

  stop(cause?: unknown): void {
    if (!this.isAlive) return
    this.#phase = 'stopping'
    this.#incarnation.end()
    this.#terminated = cause === undefined ? { path: this.path } : { path: this.path, cause }
    this.surroundings.step(() => this.#stopChildren(() => this.#stopped()))
  }

  addStopListener(listener: StopListener): void {
    if (this.#phase === 'stopped' && this.#terminated) return listener.stopped(this.#terminated)
    this.#stopListeners ??= new Set()
    this.#stopListeners.add(listener)
  }

  removeStopListener(listener: StopListener): void {
    this.#stopListeners?.delete(listener)
  }

  isCurrent(incarnation: Incarnation<Message>): boolean {
    return this.isAlive && incarnation === this.#incarnation
  }

  fault(cause: unknown): void {
    let next: LocalActor | undefined = this.faulted(cause)
    while (next) next = next.faulted(cause)
  }

  faulted(cause: unknown): LocalActor | undefined {
    if (!this.isAlive) return undefined
    const { surroundings } = this
    this.#faults ??= { count: 0, timesMs: [] }
    const verdict = supervise(this.#options.supervise, this.#faults, surroundings.clock.now())
    switch (verdict.type) {
      case 'resume':
        if (surroundings.events.active) surroundings.events.emit({ type: 'resumed', path: this.path, cause })
        this.#phase = this.#handler ? 'ready' : 'starting'
        surroundings.schedule(this)
        return undefined
      case 'stop':
        this.stop(cause)
        return undefined
      case 'escalate': {
        if (surroundings.events.active) surroundings.events.emit({ type: 'escalated', path: this.path, cause })
        const { path, parent } = this
        this.stop(cause)
        if (!parent) surroundings.faultAtTop(cause, path)
        return parent
      }
      case 'restart':
        this.#restart(cause, verdict.delayMs)
        return undefined
    }
  }

  #restart(cause: unknown, delayMs: number): void {
    const { surroundings } = this
    this.#phase = 'suspended'
    this.#handler = undefined
    this.#incarnation.end()
    this.#incarnation = new Incarnation(this)
    const incarnation = this.#incarnation
    const begin = () => {
      if (!this.isCurrent(incarnation)) return
      if (surroundings.events.active)
        surroundings.events.emit({ type: 'restarted', path: this.path, cause, restarts: this.#faults?.count ?? 0 })
      this.#phase = 'starting'
      surroundings.schedule(this)
    }
    this.#stopChildren(() => {
      if (delayMs > 0) surroundings.clock.schedule(delayMs, begin)
      else begin()
    })
  }

  #start(): void {
    const incarnation = this.#incarnation
    this.#run(incarnation, () => {
      const made = this.#behavior(incarnation)
      if (!(made instanceof Promise)) {
        this.#handler = made
        return
      }
      return made.then((handler) => {
        if (this.isCurrent(incarnation)) this.#handler = handler
      })
    })
  }

  #handle(message: Message): void {
    const handler = this.#handler
    if (!handler) return
    const { events } = this.surroundings
    if (events.active) return this.#handleWatched(handler, message)
    this.#run(this.#incarnation, () => handler(message))
  }

  #handleWatched(handler: Handler<Message>, message: Message): void {
    const { clock, events, slowHandlerMs } = this.surroundings
    const began = clock.now()
    const finished = () => {
      const elapsedMs = clock.now() - began
      if (elapsedMs >= slowHandlerMs) events.emit({ type: 'slow-handler', path: this.path, elapsedMs })
    }
    this.#run(this.#incarnation, () => {
      const pending = handler(message)
      if (pending instanceof Promise) return pending.finally(finished)
      finished()
    })
  }

  #run(incarnation: Incarnation<Message>, work: () => void | Promise<void>): void {
    try {
      const pending = work()
      if (pending instanceof Promise) this.#await(incarnation, pending)
      else if (this.#phase === 'starting') this.#phase = 'ready'
    } catch (cause) {
      if (this.isCurrent(incarnation)) this.fault(cause)
    }
  }

  #await(incarnation: Incarnation<Message>, pending: Promise<void>): void {
    if (this.isCurrent(incarnation)) this.#phase = 'busy'
    pending.then(
      () => {
        if (!this.isCurrent(incarnation) || this.#phase !== 'busy') return
        this.#phase = 'ready'
        this.surroundings.schedule(this)
      },
      (cause: unknown) => {
        if (this.isCurrent(incarnation)) this.fault(cause)
      },
    )
  }

  #enqueue(message: Message | Revocable<Message>, sender: number): void {
    const { surroundings } = this
    if (this.#mailbox === undefined && this.#only === none && !surroundings.scheduler) this.#only = message
    else {
      this.#mailbox ??= surroundings.scheduler ? new ScheduledMailbox(surroundings.scheduler) : new FifoMailbox()
      this.#mailbox.push(message, sender)
    }
    if (!this.scheduled && this.#phase === 'ready') surroundings.schedule(this)
  }

  /** Takes the next message, if one waits. The only message outside of the mailbox is the oldest. */
  #take(): Message | Revocable<Message> | undefined | typeof none {
    const only = this.#only
    if (only !== none) {
      this.#only = none
      return only
    }
    return this.#mailbox === undefined || this.#mailbox.length === 0 ? none : this.#mailbox.take()
  }

  #acceptOffer(offers: Offer<Message>[]): void {
    const offer = offers.shift()
    if (!offer) return
    this.#enqueue(offer.message, offer.sender)
    offer.accept()
  }

  #stopChildren(then: () => void): void {
    this.#afterChildren = then
    if (this.#children && this.#children.size > 0) for (const child of [...this.#children.values()]) child.stop()
    this.#childrenMayBeGone()
  }

  childStopped(child: LocalActor): void {
    if (this.#children?.get(child.name) === child) this.#children.delete(child.name)
    this.#childrenMayBeGone()
  }

  #childrenMayBeGone(): void {
    const then = this.#afterChildren
    if (!then || (this.#children?.size ?? 0) > 0) return
    this.#afterChildren = undefined
    this.surroundings.step(then)
  }

  #stopped(): void {
    this.#phase = 'stopped'
    const { surroundings } = this
    const terminated = this.#terminated ?? { path: this.path }
    while (!this.isIdle) this.#deadLetter(this.#take(), 'stopped')
    for (const { refuse } of this.#offers ?? []) refuse(kernelError('KERNEL_STOPPED', { path: this.path }))
    this.#mailbox = undefined
    this.#offers = undefined
    this.#handler = undefined
    surroundings.size -= 1
    surroundings.closed(this)
    if (surroundings.events.active) surroundings.events.emit({ type: 'stopped', ...terminated })
    const listeners = this.#stopListeners
    this.#stopListeners = undefined
    this.parent?.childStopped(this)
    for (const listener of listeners ?? []) listener.stopped(terminated)
  }

  #deadLetter(given: unknown, reason: DeadLetterReason): void {
    if (given instanceof Revocable && given.isRevoked) return
    const message = given instanceof Revocable ? given.message : given
    this.surroundings.deadLetter({ path: this.path, message, reason })
  }
}
