import type { ActorRef, CodedError } from '../../runtime/index.ts'
import type { FlameletStatus, JobFault } from '../model/flamelet.ts'
import type { Page, PageRequest } from '../requests/page.ts'
import type { Asked, Request } from '../requests/requests.ts'
import type { FlameletMessage } from './protocol.ts'
import type { SiteNews } from './sites.ts'

/** The proven identity of a node that greets the server. */
export interface FlameletIdentity {
  /** The name with which the node greets. */
  readonly name: string
  readonly user: string
  readonly isAdmin: boolean
  /** The one flamelet for which the token was issued. */
  readonly flamelet?: string
  /** The one job whose tasks the flamelet may get. */
  readonly job?: string
  /** A process that the server has started. */
  readonly isLocal?: boolean
}

export interface FlameletsRequests {
  /**
   * Admits a node that has proven its user, before anything of the node is decoded. Answered with the entry of its
   * link, by which the node speaks for itself alone.
   */
  'admit-flamelet': Request<{ readonly identity: FlameletIdentity }, ActorRef<never>>
  /** `user`: the flamelets of this user. */
  'list-flamelets': Request<{ readonly user?: string | undefined; readonly page: PageRequest }, Page<FlameletStatus>>
  'read-flamelet': Request<{ readonly user?: string | undefined; readonly name: string }, FlameletStatus>
  /** Makes a fault in a running job on purpose. Answered with the name of the place that has the fault. */
  'make-fault': Request<{ readonly user: string; readonly job: string; readonly fault: JobFault }, string>
  /** Forgets a flamelet that is gone: its name becomes free. */
  'remove-flamelet': Request<{ readonly user?: string | undefined; readonly name: string }, null>
}

/** A local flamelet has ended by itself. */
export interface LocalFlameletEnd {
  readonly type: 'local-flamelet-ended'
  readonly name: string
  readonly cause: CodedError
  /** The flamelet isn't started again soon. */
  readonly isGivenUp: boolean
}

export type FlameletsMessage =
  | Asked<FlameletsRequests>
  /** Tells a deployment which flamelets there are, and each change from then on. */
  | { readonly type: 'follow-flamelets'; readonly follower: ActorRef<SiteNews> }
  /** A link's session with a node has lost its connection, or has one again. */
  | { readonly type: 'flamelet-connected'; readonly name: string; readonly isConnected: boolean }
  | { readonly type: 'heard'; readonly name: string; readonly message: FlameletMessage }
  | LocalFlameletEnd
  | { readonly type: 'site-ended'; readonly name: string; readonly site: ActorRef<never> }
  /** The server closes: flamelets that lose their server aren't gone. */
  | { readonly type: 'release' }
  | { readonly type: 'unfollowed'; readonly follower: ActorRef<SiteNews> }
