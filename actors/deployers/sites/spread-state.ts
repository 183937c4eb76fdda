import type { ActorContext, ActorRef, CodedError } from '../../../runtime/index.ts'
import {
  decodeSiteReply,
  placesOf,
  type RendezvousMessage,
  type SiteMessage,
  type SiteReply,
  taskChannels,
} from '../../../sdk/index.ts'
import type { RemoteSite } from '../../flamelets/sites.ts'
import { placementError } from '../errors.ts'
import type { Placements } from './placements.ts'
import type { PlacedTask } from './site-choice.ts'
import { type KnownSite, ownSite, type Spread, type SpreadNews, type TasksToSpread } from './spread-parts.ts'

const defaultGoneAfterMs = 10 * 60_000

/** The tasks of a job, the sites that the job knows, and the place of each task. */
export type SpreadState = ReturnType<typeof spreadState>

export function spreadState(
  context: ActorContext<SpreadNews>,
  { sites: possible, reports: owner, limits: { goneAfterMs = defaultGoneAfterMs } = {}, ...parts }: TasksToSpread,
  { places }: Placements,
  rendezvous: ActorRef<RendezvousMessage>,
) {
  const { isOwn = ({ dataset }) => dataset === undefined } = parts
  const tasks = new Map(parts.tasks.map((task) => [task.end, spreadOf(task)]))
  const sites = new Map<string, KnownSite>()
  const wire = taskChannels({ schema: parts.job.schema, tasks: parts.tasks })

  return { tasks, sites, goneAfterMs, know, placedAt, unplace, lossOf, fail, failPlaceless }

  function spreadOf(task: PlacedTask): Spread {
    const place = isOwn(task) ? ownSite : formerPlace(task.end)
    // Durable with the next save, which follows unless all tasks have former places.
    if (place === ownSite) places.set(task.end, ownSite)
    return { task, place, state: 'waiting', hosting: 0, refusals: new Map(), faults: 0, isPrepared: false }
  }

  /** The place of the task in an earlier deployment, unless its site can't come any more. */
  function formerPlace(end: string): string | undefined {
    const place = places.get(end)
    if (place === undefined || place === ownSite || possible.isPossible?.(place) === false) return undefined
    return place
  }

  function know(name: string, ref: ActorRef<SiteMessage>, remote: RemoteSite | undefined): KnownSite {
    const known = sites.get(name)
    const site: KnownSite = known ?? {
      ref,
      remote,
      isHere: true,
      isLeaving: false,
      answers: context.spawn<SiteReply>(
        `answers-${sites.size}`,
        () => (reply) => context.self.tell({ type: 'site-answered', name, reply }),
        { decode: decodeSiteReply },
      ),
    }
    sites.set(name, site)
    return site
  }

  function placedAt(name: string): Spread[] {
    return [...tasks.values()].filter(({ place, state }) => place === name && state !== 'ended')
  }

  /** A task that nothing fits for long has failed. */
  function unplace(spread: Spread): void {
    if (spread.place !== undefined) spread.refusals.set(spread.place, lossOf(spread, spread.place))
    spread.place = undefined
    spread.state = 'waiting'
    context.after(goneAfterMs, { type: 'placeless', end: spread.task.end })
  }

  function lossOf({ task }: Spread, name: string): CodedError {
    return placementError('SITE_LOST', { end: task.end, site: name, seconds: goneAfterMs / 1000 })
  }

  function failPlaceless(spread: Spread): void {
    fail(spread, [...spread.refusals.values()].at(-1))
  }

  function fail(spread: Spread, cause: unknown): void {
    if (spread.state === 'ended') return
    spread.state = 'ended'
    const { end, role } = spread.task
    rendezvous.tell({ type: 'absent', end, role, places: placesOf(wire(spread.task)) })
    owner.tell({ type: 'task-failed', end, cause })
  }
}
