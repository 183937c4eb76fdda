import type { ActorContext, ActorSystem } from '../kernel/protocol.ts'
import type { ConnectionMessage, DialledConnection, Dialler } from './connection.ts'
import type { Frame, PerLane, Route } from './frame.ts'
import type { Greeting } from './greeting.ts'
import type { Carrier, Member, Members } from './member.ts'
import type { Disturbance, NodeLinkOptions, PeerRights } from './protocol.ts'

const defaultFrameBytes: PerLane = { control: 64 * 1024, bulk: 256 * 1024 }
/** Of the bulk lane, a quick route alone uses the whole: see `BulkPace`. */
const defaultWindow: PerLane = { control: 1024 * 1024, bulk: 4 * 1024 * 1024 }
const defaultQueue: PerLane = { control: 64 * 1024 * 1024, bulk: 1024 * 1024 * 1024 }
/** Longest time between two looks at all sessions. */
const longestTickMs = 1000

/** The messages of the link's actor, most of them to itself. */
export type LinkMessage =
  | { readonly type: 'connect'; readonly connection: DialledConnection }
  | { readonly type: 'disconnect'; readonly connection: DialledConnection }
  | ConnectionMessage
  | { readonly type: 'dial'; readonly node: string; readonly route: Route; readonly rights: PeerRights }
  | { readonly type: 'accept'; readonly route: Route; readonly from: string; readonly rights?: PeerRights }
  | ({ readonly type: 'admitted'; readonly rights: PeerRights } & Hello)
  | ({ readonly type: 'denied'; readonly cause: unknown } & Hello)
  | { readonly type: 'heard'; readonly carrier: Carrier; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'lost'; readonly carrier: Carrier; readonly cause: Error | undefined }
  | { readonly type: 'doubted'; readonly carrier: Carrier }
  | { readonly type: 'flush'; readonly member: Member }
  | { readonly type: 'acknowledge' }
  | { readonly type: 'tick' }
  | { readonly type: 'slots-overdue' }
  | { readonly type: 'declare-dead'; readonly node: string }
  | { readonly type: 'disturb'; readonly node: string; readonly how: Disturbance }

/** A hello that answers its challenge. Only its token must still be accepted. */
export interface Hello {
  readonly carrier: Carrier
  readonly frame: Frame
  readonly greeting: Greeting
}

/** Options without a default. */
type Wish = 'entry' | 'onPeer' | 'authenticate' | 'onRefused' | 'codec'

/** The options of a link, with defaults for those that were not given. */
export interface LinkSettings extends Required<Omit<NodeLinkOptions, Wish>>, Pick<NodeLinkOptions, Wish> {
  /** Time between two looks at all sessions. */
  readonly tickMs: number
}

/** The things that the parts of the link's actor share. */
export interface LinkParts {
  readonly context: ActorContext<LinkMessage>
  readonly own: ActorSystem['node']
  readonly settings: LinkSettings
  readonly members: Members
  readonly dialler: Dialler
  readonly now: () => number
}

export function linkSettings(options: NodeLinkOptions): LinkSettings {
  const settings: Omit<LinkSettings, 'tickMs'> = {
    frameBytes: defaultFrameBytes,
    window: defaultWindow,
    mostMessageBytes: 256 * 1024 * 1024,
    queue: defaultQueue,
    slots: 2,
    slotFromBytes: 1024 * 1024,
    slotPatienceMs: 1000,
    resendAfterMs: 2000,
    greetWithinMs: 10_000,
    mostGreeting: 1000,
    beatEveryMs: 40_000,
    deadAfterMs: 20 * 60_000,
    suspectMs: { least: 4000, most: 60_000 },
    checkSums: 'relayed',
    randomBytes: platformBytes,
    ...options,
  }
  const { resendAfterMs, greetWithinMs, beatEveryMs, suspectMs } = settings
  const shortest = Math.min(resendAfterMs, greetWithinMs, beatEveryMs, suspectMs.least)
  return { ...settings, tickMs: Math.min(longestTickMs, Math.max(1, shortest / 2)) }
}

function platformBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count))
}
