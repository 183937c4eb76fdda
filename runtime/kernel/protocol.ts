import type { Clock } from './clocks.ts'

/** Identifies an actor among the actors of all nodes. */
export interface Address {
  readonly node: string
  /** Counts the lives of the node: a restarted node has a greater number. */
  readonly nodeIncarnation: number
  /** The actor's path on its node, such as `/job/top-aggregator-0`. A newer actor may have the same path. */
  readonly actor: string
  /** Numbers the actors of a node: a newer actor at the same path has a greater number. */
  readonly actorIncarnation: number
}

/**
 * A reference to an actor of this system or of another node, with the same meaning of every call. Contravariant in the
 * accepted messages: a ref that takes more types of messages may replace one that takes fewer. Only systems and links
 * make refs.
 */
export interface ActorRef<in Message> {
  /** The actor's position in the tree, such as `/job/trainer-0`, or `device-7:/trainer-0` on another node. */
  readonly path: string
  readonly address: Address
  /**
   * Hands a message over and returns at once. A message that can't be delivered becomes a dead letter, never an
   * exception. Don't change a message, or its arrays, after telling it: a link to another node reads them when they are
   * sent, and again if they are lost. On this way other messages may overtake a message with large typed arrays.
   */
  tell(message: Message): void
  /**
   * Hands a message over, and waits for space while a bounded mailbox, or a link's queue, is full. Rejects with KERNEL_STOPPED if the
   * actor, or its node, stops before the actor has taken the message.
   */
  offer(message: Message): Promise<void>
}

/**
 * Decodes a message of another node. Returns undefined, or throws, if the value is outside the protocol. The value is
 * untrusted, and consists of plain objects, arrays, typed arrays, errors and refs.
 */
export type Decode<Message> = (value: unknown) => Message | undefined

/** Receives one message at a time. While a returned promise is pending, the next message waits. */
export type Handler<Message> = (message: Message) => void | Promise<void>

/** Makes an actor's handler. Called at the start and at each restart, so that state in the closure begins anew. */
export type Behavior<Message> = (context: ActorContext<Message>) => Handler<Message> | Promise<Handler<Message>>

/** The effect of a fault on the actor whose handler threw or rejected. */
export type Supervision =
  | {
      readonly type: 'restart'
      /** Most restarts within the window. A further fault escalates to the parent. */
      readonly max: number
      readonly withinMs: number
      /** Delay before the n-th restart in the window: first × 2^(n−1), at most the limit. */
      readonly backOff?: { readonly firstMs: number; readonly limitMs: number }
    }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' }
  | { readonly type: 'escalate' }

export interface MailboxBound {
  /** Most waiting messages. */
  readonly capacity: number
}

export interface SpawnOptions<Message = never> {
  /** Default: restart, at most 3 within 10 s, without back-off; beyond the limit the fault escalates. */
  readonly supervise?: Supervision
  readonly mailbox?: MailboxBound
  /** Decodes messages of other nodes. Absent: the actor's ref can't be given to another node. */
  readonly decode?: Decode<Message>
  /**
   * Whether large messages of other nodes are lent to the actor, which calls `release` with a message whose arrays it
   * has used, or `keep` with one whose arrays it uses further. Lent messages that aren't released hold further large
   * messages back, so that many senders don't fill the node's memory. Default: each message is the actor's own.
   */
  readonly borrows?: boolean
}

/**
 * The watched actor has stopped for good. `cause` is set when a fault stopped the actor, or when its node has ended.
 * Told exactly once for each watch.
 */
export interface Terminated {
  readonly path: string
  readonly cause?: unknown
}

/** Cancels the call that returned this function. Has no effect the second time, or after the call's event. */
export type Cancel = () => void

export interface AskOptions<Reply = never> {
  readonly timeoutMs: number
  /** Decodes the reply of an actor on another node. Absent: an ask to another node rejects with KERNEL_ASK_DECODER. */
  readonly decode?: Decode<Reply>
}

/**
 * The capabilities of an actor, valid until it stops. Timers, watches and children end with the incarnation that made
 * them.
 */
export interface ActorContext<Message> {
  readonly self: ActorRef<Message>
  readonly clock: Clock
  /** Aborted when this incarnation ends (stop or restart). Made when it's first read. */
  readonly signal: AbortSignal
  /** Whether this incarnation has ended. Costs less than making the signal. */
  readonly hasEnded: boolean
  /**
   * Spawns a child. KERNEL_NAME_TAKEN if a living child has this name, KERNEL_NAME_INVALID if the name is empty or has
   * a slash.
   */
  spawn<Child>(name: string, behavior: Behavior<Child>, options?: SpawnOptions<NoInfer<Child>>): ActorRef<Child>
  /** Stops an actor and all actors below it, children first. Without an argument, stops this actor. */
  stop(ref?: ActorRef<never>): void
  /**
   * Tells this actor the message once when the watched actor has stopped for good, at once if it has stopped already.
   */
  watch(ref: ActorRef<never>, toMessage: (terminated: Terminated) => Message): Cancel
  /** Tells this actor the message after `delayMs` of the system's clock. */
  after(delayMs: number, message: Message): Cancel
  every(periodMs: number, message: Message): Cancel
  /**
   * Asks and waits for the reply. Rejects with KERNEL_ASK_TIMEOUT, or with KERNEL_STOPPED as soon as the asked actor or
   * its node stops.
   */
  ask<Reply, Request>(
    ref: ActorRef<Request>,
    request: (replyTo: ActorRef<Reply>) => Request,
    options: AskOptions<Reply>,
  ): Promise<Reply>
  /**
   * Counts outside work (a worker's answer, a write) as activity, so that a virtual clock doesn't jump meanwhile.
   * Returns the work's result.
   */
  track<T>(work: Promise<T>): Promise<T>
  /**
   * As `track`, for work of another thread or of the platform that waits for no actor. With a scheduler, the scheduler
   * picks which of several works ends first, whichever takes longer: each ends when all actors are at rest. When this
   * incarnation has ended, its works end as they come.
   */
  outside<T>(work: Promise<T>): Promise<T>
  /** Fails this actor as if its handler had thrown, for faults of work that outlives a handler. */
  fail(cause: unknown): void
  /** Stops this actor for good, regardless of its supervision. Watchers receive the cause. */
  giveUp(cause: unknown): void
}

export type DeadLetterReason =
  | 'stopped'
  | 'mailbox-full'
  | 'late-reply'
  | 'system-terminated'
  /** To another node: the message contains a value that can't be sent. */
  | 'unencodable'
  /** From another node: the message is outside the actor's protocol. */
  | 'undecodable'
  /** From another node, which never received a ref of this number, or whose ref's actor has stopped. */
  | 'unknown-address'
  /** From another node, which has no right to stop actors. */
  | 'refused'
  /** To another node, for which too many bytes wait. */
  | 'queue-full'
  /** To another node, which had ended, or ended before it acknowledged the message. */
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

/** Events to listen to. Costs nothing without listeners. A listener that throws has no effect on others. */
export interface EventSource<Event> {
  subscribe(listener: (event: Event) => void): Cancel
}

export interface ActorSystem {
  /** Name and incarnation of the system among linked nodes. */
  readonly node: Pick<Address, 'node' | 'nodeIncarnation'>
  readonly clock: Clock
  readonly deadLetters: EventSource<DeadLetter> & { readonly count: number }
  readonly events: EventSource<KernelEvent>
  /** Number of living actors. */
  readonly size: number
  spawn<Message>(name: string, behavior: Behavior<Message>, options?: SpawnOptions<NoInfer<Message>>): ActorRef<Message>
  stop(ref: ActorRef<never>): void
  ask<Reply, Request>(
    ref: ActorRef<Request>,
    request: (replyTo: ActorRef<Reply>) => Request,
    options: AskOptions<Reply>,
  ): Promise<Reply>
  track<T>(work: Promise<T>): Promise<T>
  /** Counts a message that a link couldn't deliver, and informs the listeners. */
  deadLetter(letter: DeadLetter): void
  /** Resolves when the actor, and all actors below it, have stopped. */
  stopped(ref: ActorRef<never>): Promise<Terminated>
  /** Resolves when no message waits, no turn runs and no tracked work is pending. Timers don't count. */
  idle(): Promise<void>
  /**
   * Stops all actors, children first. Resolves when the last one has stopped. Further calls return the same promise.
   */
  terminate(): Promise<void>
}

/** Decides which actor's turn comes next, which sender's message it takes, and which outside work ends. */
export interface Scheduler {
  /** A number from 0 to `count` − 1, which picks one of `count` equally permitted next steps. */
  pick(count: number): number
}

export interface ActorSystemOptions {
  /** Name of the system among linked nodes. Default: `local`. */
  readonly name?: string
  /** Counts the lives of this node: greater than in each earlier life. Default 1. */
  readonly incarnation?: number
  /** Default: the system clock. */
  readonly clock?: Clock
  /**
   * Default: first in, first out. A seeded scheduler permutes deliveries of different senders, but never those of one
   * pair.
   */
  readonly scheduler?: Scheduler
  /** A handler that takes longer (synchronously or pending) is reported as `slow-handler`. Default 1,000. */
  readonly slowHandlerMs?: number
  /** Called with a fault that reached the top. Default: terminate the system. */
  readonly onFault?: (cause: unknown, path: string) => void
}
