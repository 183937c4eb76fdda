import type { ActorRef, CodedError } from '../../../runtime/index.ts'
import type { HostedTask, Schema, SiteMessage } from '../../../sdk/index.ts'

/** A site apart from the server: a flamelet, or a process of a run. */
export interface RemoteSite {
  /** The same in each life of the site, whose store keeps the state of its tasks. */
  readonly name: string
  readonly facts: {
    /** The compute whose tasks the site gets. */
    readonly computeId: string
    /** The name is the dataset's id in the catalogue, or its URL there. */
    readonly datasets: readonly { readonly name: string }[]
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
}

/** A task with the facts that decide where it may run. */
export interface PlacedTask extends HostedTask {
  readonly computeId: string
}

/** A site and the room that is left there. */
export interface SiteRoom {
  readonly site: RemoteSite
  /** Tasks that the site may still get. */
  readonly room: number
}

/** Whether a site may host a task, apart from its room. */
export type Fits = (site: RemoteSite, task: PlacedTask) => boolean

/** The compute of tasks that may run anywhere. */
const anywhere = 'default'

/**
 * Whether a site of a job's sites serves the task's compute: the site's compute has this id, or the last part of a
 * realm names it. A site that names its datasets gets tasks with these alone.
 */
export function servesCompute({ facts: { computeId, datasets } }: RemoteSite, task: PlacedTask): boolean {
  if (task.computeId !== anywhere && task.computeId !== computeId) return false
  const { dataset, datasetUrl = dataset } = task
  return (
    dataset === undefined ||
    datasets.length === 0 ||
    datasets.some(({ name }) => name === dataset || name === datasetUrl)
  )
}

/** Whether a task has no data, and no aggregator above it: such tasks make the models of a job. */
export function isTopmost({ channels }: Pick<Schema, 'channels'>): (task: HostedTask) => boolean {
  const below = new Set(
    channels.flatMap(({ funcTags = {} }) =>
      Object.entries(funcTags).flatMap(([role, tags]) => (tags.includes('upload') ? [role] : [])),
    ),
  )
  return ({ role, dataset }) => dataset === undefined && !below.has(role)
}

/**
 * Chooses a site for each task, in order: of those that fit, the one with the most room; of equal ones the first by
 * name. A task that nothing fits has no entry.
 */
export function placesFor(
  tasks: readonly PlacedTask[],
  rooms: readonly SiteRoom[],
  fits: (site: RemoteSite, task: PlacedTask) => boolean,
): ReadonlyMap<string, string> {
  const left = new Map(rooms.map(({ site, room }) => [site.name, room]))
  const sorted = rooms.map(({ site }) => site).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const places = new Map<string, string>()
  for (const task of tasks) {
    let best: string | undefined
    for (const site of sorted) {
      const room = left.get(site.name) ?? 0
      if (room > 0 && (best === undefined || room > (left.get(best) ?? 0)) && fits(site, task)) best = site.name
    }
    if (best === undefined) continue
    places.set(task.end, best)
    left.set(best, (left.get(best) ?? 0) - 1)
  }
  return places
}
