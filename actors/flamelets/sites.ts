import type { ActorRef, CodedError } from '../../runtime/index.ts'
import type { SiteMessage } from '../../sdk/index.ts'

/** A site apart from the server: a flamelet, or a process of a run. */
export interface RemoteSite {
  /** The same in each life of the site, whose store keeps the state of its tasks. */
  readonly name: string
  readonly facts: {
    /** The compute whose tasks the site gets. */
    readonly computeId: string
    /** By name, or by URL. */
    readonly datasets: readonly { readonly name: string; readonly url?: string }[]
    /** Most tasks that the site hosts at once. */
    readonly mostTasks: number
  }
  /** The user to whom the site belongs. */
  readonly user?: string
  /** An administrator of the server has let the site join: it may run everybody's tasks. */
  readonly isVouched?: boolean
  /** The one job whose tasks the site may get. Absent: any job. */
  readonly job?: string
  readonly site: ActorRef<SiteMessage>
}

/** Changes of sites, which deployments follow. */
export type SiteNews =
  /** The site has joined; with another ref after each restart of the site. `isAway`: it has no connection at present. */
  | { readonly type: 'site-here'; readonly site: RemoteSite; readonly isAway?: boolean }
  /** The site gets no more tasks, and wants to be rid of those that it has. */
  | { readonly type: 'site-leaving'; readonly name: string }
  /** The site has no connection at present, or has one again. Its ref stays good. */
  | { readonly type: 'site-away' | 'site-back'; readonly name: string }
  /** The site's node has ended. It may join again. */
  | { readonly type: 'site-gone'; readonly name: string }
  /** No site for tasks of the compute is there, and none will come. Without a compute: for any task. */
  | { readonly type: 'sites-exhausted'; readonly cause: CodedError; readonly computeId?: string }
  /** A fault of the site, for people. */
  | { readonly type: 'site-fault'; readonly name: string; readonly cause: CodedError }

/** Port: the sites that may host tasks. */
export interface Sites {
  /** Tells the follower which sites there are, and each change from then on, until the follower stops. */
  follow(follower: ActorRef<SiteNews>): void
  /** Whether a site of this name is there, or may come. Absent: any may. */
  isPossible?(name: string): boolean
  /** Names of the sites that serve one of these computes, also of those that have joined another server. Absent: none. */
  serving?(computes: readonly string[]): Promise<readonly string[]>
}
