import type { Clock } from './clocks.ts'

/** Names an actor among those of all nodes. */
export interface Address {
  readonly node: string
  /** Counts the lives of the node: a node that was started again has a greater one. */
  readonly nodeIncarnation: number
  /** The actor's path on its node, such as `/job/top-aggregator-0`. A newer actor may bear the same path. */
  readonly actor: string
  /** Numbers the actors of a node: a newer actor at the same path has a greater one. */
  readonly actorIncarnation: number
}

/**
 * An actor's address: the actor may live in this system or on another node, and every call means the same. Contravariant in
 * the accepted messages: a ref that takes more may stand for one that takes less. Only systems and links make refs.
 */
export interface ActorRef<in Message> {
  /** Where the actor stands in the tree, such as `/job/trainer-0`, or `device-7:/trainer-0` on another node. */
  readonly path: string
  readonly address: Address
  /**
   * Hands a message over and returns at once. A message that can't be delivered becomes a dead letter, never an exception.
   * A message must not be changed after it was told. To another node, a message of large typed arrays may be overtaken by
   * others.
   */
  tell(message: Message): void
  /**
   * Hands a message over, waiting for a place while a bounded mailbox is full.
   * Rejects with KERNEL_STOPPED if the actor, or its node, stops before the actor has taken the message.
   */
  offer(message: Message): Promise<void>
}

/**
 * Reads a message that came from another node: undefined, or an exception, if the value is none of the protocol. The value
 * consists of plain objects, arrays, typed arrays, errors and refs, and anybody may have made it.
 */
export type Decode<Message> = (value: unknown) => Message | undefined

/** Receives one message at a time. While a returned promise is pending, the next message waits. */
export type Handler<Message> = (message: Message) => void | Promise<void>

/** Makes an actor's handler. Called at its start and at each restart, so that state in its closure begins anew. */
export type Behavior<Message> = (context: ActorContext<Message>) => Handler<Message> | Promise<Handler<Message>>

/** What a fault does to the actor whose handler threw or rejected. */
export type Supervision =
  | {
      readonly type: 'restart'
      /** More restarts than this within the window, and the fault goes to the parent. */
      readonly max: number
      readonly withinMs: number
      /** Wait before the n-th restart in the window: first × 2^(n−1), at most the limit. */
      readonly backOff?: { readonly firstMs: number; readonly limitMs: number }
    }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' }
  | { readonly type: 'escalate' }

export interface MailboxBound {
  /** Most messages that wait at once. */
  readonly capacity: number
}

export interface SpawnOptions<Message = never> {
  /** Default: restart, 3 within 10 s, without back-off; at the limit the fault is escalated. */
  readonly supervise?: Supervision
  readonly mailbox?: MailboxBound
  /** Reads the messages of other nodes. Absent: the actor's ref can't be given to another node. */
  readonly decode?: Decode<Message>
}

/**
 * The watched actor has stopped for good; `cause` is set when a fault stopped the actor, or its node has ended. Told exactly
 * once a watch.
 */
export interface Terminated {
  readonly path: string
  readonly cause?: unknown
}

/** Cancels the call that gave it. Again, or after that has fired: nothing. */
export type Cancel = () => void

export interface AskOptions<Reply = never> {
  readonly timeoutMs: number
  /** Reads the reply of an actor on another node. Absent: an ask of another node rejects with KERNEL_ASK_DECODER. */
  readonly decode?: Decode<Reply>
}

/** The rights of an actor; valid until it stops. Timers, watches and children die with the incarnation that made them. */
export interface ActorContext<Message> {
  readonly self: ActorRef<Message>
  readonly clock: Clock
  /** Aborted when this incarnation ends (stop or restart). */
  readonly signal: AbortSignal
  /** Throws KERNEL_NAME_TAKEN if a living child has this name, KERNEL_NAME_INVALID if it is empty or has a slash. */
  spawn<Child>(name: string, behavior: Behavior<Child>, options?: SpawnOptions<NoInfer<Child>>): ActorRef<Child>
  /** Stops an actor and all below it, children first; without an argument, this actor itself. */
  stop(ref?: ActorRef<never>): void
  /** The message is told once when the watched actor has stopped for good; at once if it has already. */
  watch(ref: ActorRef<never>, toMessage: (terminated: Terminated) => Message): Cancel
  /** Told to this actor itself after `delayMs` of the system's clock. */
  after(delayMs: number, message: Message): Cancel
  every(periodMs: number, message: Message): Cancel
  /** Asks and waits; rejects with KERNEL_ASK_TIMEOUT, or KERNEL_STOPPED as soon as the asked actor or its node stops. */
  ask<Reply, Request>(
    ref: ActorRef<Request>,
    request: (replyTo: ActorRef<Reply>) => Request,
    options: AskOptions<Reply>,
  ): Promise<Reply>
  /**
   * Counts outside work (a worker's answer, a write) as activity, so that a virtual clock doesn't jump meanwhile.
   * Returns the same outcome.
   */
  track<T>(work: Promise<T>): Promise<T>
  /** Fails this actor as if its handler had thrown: for faults of work that outlives a handler. */
  fail(cause: unknown): void
  /** Stops this actor for good, whatever its supervision says; its watchers hear the cause. */
  giveUp(cause: unknown): void
}

export type DeadLetterReason =
  | 'stopped'
  | 'mailbox-full'
  | 'late-reply'
  | 'system-terminated'
  /** To another node: the message holds a value that can't travel. */
  | 'unencodable'
  /** Of another node: the message is none of the actor's protocol. */
  | 'undecodable'
  /** Of another node: that node was given no ref of this number, or the actor has stopped. */
  | 'unknown-address'
  /** Of another node, which has no right to stop actors. */
  | 'refused'
  /** To another node that has ended, or ended before it acknowledged the message. */
  | 'node-ended'

export interface DeadLetter {
  readonly path: string
  readonly message: unknown
  readonly reason: DeadLetterReason
  readonly cause?: unknown
}

export type KernelEvent =
  | { readonly type: 'spawned'; readonly path: string }
  | { readonly type: 'restarted'; readonly path: string; readonly cause: unknown; readonly restarts: number }
  | { readonly type: 'resumed'; readonly path: string; readonly cause: unknown }
  | { readonly type: 'stopped'; readonly path: string; readonly cause?: unknown }
  | { readonly type: 'escalated'; readonly path: string; readonly cause: unknown }
  | { readonly type: 'slow-handler'; readonly path: string; readonly elapsedMs: number }

/** Events to listen to. Costs nothing while nobody listens. A listener that throws harms nobody. */
export interface EventSource<Event> {
  subscribe(listener: (event: Event) => void): Cancel
}

export interface ActorSystem {
  /** Name and incarnation of the system among the nodes that it has links to. */
  readonly node: Pick<Address, 'node' | 'nodeIncarnation'>
  readonly clock: Clock
  readonly deadLetters: EventSource<DeadLetter> & { readonly count: number }
  readonly events: EventSource<KernelEvent>
  /** Actors now living. */
  readonly size: number
  spawn<Message>(name: string, behavior: Behavior<Message>, options?: SpawnOptions<NoInfer<Message>>): ActorRef<Message>
  stop(ref: ActorRef<never>): void
  ask<Reply, Request>(
    ref: ActorRef<Request>,
    request: (replyTo: ActorRef<Reply>) => Request,
    options: AskOptions<Reply>,
  ): Promise<Reply>
  track<T>(work: Promise<T>): Promise<T>
  /** Counts a message that a link couldn't deliver, and tells those who listen. */
  deadLetter(letter: DeadLetter): void
  /** Resolves when the actor has stopped, all below it too. */
  stopped(ref: ActorRef<never>): Promise<Terminated>
  /** Resolves when no message waits, no turn runs and no tracked work is pending. Timers don't count. */
  idle(): Promise<void>
  /** Stops all, children first; resolves when the last one has stopped. Again: the same promise. */
  terminate(): Promise<void>
}

/** Which actor's turn comes next, and which sender's message it takes. */
export interface Scheduler {
  /** A number below `count`, to pick among that many equally permitted next steps. */
  pick(count: number): number
}

export interface ActorSystemOptions {
  /** Names the system among the nodes that it has links to. Default: `local`. */
  readonly name?: string
  /** Counts the lives of that node: greater than in each earlier life. Default 1. */
  readonly incarnation?: number
  /** Default: the system clock. */
  readonly clock?: Clock
  /** Default: first in, first out. A seeded one permutes deliveries between different senders, never within one pair. */
  readonly scheduler?: Scheduler
  /** A handler that keeps its turn (synchronously or pending) longer is reported as `slow-handler`. Default 1,000. */
  readonly slowHandlerMs?: number
  /** A fault that reached the top. Default: the system terminates. */
  readonly onFault?: (cause: unknown, path: string) => void
}
