import type { ActorSystem, Address, DeadLetterReason } from '../kernel/protocol.ts'
import { linkError } from './errors.ts'
import type { PerLane } from './frame.ts'
import type { FrameBuffers } from './frame-buffers.ts'
import type { Slots } from './slots.ts'

export interface SessionSettings {
  /** Longest body of a frame. */
  readonly frameBytes: PerLane
  /** Most bytes that the other node may send ahead of acknowledgements. */
  readonly window: PerLane
  /** Longest message. */
  readonly mostMessageBytes: number
  /** Whether actors of this node obey a `stop` of the other node. */
  readonly mayStop: boolean
  /** Buffers of the node's frames, and of its large messages under way. */
  readonly buffers: FrameBuffers
  readonly slots: Slots
  /** Longer messages of the bulk lane are sent when the receiver has granted a slot. */
  readonly slotFromBytes: number
  /** Most bytes that may wait in a lane. Further messages become dead letters. */
  readonly queue: PerLane
}

/** Kinds of envelopes. An envelope is its kind, the number of an actor or a call, and further fields. */
export const kinds = {
  tell: 0,
  offer: 1,
  settled: 2,
  watch: 3,
  terminated: 4,
  stop: 5,
  announced: 6,
  granted: 7,
} as const
/** By kind: the number of fields of an envelope. */
export const fieldCounts: readonly number[] = [3, 4, 3, 2, 4, 2, 3, 3]

/** Most large messages of a session that may be announced ahead: while one is sent, another is granted. */
export const mostAnnounced = 2

/** Requests that waiting frames are sent: at the end of this turn, or a little later if nothing waits for them. */
export type Wake = (when?: 'now' | 'later') => void

/** The things that all parts of a session share. */
export class SessionContext {
  readonly peer: Pick<Address, 'node' | 'nodeIncarnation'>
  readonly system: ActorSystem
  readonly settings: SessionSettings
  readonly wake: Wake
  /** Why the session has ended. */
  ended: Error | undefined

  constructor(
    peer: Pick<Address, 'node' | 'nodeIncarnation'>,
    system: ActorSystem,
    settings: SessionSettings,
    wake: Wake,
  ) {
    this.peer = peer
    this.system = system
    this.settings = settings
    this.wake = wake
  }

  deadLetter(path: string, message: unknown, reason: DeadLetterReason, cause?: unknown): void {
    this.system.deadLetter(cause === undefined ? { path, message, reason } : { path, message, reason, cause })
  }

  /** A message for an actor that has stopped, or that this node has never named. */
  unknownAddress(number: number, message: unknown): void {
    this.deadLetter(`/?${number}`, message, 'unknown-address')
  }

  /** The error of a frame that no node of ours would send. */
  foreign(found: string): Error {
    return linkError('LINK_FRAME', { node: this.peer.node, found })
  }
}
