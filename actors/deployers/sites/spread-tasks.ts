import {
  type ActorContext,
  type ActorRef,
  type Behavior,
  type Cancel,
  CodedError,
  type DurableStore,
  isStoreTrouble,
} from '../../../runtime/index.ts'
import {
  type CodeMessage,
  decodeCodeMessage,
  decodeModelsMessage,
  decodeRendezvousMessage,
  decodeSiteReply,
  decodeTaskReport,
  type HostedJob,
  type HostedTasks,
  jobModels,
  rendezvous as rendezvousOfJob,
  type SiteMessage,
  type SiteParts,
  type SiteReply,
  type TaskReport,
  taskChannels,
  taskSite,
} from '../../../sdk/index.ts'
import { placementError } from '../errors.ts'
import { beginPlacements } from './placements.ts'
import {
  type Fits,
  type PlacedTask,
  placesFor,
  type RemoteSite,
  type SiteNews,
  type Sites,
  servesCompute,
} from './sites.ts'

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
  readonly reports: ActorRef<TaskReport>
  readonly limits?: SpreadLimits
}

/** Spawns a site as the child of an actor, whose failure is the actor's. */
export type SpawnSite = (context: Pick<ActorContext<never>, 'spawn' | 'signal'>) => ActorRef<SiteMessage>

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

type Message =
  | SpreadMessage
  | SiteNews
  | TaskReport
  | { readonly type: 'site-answered'; readonly name: string; readonly reply: SiteReply }
  | { readonly type: 'site-lost'; readonly name: string }
  | { readonly type: 'unseen' }
  | { readonly type: 'begin-anyway' }
  | { readonly type: 'say-awaited' }
  | { readonly type: 'again'; readonly name: string; readonly ends: readonly string[] }
  | { readonly type: 'placeless'; readonly end: string }
  | { readonly type: 'stopped-anyway' }

/** A task, and how far it has come. */
interface Spread {
  readonly task: PlacedTask
  /** The site that has the task's state, or is to have it. */
  place: string | undefined
  /** `asked`: the site was told to host the task. `leaving`: the site was told to release it. */
  state: 'waiting' | 'asked' | 'hosting' | 'leaving' | 'ended'
  /** By site: the reasons for which sites have refused the task. */
  readonly refusals: Map<string, unknown>
  faults: number
}

interface KnownSite {
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
const ownSite = ''
const defaultGoneAfterMs = 10 * 60_000
const defaultRejoinMs = 60_000
const defaultSayAwaitedMs = 10_000
/** Longest time for sites to release their tasks at the end. */
const stopMs = 10_000
const mostFaults = 3
const firstBackOffMs = 1000
/** Codes with which a site refuses tasks for a while only. */
const passingCodes = ['SITE_FULL', 'FLAMELET_FULL', 'FLAMELET_DRAINING']

/**
 * Spreads a job's tasks over sites, and keeps them there: parent of the job's rendezvous, of the actor that publishes
 * its models, and of this node's own site. A site that comes back gets its tasks again; the tasks of a site that is
 * gone for good, or leaves, go to other sites. Tasks without data begin when all others are hosted.
 */
export function spreadTasks(parts: TasksToSpread): Behavior<Message> {
  const { job, registry, onRound, fits = servesCompute, limits = {} } = parts
  const { isOwn = ({ dataset }) => dataset === undefined, reports: owner, codeOf } = parts
  const { goneAfterMs = defaultGoneAfterMs, rejoinMs = defaultRejoinMs, sayAwaitedMs = defaultSayAwaitedMs } = limits
  const { run } = job

  return async (context) => {
    const placements = await context.track(beginPlacements(parts.store, run))
    const { start, places } = placements
    const tasks = new Map(parts.tasks.map((task) => [task.end, spreadOf(task)]))
    const sites = new Map<string, KnownSite>()
    const rendezvous = context.spawn('rendezvous', rendezvousOfJob(), {
      supervise: { type: 'escalate' },
      decode: decodeRendezvousMessage,
    })
    const models = context.spawn('models', jobModels(run, { registry, onRound }), { decode: decodeModelsMessage })
    const reports = context.spawn<TaskReport>('reports', () => (report) => context.self.tell(report), {
      decode: decodeTaskReport,
    })
    const code =
      codeOf && context.spawn('code', codeGiver(codeOf), { supervise: { type: 'resume' }, decode: decodeCodeMessage })
    const hosted: HostedJob = {
      ...job,
      start,
      tasks: parts.tasks.map(({ end, role, groupAssociation, dataset }) => ({
        end,
        role,
        groupAssociation,
        ...(dataset !== undefined && { dataset }),
      })),
    }
    const wire = taskChannels({ schema: job.schema, tasks: hosted.tasks })
    let mayBegin = false
    const releasing = new Set<string>()
    let isStopping = false
    const saidUnknown = new Set<string>()

    know(ownSite, ownSiteIn(context, parts.own), undefined)
    if (start > 1) {
      context.after(rejoinMs, { type: 'begin-anyway' })
      context.after(goneAfterMs, { type: 'unseen' })
    }
    context.after(sayAwaitedMs, { type: 'say-awaited' })
    parts.sites.follow(context.self)
    await arrange()
    return (message) => {
      switch (message.type) {
        case 'site-here':
          return here(message.site, message.isAway)
        case 'site-leaving':
          return leaving(message.name)
        case 'site-away':
          return awaitReturn(message.name)
        case 'site-back':
          return back(message.name)
        case 'site-gone':
          return gone(message.name)
        case 'site-fault': {
          const { code, message: text } = message.cause
          return owner.tell({ type: 'notice', end: message.name, notice: { code, message: text } })
        }
        case 'sites-exhausted':
          for (const spread of tasks.values()) if (spread.place !== ownSite) fail(spread, message.cause)
          return
        case 'site-lost':
          return lost(message.name)
        case 'site-answered':
          return answered(message.name, message.reply)
        case 'unseen':
          return unseen()
        case 'begin-anyway':
          mayBegin = true
          return arrange()
        case 'say-awaited':
          return sayAwaited()
        case 'again':
          for (const end of message.ends) tasks.get(end)?.refusals.delete(message.name)
          return arrange()
        case 'placeless': {
          const spread = tasks.get(message.end)
          return spread?.state === 'waiting' && spread.place === undefined ? failPlaceless(spread) : undefined
        }
        case 'stop':
          return stop(message.forget)
        case 'stopped-anyway':
          return context.stop()
        default:
          return reported(message)
      }
    }

    function spreadOf(task: PlacedTask): Spread {
      const place = isOwn(task) ? ownSite : formerPlace(task.end)
      return { task, place, state: 'waiting', refusals: new Map(), faults: 0 }
    }

    /** The place of the task in an earlier deployment, unless its site can't come any more. */
    function formerPlace(end: string): string | undefined {
      const place = places.get(end)
      return place === undefined || parts.sites.isPossible?.(place) === false ? undefined : place
    }

    /** Tasks whose former sites have not come for long go to others. */
    async function unseen(): Promise<void> {
      for (const spread of tasks.values())
        if (spread.place !== undefined && spread.state === 'waiting' && !sites.has(spread.place)) unplace(spread)
      return arrange()
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

    function here(remote: RemoteSite, isAway = false): Promise<void> | undefined {
      const { name, site: ref } = remote
      if (remote.job !== undefined && remote.job !== job.id) return undefined
      const site = know(name, ref, remote)
      const isNew = site.ref !== ref
      Object.assign(site, { ref, remote, isHere: true, isLeaving: false })
      site.lost?.()
      site.lost = undefined
      if (isAway) awaitReturn(name)
      for (const spread of tasks.values()) {
        spread.refusals.delete(name)
        if (isNew && spread.place === name && spread.state !== 'ended') spread.state = 'waiting'
      }
      return arrange()
    }

    async function leaving(name: string): Promise<void> {
      const site = sites.get(name)
      if (!site) return
      site.isLeaving = true
      const ends = placedAt(name).filter(({ state }) => state !== 'waiting')
      for (const spread of ends) {
        spread.state = 'leaving'
        rendezvous.tell({ type: 'expect', end: spread.task.end })
      }
      for (const spread of placedAt(name).filter(({ state }) => state === 'waiting')) unplace(spread)
      if (ends.length > 0)
        site.ref.tell({ type: 'release', run, ends: ends.map(({ task }) => task.end), replyTo: site.answers })
      return arrange()
    }

    /** The site keeps its tasks for a while. */
    function awaitReturn(name: string): void {
      const site = sites.get(name)
      if (!site) return
      site.lost ??= context.after(goneAfterMs, { type: 'site-lost', name })
    }

    async function back(name: string): Promise<void> {
      const site = sites.get(name)
      site?.lost?.()
      if (site) site.lost = undefined
      return arrange()
    }

    /** The site's node has ended. Its tasks wait for its return. */
    function gone(name: string): Promise<void> | undefined {
      const site = sites.get(name)
      if (!site) return undefined
      site.isHere = false
      awaitReturn(name)
      if (isStopping) return released(name)
      for (const spread of placedAt(name)) {
        if (site.isLeaving) unplace(spread)
        else spread.state = 'waiting'
      }
      return arrange()
    }

    async function lost(name: string): Promise<void> {
      const site = sites.get(name)
      if (!site) return
      site.lost = undefined
      const ends = placedAt(name)
      // A site that is only cut off hears it when it can.
      if (ends.length > 0)
        site.ref.tell({ type: 'release', run, ends: ends.map(({ task }) => task.end), replyTo: site.answers })
      site.isHere = false
      for (const spread of ends) {
        spread.place = undefined
        spread.state = 'waiting'
        spread.refusals.set(name, lossOf(spread, name))
      }
      await arrange()
      for (const spread of ends) if (spread.place === undefined) failPlaceless(spread)
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
      const places = wire(spread.task).map(({ name: channel, group, otherRole }) => ({ channel, group, otherRole }))
      rendezvous.tell({ type: 'absent', end, role, places })
      owner.tell({ type: 'task-failed', end, cause })
    }

    function placedAt(name: string): Spread[] {
      return [...tasks.values()].filter(({ place, state }) => place === name && state !== 'ended')
    }

    /** Places the tasks that have no place, and has the sites host the tasks that wait. */
    async function arrange(): Promise<void> {
      if (isStopping) return
      await place()
      const isData = ({ task, state }: Spread) => task.dataset !== undefined && state !== 'ended'
      mayBegin ||= [...tasks.values()].filter(isData).every(({ state }) => state === 'hosting')
      for (const [name, site] of sites) {
        if (!site.isHere || site.isLeaving) continue
        const due = placedAt(name).filter(
          ({ state, task, refusals }) =>
            state === 'waiting' && (mayBegin || task.dataset !== undefined) && !refusals.has(name),
        )
        if (due.length === 0) continue
        for (const spread of due) spread.state = 'asked'
        const ends = due.map(({ task }) => task.end)
        const refs = { rendezvous, reports, models, replyTo: site.answers }
        site.ref.tell({ type: 'host', job: hosted, ends, ...refs, ...(code && { code }) })
      }
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
      if (found.size === 0) return
      for (const [end, name] of found) {
        const spread = tasks.get(end)
        if (spread) spread.place = name
        places.set(end, name)
      }
      await context.track(placements.save())
    }

    function answered(name: string, reply: SiteReply): Promise<void> | undefined {
      if (reply.type === 'released') return released(name)
      if (reply.start !== start) return undefined
      const concerned = reply.ends.flatMap((end) => tasks.get(end) ?? []).filter((spread) => spread.place === name)
      if (reply.type === 'not-hosting') return refused(name, concerned, reply.cause)
      for (const spread of concerned) if (spread.state === 'asked') spread.state = 'hosting'
      for (const setting of reply.unknownSettings) sayUnknown(setting)
      return arrange()
    }

    function released(name: string): Promise<void> | undefined {
      if (isStopping) {
        releasing.delete(name)
        if (releasing.size === 0) context.stop()
        return undefined
      }
      for (const spread of placedAt(name)) if (spread.state === 'leaving') unplace(spread)
      return arrange()
    }

    /** Tries refused tasks elsewhere, or later at the same site; otherwise they have failed. */
    async function refused(name: string, concerned: readonly Spread[], cause: unknown): Promise<void> {
      const passes = isPassing(cause)
      const retried: string[] = []
      for (const spread of concerned) {
        if (spread.state === 'ended' || spread.state === 'leaving') continue
        spread.state = 'waiting'
        spread.refusals.set(name, cause)
        spread.faults += 1
        const isFault = !(cause instanceof CodedError) && spread.faults < mostFaults
        if (passes || isFault) retried.push(spread.task.end)
        if (name !== ownSite && !isFault) spread.place = undefined
      }
      if (retried.length > 0)
        context.after(firstBackOffMs * 2 ** Math.min(3, concerned[0]?.faults ?? 1), {
          type: 'again',
          name,
          ends: retried,
        })
      await arrange()
      for (const spread of concerned)
        if (
          spread.state === 'waiting' &&
          !retried.includes(spread.task.end) &&
          spread.refusals.get(spread.place ?? name)
        )
          fail(spread, cause)
    }

    function reported(report: TaskReport): void {
      const spread = tasks.get(report.end)
      // A site that has lost the task may still tell of it.
      if (!spread || spread.state === 'ended') return
      if (report.type === 'task-completed' || report.type === 'task-failed') spread.state = 'ended'
      owner.tell(report)
    }

    function sayUnknown(setting: string): void {
      if (saidUnknown.has(setting)) return
      saidUnknown.add(setting)
      const message = `the workload has no setting ${setting}`
      owner.tell({ type: 'notice', end: job.id, notice: { code: 'SETTING_UNKNOWN', message } })
    }

    function sayAwaited(): void {
      const awaited = [...tasks.values()].filter(({ place, state }) => place === undefined && state === 'waiting')
      const [first] = awaited
      if (!first) return
      const ends = shortNames(awaited.map(({ task }) => task.end))
      const computes = shortNames([...new Set(awaited.map(({ task }) => task.computeId))])
      const { code, message } = placementError('SITES_AWAITED', { ends, computes })
      owner.tell({ type: 'notice', end: first.task.end, notice: { code, message } })
    }

    function stop(forget: boolean): void {
      if (isStopping) return
      isStopping = true
      for (const [name, site] of sites) {
        const isConcerned = [...tasks.values()].some(({ place, state }) => place === name && state !== 'waiting')
        if (!isConcerned) continue
        site.ref.tell({ type: 'release', run, forget, replyTo: site.answers })
        if (site.isHere && !site.lost) releasing.add(name)
      }
      if (releasing.size === 0) return context.stop()
      context.after(stopMs, { type: 'stopped-anyway' })
    }
  }
}

function ownSiteIn(
  context: Pick<ActorContext<never>, 'spawn' | 'signal'>,
  own: TasksToSpread['own'],
): ActorRef<SiteMessage> {
  return typeof own === 'function'
    ? own(context)
    : context.spawn('site', taskSite(own), { supervise: { type: 'escalate' } })
}

function isPassing(cause: unknown): boolean {
  return isStoreTrouble(cause) || (cause instanceof CodedError && passingCodes.includes(cause.code))
}

const mostNamed = 5

function shortNames(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : ''
  return `${names.slice(0, mostNamed).join(', ')}${more}`
}

function codeGiver(codeOf: () => Promise<Uint8Array>): Behavior<CodeMessage> {
  return (context) =>
    ({ replyTo }) =>
      void context.track(codeOf()).then(
        (archive) => replyTo.tell({ type: 'code', archive }),
        (cause: unknown) => replyTo.tell({ type: 'no-code', cause }),
      )
}
