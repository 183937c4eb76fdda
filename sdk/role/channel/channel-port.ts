import type { Arrival } from './channel.ts'
import type { Keep } from './numbered-messages.ts'
import type { ChannelWiring } from './wiring.ts'

/** A deadline that wakes whoever waits with it. */
export interface Expiry {
  readonly expired: boolean
  readonly listeners: Set<() => void>
}

/** What a channel is made of: membership, sending, and the next message, none of them typed. */
export interface ChannelPort {
  readonly wiring: ChannelWiring
  ends(): readonly string[]
  has(end: string): boolean
  /** Has left for good, or was never expected: it needn't be waited for. */
  isGone(end: string): boolean
  /** Waits until every expected end has joined, or is gone; the ends that are missing when the expiry comes. */
  allJoined(expiry: Expiry): Promise<readonly string[]>
  /** A kept message is sent again to an end that restarts. */
  send(ends: readonly string[], message: unknown, keep: Keep): void
  /** Takes the next message of the awaited ends (all if undefined); undefined when the expiry came, or all awaited are gone. */
  next(awaited: ReadonlySet<string> | undefined, expiry?: Expiry): Promise<Arrival<unknown> | undefined>
  peek(end: string): unknown
  /** The arrival that `next` would answer with at once, left where it is. */
  peekNext(awaited: ReadonlySet<string>): Arrival<unknown> | undefined
  /** Takes all messages that wait. */
  drain(): readonly Arrival<unknown>[]
  property(end: string, name: string): unknown
  setProperty(name: string, value: unknown): void
  leave(): void
  /** Resolves at the next change of membership, property or messages, or at the expiry. */
  change(expiry?: Expiry): Promise<void>
}
