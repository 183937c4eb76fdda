import type { ActorContext, ActorRef, Behavior } from '../../../runtime/index.ts'
import {
  decodeTaskReport,
  type HostedJob,
  type HostMessage,
  type KeptRole,
  type OwnSiteMessage,
  type TaskReport,
} from '../../../sdk/index.ts'
import { placementError } from '../errors.ts'
import type { Placements } from './placements.ts'
import { placesFor, servesCompute } from './site-choice.ts'
import { type KnownSite, ownSite, type Spread, type SpreadNews, type TasksToSpread } from './spread-parts.ts'
import type { SpreadState } from './spread-state.ts'

const defaultSayAwaitedMs = 10_000
const mostNamed = 5

/** The refs of a job that its sites need, and this node's own site. */
interface ArrangementRefs extends Pick<HostMessage, 'rendezvous' | 'models' | 'code'> {
  readonly own: ActorRef<OwnSiteMessage>
}

/** Places a job's tasks at sites, and has the sites host them. `jobFor`: the job for a site. */
export function taskArrangement(
  context: ActorContext<SpreadNews>,
  {
    fits = servesCompute,
    sites: possible,
    reports: owner,
    limits: { sayAwaitedMs = defaultSayAwaitedMs } = {},
  }: TasksToSpread,
  { tasks, sites, placedAt }: SpreadState,
  placements: Placements,
  jobFor: (ends: readonly string[]) => HostedJob,
  { own, ...refs }: ArrangementRefs,
) {
  const { places, start } = placements
  let mayBegin = false
  let isStopping = false
  let isSayDue = false
  let lastSaid = ''
  let hostings = 0
  const hearing = new Map<number, ActorRef<TaskReport>>()
  saySoon()

  return {
    arrange,
    sayAwaited,
    /** Lets the tasks without data begin before the others are hosted. */
    begin() {
      mayBegin = true
      return arrange()
    },
    /** Places no task any more. */
    end() {
      isStopping = true
    },
  }

  /** Places the tasks that have no place, and has the sites host the tasks that wait. */
  async function arrange(): Promise<void> {
    if (isStopping) return
    await place()
    const isData = ({ task, state }: Spread) => task.dataset !== undefined && state !== 'ended'
    const withData = [...tasks.values()].filter(isData)
    mayBegin ||= withData.every(({ state }) => state === 'hosting')
    for (const [name, site] of sites) {
      if (!site.isHere || site.isLeaving) continue
      const due = placedAt(name).filter(
        ({ state, task, refusals }) =>
          state === 'waiting' && (mayBegin || task.dataset !== undefined) && !refusals.has(name),
      )
      const plain = due.filter(({ kept }) => !kept)
      if (plain.length > 0) tell(site, plain)
      // States may be large: a message has at most one.
      for (const spread of due) if (spread.kept) tell(site, [spread], spread.kept)
    }
    // The sites of an earlier deployment are likely to come back.
    if (!mayBegin && (start > 1 || withData.every(({ state }) => state !== 'waiting'))) prepareOwn()
  }

  /** Has this node's own site start processes for its tasks, while other sites begin to host theirs. */
  function prepareOwn(): void {
    const site = sites.get(ownSite)
    const due = placedAt(ownSite).filter(
      ({ state, task, isPrepared }) => state === 'waiting' && task.dataset === undefined && !isPrepared,
    )
    if (!site || due.length === 0) return
    for (const spread of due) spread.isPrepared = true
    own.tell({ type: 'prepare', ...wishOf(site, due) })
  }

  function tell(site: KnownSite, due: readonly Spread[], state?: KeptRole): void {
    const wish = wishOf(site, due)
    for (const spread of due) spread.state = 'asked'
    site.ref.tell({ type: 'host', ...wish, ...(state && { state }) })
  }

  /** The wish to have a site host tasks, with a number of its own. */
  function wishOf({ answers }: KnownSite, due: readonly Spread[]): Omit<HostMessage, 'type' | 'state'> {
    hostings += 1
    for (const spread of due) spread.hosting = hostings
    const ends = due.map(({ task }) => task.end)
    return { job: jobFor(ends), ends, ...refs, reports: reportsOf(hostings), replyTo: answers }
  }

  /** Hears the reports of the tasks of one hosting. The actors of hostings that are over stop. */
  function reportsOf(hosting: number): ActorRef<TaskReport> {
    const present = new Set([...tasks.values()].map((spread) => spread.hosting))
    for (const [number, heard] of hearing) {
      if (present.has(number)) continue
      context.stop(heard)
      hearing.delete(number)
    }
    const behavior: Behavior<TaskReport> = () => (report) => context.self.tell({ type: 'reported', hosting, report })
    const ref = context.spawn(`reports-${hosting}`, behavior, { decode: decodeTaskReport })
    hearing.set(hosting, ref)
    return ref
  }

  async function place(): Promise<void> {
    const placeless = [...tasks.values()].filter(({ place, state }) => place === undefined && state === 'waiting')
    if (placeless.length === 0) return
    // A site that is away keeps its tasks for a while, and gets no more of them.
    const rooms = [...sites].flatMap(([name, { remote, isHere, isLeaving, lost }]) =>
      remote && isHere && !isLeaving && !lost
        ? [{ site: remote, room: remote.facts.mostTasks - placedAt(name).length }]
        : [],
    )
    const found = placesFor(
      placeless.map(({ task }) => task),
      rooms,
      (site, task) => !tasks.get(task.end)?.refusals.has(site.name) && fits(site, task),
    )
    if (found.size < placeless.length) saySoon()
    else lastSaid = ''
    if (found.size === 0) return
    for (const [end, name] of found) {
      const spread = tasks.get(end)
      if (spread) spread.place = name
      places.set(end, name)
    }
    await context.track(placements.save())
  }

  /** Tasks may find a place at once: a job says that it waits only after a while. */
  function saySoon(): void {
    if (isSayDue) return
    isSayDue = true
    context.after(sayAwaitedMs, { type: 'say-awaited' })
  }

  async function sayAwaited(): Promise<void> {
    isSayDue = false
    if (isStopping) return
    const awaited = [...tasks.values()].filter(({ place, state }) => place === undefined && state === 'waiting')
    const [first] = awaited
    const said = awaited.map(({ task }) => task.end).join()
    // A site that comes and goes doesn't have the same said again and again.
    if (!first || said === lastSaid) return
    lastSaid = said
    const ends = shortNames(awaited.map(({ task }) => task.end))
    const named = [...new Set(awaited.map(({ task }) => task.computeId))]
    const computes = shortNames(named)
    const others = ((await possible.serving?.(named)) ?? []).filter((name) => !sites.has(name))
    const names = shortNames(others)
    const { code, message } =
      others.length > 0
        ? placementError('FLAMELETS_ELSEWHERE', { ends, computes, names })
        : placementError('SITES_AWAITED', { ends, computes })
    owner.tell({ type: 'notice', end: first.task.end, notice: { code, message } })
  }
}

function shortNames(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : ''
  return `${names.slice(0, mostNamed).join(', ')}${more}`
}
