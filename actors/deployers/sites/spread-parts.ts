import type { ActorContext, ActorRef, Cancel, DurableStore } from '../../../runtime/index.ts'
import type {
  BaseWeights,
  HostedJob,
  HostedTasks,
  KeptRole,
  OwnSiteMessage,
  SiteMessage,
  SiteParts,
  SiteReply,
  TaskReport,
} from '../../../sdk/index.ts'
import type { RemoteSite, SiteNews, Sites } from '../../flamelets/sites.ts'
import type { Fits, PlacedTask } from './site-choice.ts'

/** The tasks of a job, and the sites that may host them. */
export interface TasksToSpread extends Pick<HostedTasks, 'registry' | 'onRound'> {
  readonly job: Omit<HostedJob, 'start' | 'tasks'>
  /** All tasks of the job, in the order of the expansion. */
  readonly tasks: readonly PlacedTask[]
  /** This node's own site, or the parts of one in this process. */
  readonly own: SiteParts | SpawnSite
  /** Whether a task runs at this node's own site. Default: tasks without a dataset do. */
  readonly isOwn?: (task: PlacedTask) => boolean
  readonly sites: Sites
  /** Whether a site may host a task. Default: `servesCompute`. */
  readonly fits?: Fits
  /** Keeps the number of the deployment, and where the tasks are. */
  readonly store: DurableStore
  /** Gives the archive with the job's code to sites. Absent: sites have the code. */
  readonly codeOf?: () => Promise<Uint8Array>
  /** Gives the weights of the job's base model to sites. Absent: the job has no base model. */
  readonly baseWeights?: BaseWeights
  readonly reports: ActorRef<TaskReport>
  readonly limits?: SpreadLimits
}

/** Spawns a site as the child of an actor, whose failure is the actor's. */
export type SpawnSite = (context: Pick<ActorContext<never>, 'spawn' | 'signal'>) => ActorRef<OwnSiteMessage>

export interface SpreadLimits {
  /** A site that is away for this time has lost its tasks, which go to other sites or fail. Default: 10 minutes. */
  readonly goneAfterMs?: number
  /**
   * A later deployment of a run waits this time for the sites of the tasks with data, before the tasks without data
   * begin. The first deployment waits for every site. Default: 1 minute.
   */
  readonly rejoinMs?: number
  /** Time after which a notice names the tasks that wait for sites. Default: 10 s. */
  readonly sayAwaitedMs?: number
}

export type SpreadMessage =
  /** Stops the tasks everywhere, then the actor. With `forget`, the sites remove the tasks' state. */
  { readonly type: 'stop'; readonly forget: boolean }

/** The messages of the actor that spreads tasks. */
export type SpreadNews =
  | SpreadMessage
  | SiteNews
  | { readonly type: 'reported'; readonly hosting: number; readonly report: TaskReport }
  | { readonly type: 'site-answered'; readonly name: string; readonly reply: SiteReply }
  | { readonly type: 'site-lost'; readonly name: string }
  | { readonly type: 'unseen' }
  | { readonly type: 'arrange' }
  | { readonly type: 'begin-anyway' }
  | { readonly type: 'say-awaited' }
  | { readonly type: 'again'; readonly name: string; readonly ends: readonly string[] }
  | { readonly type: 'placeless'; readonly end: string }
  | { readonly type: 'stopped-anyway' }

/** A task, and how far it has come. */
export interface Spread {
  readonly task: PlacedTask
  /** The site that has the task's state, or is to have it. */
  place: string | undefined
  /** `asked`: the site was told to host the task. `leaving`: the site was told to release it. */
  state: 'waiting' | 'asked' | 'hosting' | 'leaving' | 'ended'
  /** Number of the message that had the site host the task: only reports of that hosting count. */
  hosting: number
  /** The state that the former site has handed over, until another site has it. */
  kept?: KeptRole | undefined
  /** By site: the reasons for which sites have refused the task. */
  readonly refusals: Map<string, unknown>
  faults: number
  /** This node's own site was told to get ready for the task. */
  isPrepared: boolean
}

export interface KnownSite {
  ref: ActorRef<SiteMessage>
  remote: RemoteSite | undefined
  /** The site's node lives, as far as is known. */
  isHere: boolean
  isLeaving: boolean
  /** Hears the site's answers. */
  readonly answers: ActorRef<SiteReply>
  /** Cancels the time after which the site has lost its tasks. */
  lost?: Cancel | undefined
}

/** This node's own site among the names of sites. */
export const ownSite = ''
