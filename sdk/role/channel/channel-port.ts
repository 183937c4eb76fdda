import type { KeptPopulation } from '../../strategy/population.ts'
import type { Arrival, AwaitedEnds } from './channel.ts'
import type { Keep } from './numbered-messages.ts'
import type { ChannelWiring } from './wiring.ts'

/** A deadline that wakes its listeners. */
export interface Expiry {
  readonly expired: boolean
  readonly listeners: Set<() => void>
}

/** The untyped calls below a channel: membership, sending and receiving. */
export interface ChannelPort {
  readonly wiring: ChannelWiring
  /**
   * The ends that hold data on this channel, or below its ends, where nobody lists them: a fleet's. `ends` of a fleet's
   * devices may be empty then. Absent: ends with names.
   */
  readonly population?: KeptPopulation | undefined
  ends(): readonly string[]
  has(end: string): boolean
  /** Whether the end has left for good, or was never expected, so that nobody needs to wait for it. */
  isGone(end: string): boolean
  /** Calls `left` with each end that leaves, until the returned function is called. */
  watchLeft(left: (end: string) => void): () => void
  /** Waits until every expected end has joined or is gone. Resolves with the ends that are missing at the expiry. */
  allJoined(expiry: Expiry): Promise<readonly string[]>
  /** Sends a message. A kept message is sent again to an end that restarts. */
  send(ends: readonly string[], message: unknown, keep: Keep): void
  /**
   * Takes the next message of the awaited ends, or of any end if undefined. The set doesn't change before the promise is
   * resolved. Resolves with undefined at the expiry, or when all awaited ends are gone. A port may return a
   * message that waits already, without a promise: a fleet makes this call for each of its many updates.
   */
  next(awaited: AwaitedEnds | undefined, expiry?: Expiry): Promise<Arrival<unknown> | undefined> | Arrival<unknown>
  peek(end: string): unknown
  /** The arrival that `next` would return at once. Doesn't take the arrival. */
  peekNext(awaited: AwaitedEnds): Arrival<unknown> | undefined
  /** Takes all waiting messages. */
  drain(): readonly Arrival<unknown>[]
  /** The first waiting message that fits, and takes it if `taking`. Other messages stay in their order. */
  find(fits: (arrival: Arrival<unknown>) => boolean, taking: boolean): Arrival<unknown> | undefined
  /** Whether a deadline has passed. Recorded as the other calls are, for rounds that are run twice. */
  hasPassed(expiry: Expiry): boolean
  property(end: string, name: string): unknown
  setProperty(name: string, value: unknown): void
  leave(): void
  /** Resolves at the next change of membership, property or messages, or at the expiry. */
  change(expiry?: Expiry): Promise<void>
}
