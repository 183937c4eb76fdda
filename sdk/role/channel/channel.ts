import type { Keep } from './numbered-messages.ts'

/** A message and the end that sent it. */
export interface Arrival<Message> {
  readonly end: string
  readonly message: Message
}

/** An answer of a gather. Counted unless it's refused. */
export interface GatheredArrival<Message> extends Arrival<Message> {
  /** Whether the next answer waits already, and is asked for even if this one counts: so that several may be taken together. */
  readonly more: boolean
  /** This answer doesn't count towards the quorum, and the end isn't awaited again in this gather. */
  refuse(): void
}

export interface GatherOptions<Message> {
  /** Stop waiting when this fraction (0 to 1] of the ends is counted. Default 1: all that can still answer. */
  readonly quorum?: number | undefined
  /** Stop waiting this long after the call. Absent: no deadline. */
  readonly deadlineMs?: number | undefined
  /**
   * What is gathered for, such as a round of the job. Whom an interrupted run counted for one purpose is forgotten when the
   * round is run again and finds itself asked for another.
   */
  readonly purpose?: string
  /** Messages that aren't an answer to this gather, such as late ones of an earlier round, are dropped. Default: all are. */
  readonly matching?: (message: Message) => boolean
}

export interface NextOptions<Message> {
  /** What the messages are for, such as a version of the weights: tells one sequence of arrivals of a round from another. */
  readonly purpose?: string
  /** Other messages are dropped. Default: all match. */
  readonly matching?: (message: Message) => boolean
  /** Whether the call waits until the arrival is durable. Default: true. */
  readonly durable?: boolean
}

/** What the other ends of this end's group look like from here. `Out` is what this role sends, `In` what it receives. */
export interface Channel<Out, In> {
  readonly name: string
  readonly group: string
  readonly otherRole: string
  /** The other ends hold data themselves; otherwise they stand for others below them. */
  readonly othersHoldData: boolean
  /** Ends present now, sorted. Depends on timing: what is made of it belongs into a decision. */
  ends(): readonly string[]
  has(end: string): boolean
  /** Waits until all ends that the job expects have joined; ROLE_JOIN_TIMEOUT otherwise. Ends that have left for good aren't awaited. */
  awaitJoin(options?: { readonly timeoutMs?: number }): Promise<void>
  /** Leaves the channel: the others see this end leave. */
  leave(): void
  /**
   * Sends to one end. The message must not be changed afterwards. It is kept, and sent again if the end restarts in this
   * round or the next. With `keep: 'until-acknowledged'` it is kept until the receiver's round that took it has ended, however
   * many rounds of the sender that takes; an answer that can be had again by asking again is better sent with `keep: false`.
   */
  send(end: string, message: Out, options?: { readonly keep?: Keep }): void
  /** Sends the same message to these ends, or to all present. */
  broadcast(message: Out, ends?: readonly string[]): void
  /** The next message of this end; undefined when the end has left for good and nothing of it waits. */
  recv(end: string): Promise<In | undefined>
  /** The next message of any end, waiting for ends that may still join. */
  recvAny(): Promise<Arrival<In>>
  /** The first message of each of these ends, as they come. Ends that leave are no longer awaited. */
  recvEach(ends: readonly string[]): AsyncIterable<Arrival<In>>
  /**
   * As `recvEach`, until the quorum or the deadline. Who was counted is a decision, made when the iteration comes to its
   * end (so don't break out of it), and durable by then: after a crash, exactly these are awaited.
   */
  gather(ends: readonly string[], options?: GatherOptions<In>): AsyncIterable<GatheredArrival<In>>
  /**
   * The next message of any of these ends. The order of arrival is a decision: a round that is run again takes the messages
   * in the recorded order, and another end only in place of one that has left for good. Undefined when all have left.
   */
  next(ends: readonly string[], options?: NextOptions<In>): Promise<Arrival<In> | undefined>
  /** The next message of this end, left where it is. */
  peek(end: string): In | undefined
  /** Takes all messages that wait. */
  drain(): readonly Arrival<In>[]
  /** Says something of this end that the others can read, such as its utility. Plain values. */
  setProperty(name: string, value: unknown): void
  /** What an end has said of itself; undefined until it has. */
  property(end: string, name: string): unknown
  /** Waits until each of these ends that is present has said this of itself. */
  awaitProperty(ends: readonly string[], name: string): Promise<void>
}
