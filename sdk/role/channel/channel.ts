import type { KeptPopulation } from '../../strategy/population.ts'
import type { Keep } from './numbered-messages.ts'

/** A message and the end that sent it. */
export interface Arrival<Message> {
  readonly end: string
  readonly message: Message
}

/** The ends whose messages are awaited: a set of them, or a map by end. */
export interface AwaitedEnds {
  readonly size: number
  has(end: string): boolean
  keys(): Iterable<string>
}

/** An answer to a gather. Counts unless it's refused. */
export interface GatheredArrival<Message> extends Arrival<Message> {
  /**
   * Whether another answer is waiting that the gather yields even if this one counts, so that a caller can process
   * several together.
   */
  readonly more: boolean
  /** Removes this answer from the count. The gather doesn't wait for this end again. */
  refuse(): void
}

export interface GatherOptions<Message> {
  /**
   * Stop waiting when this fraction, in (0, 1], of the ends is counted. Default 1: wait for all ends that can still
   * answer.
   */
  readonly quorum?: number | undefined
  /** Stop waiting this many milliseconds after the call. Absent: no deadline. */
  readonly deadlineMs?: number | undefined
  /**
   * The subject of the gather, such as a round of the job. A round that runs again after a crash recalls the counted
   * ends only for the same purpose.
   */
  readonly purpose?: string
  /**
   * Whether a message answers this gather. Others, such as late answers to an earlier round, are dropped. Default:
   * every message does.
   */
  readonly matching?: (message: Message) => boolean
  /**
   * Whether large messages of other nodes are lent: the caller calls the runtime's `release` with each message whose
   * arrays it has used, or `keep`, and doesn't use released arrays again. Until then few further ones arrive. Default:
   * messages are the caller's own.
   */
  readonly lent?: boolean
}

export interface NextOptions<Message> {
  /**
   * The subject of the messages, such as a version of the weights. Distinguishes several sequences of arrivals in one
   * round.
   */
  readonly purpose?: string
  /** Whether to return a message of an end. Others are dropped. Default: every message. */
  readonly matching?: (message: Message, end: string) => boolean
  /** Stop waiting when this deadline passes: that nothing came is part of the order of arrival. Default: none. */
  readonly until?: Deadline | undefined
  /** Whether the call waits until the arrival is durable. Default: true. */
  readonly durable?: boolean
  /** Whether large messages of other nodes are lent, as in `GatherOptions`. */
  readonly lent?: boolean
}

/** A time after which a wait is over. Cancel a deadline that has no use any more. */
export interface Deadline {
  readonly hasPassed: boolean
  cancel(): void
}

/**
 * A channel as one of its ends sees it: the other ends of the group, and the messages to and from them. `Out` is the
 * type of sent messages, `In` of received ones.
 */
export interface Channel<Out, In> {
  readonly name: string
  readonly group: string
  readonly otherRole: string
  /** Whether the other ends hold data. If not, they stand for other ends below them. */
  readonly othersHoldData: boolean
  /** Whether the other ends sum among themselves in rings. */
  readonly othersReduce: boolean
  /** Of ends that gossip: the name of the graph that joins them. */
  readonly graph: string | undefined
  /** All other ends that the job has on this channel and in this group, sorted, whether they are there or not. */
  readonly expected: readonly string[]
  /**
   * In a fleet: the ends that hold data on this channel, or below its ends, with what is remembered of them. Absent: the
   * ends have names.
   */
  readonly population: KeptPopulation | undefined
  /** Ends present now, sorted. Depends on timing: use the value in a decision. */
  ends(): readonly string[]
  has(end: string): boolean
  /**
   * Calls `left` with each end that leaves, until the returned function is called. Depends on timing, as `find` does, and
   * isn't called when the round is checked: what follows is a decision.
   */
  watchLeft(left: (end: string) => void): () => void
  /**
   * Waits until all ends that the job expects have joined. Doesn't wait for ends that have left for good.
   *
   * @throws ROLE_JOIN_TIMEOUT when ends are missing after `timeoutMs`. Default 60 s.
   */
  awaitJoin(options?: { readonly timeoutMs?: number }): Promise<void>
  /** Leaves the channel: the other ends see this end leave. */
  leave(): void
  /**
   * Sends to one end. Don't change the message afterwards.
   * By default the message is kept for this round and the next, and sent again if the end restarts. With `keep:
   * 'until-acknowledged'` the message is kept until the receiver has committed the round that took the message, for any
   * number of the sender's rounds. With `keep: false` the message isn't kept, which suits an answer that the receiver
   * can request again.
   */
  send(end: string, message: Out, options?: { readonly keep?: Keep }): void
  /** Sends the same message to these ends. Default: all present ends. */
  broadcast(message: Out, ends?: readonly string[]): void
  /** Takes the next message of this end. Undefined when the end has left for good and none of its messages waits. */
  recv(end: string): Promise<In | undefined>
  /** Takes the next message of any end, and waits for ends that may still join. */
  recvAny(): Promise<Arrival<In>>
  /** Yields the first message of each of these ends, in the order of arrival. Doesn't wait for ends that leave. */
  recvEach(ends: readonly string[]): AsyncIterable<Arrival<In>>
  /**
   * As `recvEach`, until the quorum or the deadline. The set of counted ends is a decision, made and durable when the
   * iteration ends, so don't break out of the iteration. After a crash the gather waits for exactly these ends.
   */
  gather(ends: readonly string[], options?: GatherOptions<In>): AsyncIterable<GatheredArrival<In>>
  /**
   * Takes the next message of any of these ends. The order of arrival is a decision: a round that runs again takes the
   * messages in the recorded order, and takes another end's message only in place of an end that has left for good.
   * Undefined when all ends have left, and after the deadline. The set doesn't change before the promise is resolved.
   */
  next(ends: AwaitedEnds, options?: NextOptions<In>): Promise<Arrival<In> | undefined>
  /** The next message of this end. Doesn't take the message. */
  peek(end: string): In | undefined
  /**
   * The first waiting message that fits. Doesn't take the message. Depends on timing, as `take`, `changed` and `deadline`
   * do: what follows from them for other ends is a decision.
   */
  find(fits: (arrival: Arrival<In>) => boolean): Arrival<In> | undefined
  /**
   * Takes the first waiting message that fits; others stay in their order. While an earlier message of the sender waits,
   * a taken one that is kept until it's acknowledged isn't acknowledged, and comes again after a restart.
   */
  take(fits: (arrival: Arrival<In>) => boolean): Arrival<In> | undefined
  /** Resolves at the next change of membership, properties or waiting messages, or when the deadline passes. */
  changed(deadline?: Deadline): Promise<void>
  /** A deadline that passes after this time. */
  deadline(delayMs: number): Deadline
  /** Takes all waiting messages. */
  drain(): readonly Arrival<In>[]
  /** Publishes a property of this end to the other ends, such as its utility. Plain values only. */
  setProperty(name: string, value: unknown): void
  /** A property of another end. Undefined until the end has published it. */
  property(end: string, name: string): unknown
  /** Waits until each of these ends that is present has published the property. */
  awaitProperty(ends: readonly string[], name: string): Promise<void>
}
