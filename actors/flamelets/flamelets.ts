import type { ActorRef, Behavior, Store } from '../../runtime/index.ts'
import { defaultCompute, type SiteMessage } from '../../sdk/index.ts'
import { joinCompute, leaveCompute } from '../catalogue/computes.ts'
import { checkIdentifier } from '../model/atoms.ts'
import { catalogueError } from '../model/errors.ts'
import type { FlameletState, FlameletStatus, JobFault } from '../model/flamelet.ts'
import { endedNames } from '../model/job-states.ts'
import { collectionsOf } from '../records/collections.ts'
import type { TrustedAdmins } from '../records/parts.ts'
import type { FlameletRecord } from '../records/record-models.ts'
import { afterOf, type Page, type PageRequest, pageOf } from '../requests/page.ts'
import { answerBy, type Handlers } from '../requests/requests.ts'
import { turnsByKey } from '../requests/turns.ts'
import { type Flamelet, factsOf, newFlamelet, siteOf, statusOf } from './flamelet.ts'
import type { FlameletIdentity, FlameletsMessage, FlameletsRequests, LocalFlameletEnd } from './flamelets-messages.ts'
import {
  decodeFlameletMessage,
  type FlameletMessage,
  type FlameletRegistration,
  type LogLevel,
  type RegisterAnswer,
} from './protocol.ts'
import { countServed, type LocalNames, noLocals, server } from './served-computes.ts'
import type { SiteNews } from './sites.ts'

export interface FlameletsParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  readonly newKey: () => string
  readonly computeAdmins?: TrustedAdmins
  /** Names this server among those on its store, for people: its machine and its process. */
  readonly serverName?: string
  /** The computes whose tasks flamelets get. Kept up to date, if it is given. */
  readonly served?: Map<string, number>
  /** The flamelets that this server starts: their names, and how the names of earlier ones begin, too. */
  readonly locals?: LocalNames
  /** Most names of flamelets for each user. Default: 10,000. */
  readonly mostFlamelets?: number
  /** Makes faults where tasks without data run, and in the links of flamelets. */
  readonly faults?: {
    /** Kills a task at the server's own sites. */
    kill(run: string, end: string): void
    disturb(flamelet: string, fault: JobFault): void
  }
  /** Hears of the lines that flamelets send for the server's log. */
  readonly onFlameletLog?: (line: {
    readonly flamelet: string
    readonly level: LogLevel
    readonly text: string
    readonly job?: string
  }) => void
}

/**
 * The actor of the flamelets that join by links. It knows which are there, since when, with which tasks, and tells
 * deployments of changes. Each node that greets gets an entry of its own, whose messages are heard as those of the
 * proven name.
 */
export function flamelets(parts: FlameletsParts): Behavior<FlameletsMessage> {
  return async (context) => {
    const { store, now, served = new Map(), mostFlamelets = 10_000, onFlameletLog } = parts
    const collections = collectionsOf(store)
    const known = new Map<string, Flamelet>()
    const counts = new Map<string, number>()
    const followers = new Set<ActorRef<SiteNews>>()
    const turns = turnsByKey()
    const givenUp = new Set<string>()
    /** Local flamelets that haven't joined yet. Until all have, none is told of: the first one would get all tasks. */
    const awaited = new Set(parts.locals?.names)
    let isClosing = false
    await context.track(load())

    const handlers: Handlers<FlameletsRequests> = {
      'admit-flamelet': ({ identity }) => admit(identity),
      'list-flamelets': ({ user, page }) => list(user, page),
      'read-flamelet': async ({ user, name }) => {
        if (!known.has(name)) await joinedElsewhere(name)
        const { flamelet, record } = registered(user, name)
        return statusOf(flamelet, record)
      },
      'make-fault': ({ user, job, fault }) => makeFault(user, job, fault),
      'remove-flamelet': ({ user, name }) => turns(name, () => forget(user, name)),
    }

    return (message) => {
      switch (message.type) {
        case 'heard':
          return heard(message.name, message.message)
        case 'follow-flamelets':
          return follow(message.follower)
        case 'unfollowed':
          return void followers.delete(message.follower)
        case 'flamelet-connected':
          return connected(message.name, message.isConnected)
        case 'local-flamelet-ended':
          return isClosing ? undefined : localEnded(message)
        case 'site-ended':
          return isClosing ? undefined : ended(message.name, message.site)
        case 'release':
          isClosing = true
          return
        default:
          return void context.track(answerBy(handlers, message))
      }
    }

    /** After a restart of the server, flamelets that weren't gone are away until they register again. */
    async function load(): Promise<void> {
      for await (const { id: name, value: record } of collections.flamelets.find()) {
        if (record.isLocal && isFormer(name)) {
          await collections.flamelets.remove(name)
          continue
        }
        const [state, since] =
          record.goneAt === undefined ? (['away', now()] as const) : (['gone', record.goneAt] as const)
        add({ ...newFlamelet(name, record.userId, state, since), record })
      }
    }

    /** Whether a name is of a local flamelet of an earlier server in this folder, which this one doesn't start. */
    function isFormer(name: string): boolean {
      const { prefix, names } = parts.locals ?? noLocals
      return name.startsWith(prefix) && !names.includes(name)
    }

    function add(flamelet: Flamelet): Flamelet {
      known.set(flamelet.name, flamelet)
      counts.set(flamelet.user, (counts.get(flamelet.user) ?? 0) + 1)
      return flamelet
    }

    async function admit(identity: FlameletIdentity): Promise<ActorRef<never>> {
      const { name, user, isAdmin, flamelet: only, job, isLocal = false } = identity
      checkIdentifier('a flamelet', name)
      if (name === server) throw catalogueError('FLAMELET_TAKEN', { name })
      if (only !== undefined && only !== name) throw catalogueError('FLAMELET_OTHER', { expected: only, name })
      if (job !== undefined) await assertUnderWay(job)
      const present = known.get(name) ?? (await joinedElsewhere(name))
      if (present && present.user !== user) throw catalogueError('FLAMELET_TAKEN', { name })
      if (!present && !isLocal && (counts.get(user) ?? 0) >= mostFlamelets)
        throw catalogueError('FLAMELETS_MANY', { user, most: mostFlamelets })
      const flamelet = present ?? add(newFlamelet(name, user, 'gone', now()))
      flamelet.isAdmin = isAdmin
      flamelet.isLocal = isLocal
      flamelet.job = job
      // Lives on when the flamelet's node ends: the session of the next node may have begun by then.
      flamelet.voice ??= context.spawn(name, voiceOf(name, context.self), {
        decode: decodeFlameletMessage,
        supervise: { type: 'resume' },
      })
      return flamelet.voice
    }

    /** A flamelet that has joined at another server on the same store. */
    async function joinedElsewhere(name: string): Promise<Flamelet | undefined> {
      const record = (await collections.flamelets.get(name))?.value
      if (known.has(name) || !record) return known.get(name)
      if (!record.isLocal) countServed(served, record.computeId, 1)
      return add({ ...newFlamelet(name, record.userId, 'away', now()), record })
    }

    async function assertUnderWay(job: string): Promise<void> {
      const found = (await collections.jobs.get(job))?.value
      if (!found || found.removing) throw catalogueError('FLAMELET_JOB', { job, found: 'does not exist' })
      if (endedNames.includes(found.state)) throw catalogueError('FLAMELET_JOB', { job, found: `is ${found.state}` })
    }

    function heard(name: string, message: FlameletMessage): void {
      const flamelet = known.get(name)
      if (!flamelet) return
      switch (message.type) {
        case 'register':
          return void context.track(turns(name, () => register(flamelet, message)))
        case 'progress':
          flamelet.hosted = message.hosted
          if (message.residentBytes !== undefined) flamelet.residentBytes = message.residentBytes
          return answerDrained(flamelet)
        case 'drain':
          flamelet.draining.push(message.replyTo)
          if (!flamelet.isLeaving) {
            flamelet.isLeaving = true
            enter(flamelet, 'draining')
            tell({ type: 'site-leaving', name })
          }
          return answerDrained(flamelet)
        case 'log': {
          const { level, text, job } = message
          return onFlameletLog?.({ flamelet: name, level, text, ...(job === undefined ? {} : { job }) })
        }
      }
    }

    async function register(
      flamelet: Flamelet,
      { registration, site, replyTo }: Extract<FlameletMessage, { type: 'register' }>,
    ): Promise<void> {
      try {
        replyTo.tell(await joined(flamelet, registration, site))
      } catch (cause) {
        replyTo.tell({ type: 'refused', cause: cause instanceof Error ? cause : new Error(String(cause)) })
      }
    }

    async function joined(
      flamelet: Flamelet,
      registration: FlameletRegistration,
      site: ActorRef<SiteMessage>,
    ): Promise<RegisterAnswer> {
      const { name, user, isLocal } = flamelet
      const facts = factsOf(name, registration)
      const { region, computeId: id } = facts
      checkIdentifier('a compute', id)
      if (!isLocal) await joinCompute(collections, parts, { id, region, name, user, byAdmin: flamelet.isAdmin })
      const at = now()
      const stamps = { firstAt: flamelet.record?.firstAt ?? at, registeredAt: at }
      const place = parts.serverName === undefined ? {} : { server: parts.serverName }
      const record = { userId: user, ...stamps, ...place, ...(isLocal ? ({ isLocal } as const) : {}), ...facts }
      await collections.flamelets.put(name, record)
      if (!isLocal) {
        countServed(served, record.computeId, 1)
        if (flamelet.record) countServed(served, flamelet.record.computeId, -1)
      }
      givenUp.delete(name)
      flamelet.record = record
      flamelet.hosted = registration.hosted
      flamelet.draining = []
      flamelet.isLeaving = false
      delete flamelet.residentBytes
      flamelet.site = site
      enter(flamelet, 'here')
      context.watch(site, () => ({ type: 'site-ended', name, site }))
      if (isLocal && awaited.size > 0) noteLocal(name)
      else tellHere(flamelet)
      return { type: 'registered', server, compute: id }
    }

    function tellHere(flamelet: Flamelet): void {
      const site = siteOf(flamelet)
      if (site) tell({ type: 'site-here', site })
    }

    /** A local flamelet has joined, or isn't started again soon. */
    function noteLocal(name: string): void {
      if (!awaited.delete(name) || awaited.size > 0) return
      for (const flamelet of known.values()) if (flamelet.isLocal) tellHere(flamelet)
    }

    function connected(name: string, isConnected: boolean): void {
      const flamelet = known.get(name)
      if (!flamelet?.site || flamelet.state === 'gone' || isConnected === (flamelet.state !== 'away')) return
      enter(flamelet, isConnected ? (flamelet.isLeaving ? 'draining' : 'here') : 'away')
      tell({ type: isConnected ? 'site-back' : 'site-away', name })
    }

    function ended(name: string, site: ActorRef<never>): void {
      const flamelet = known.get(name)
      // A later life of the flamelet may have registered.
      if (!flamelet || flamelet.site !== site) return
      delete flamelet.site
      flamelet.hosted = []
      flamelet.draining = []
      enter(flamelet, 'gone')
      tell({ type: 'site-gone', name })
      void context.track(turns(name, () => noteGone(flamelet))).catch((cause: unknown) => context.fail(cause))
    }

    /** Tells why a local flamelet has ended. Once the flamelet isn't started again, its tasks go elsewhere, or fail. */
    function localEnded({ name, cause, isGivenUp }: LocalFlameletEnd): void {
      tell({ type: 'site-fault', name, cause })
      if (!isGivenUp) return
      givenUp.add(name)
      noteLocal(name)
      tell({ type: 'site-leaving', name })
      const isServed = [...known.values()].some(
        ({ record, site, name }) => site !== undefined && record?.computeId === defaultCompute && !givenUp.has(name),
      )
      const { names } = parts.locals ?? noLocals
      if (!isServed && names.every((name) => givenUp.has(name)))
        tell({ type: 'sites-exhausted', cause, computeId: defaultCompute })
    }

    async function noteGone(flamelet: Flamelet): Promise<void> {
      const { name, record, state, since } = flamelet
      if (!record || state !== 'gone') return
      flamelet.record = { ...record, goneAt: since }
      await collections.flamelets.put(name, flamelet.record)
    }

    function enter(flamelet: Flamelet, state: FlameletState): void {
      flamelet.state = state
      flamelet.since = now()
    }

    function answerDrained(flamelet: Flamelet): void {
      if (flamelet.hosted.length > 0) return
      for (const replyTo of flamelet.draining.splice(0)) replyTo.tell({ type: 'drained' })
    }

    function follow(follower: ActorRef<SiteNews>): void {
      followers.add(follower)
      context.watch(follower, () => ({ type: 'unfollowed', follower }))
      for (const flamelet of known.values()) {
        const site = siteOf(flamelet)
        if (!site || (flamelet.isLocal && awaited.size > 0)) continue
        follower.tell({ type: 'site-here', site, isAway: flamelet.state === 'away' })
        if (flamelet.isLeaving) follower.tell({ type: 'site-leaving', name: flamelet.name })
      }
    }

    function tell(news: SiteNews): void {
      for (const follower of followers) follower.tell(news)
    }

    /** From the store, since flamelets may have joined at another server. */
    function list(user: string | undefined, page: PageRequest): Promise<Page<FlameletStatus>> {
      const where = user === undefined ? {} : { where: { userId: user } }
      const stored = collections.flamelets.find({ ...where, ...afterOf(page) })
      return pageOf(
        stored,
        page,
        ({ id }) => id,
        ({ id, value }) => statusOf(known.get(id) ?? newFlamelet(id, value.userId, 'away', value.registeredAt), value),
      )
    }

    async function makeFault(user: string, id: string, fault: JobFault): Promise<string> {
      const job = (await collections.jobs.get(id))?.value
      if (!job || job.userId !== user) throw catalogueError('JOB_NOT_FOUND', { id })
      const { run } = job
      if (job.state !== 'running' || run === undefined)
        throw catalogueError('JOB_STATE', { id, state: job.state, what: 'a fault', needed: 'running' })
      const { task, type } = fault
      let end: string | undefined
      for await (const { value } of collections.tasks.find({ where: { jobId: id, taskId: task }, limit: 1 }))
        end = value.end
      if (end === undefined) throw catalogueError('TASK_UNKNOWN', { job: id, id: task })
      const own = end
      const hosts = [...known.values()].find((flamelet) =>
        flamelet.hosted.some((hosted) => hosted.run === run && hosted.ends.includes(own)),
      )
      if (type === 'kill') {
        if (hosts) hosts.site?.tell({ type: 'kill', run, end })
        else parts.faults?.kill(run, end)
        return hosts?.name ?? server
      }
      if (!hosts) throw catalogueError('FLAMELET_UNKNOWN', { name: `with ${end}` })
      parts.faults?.disturb(hosts.name, fault)
      return hosts.name
    }

    function registered(user: string | undefined, name: string): { flamelet: Flamelet; record: FlameletRecord } {
      const flamelet = known.get(name)
      // Another user's flamelet is answered as if it weren't there.
      if (!flamelet?.record || (user !== undefined && flamelet.user !== user))
        throw catalogueError('FLAMELET_UNKNOWN', { name })
      return { flamelet, record: flamelet.record }
    }

    async function forget(user: string | undefined, name: string): Promise<null> {
      const { flamelet, record } = registered(user, name)
      const { state, voice } = flamelet
      const { computeId } = record
      if (state === 'here' || state === 'draining') throw catalogueError('FLAMELET_PRESENT', { name, state })
      await collections.flamelets.remove(name)
      if (!record.isLocal) {
        await leaveCompute(collections, computeId)
        countServed(served, computeId, -1)
      }
      known.delete(name)
      counts.set(flamelet.user, (counts.get(flamelet.user) ?? 1) - 1)
      tell({ type: 'site-gone', name })
      if (voice) context.stop(voice)
      return null
    }
  }
}

/** The actor that hears one flamelet, and hands on each message under the flamelet's proven name. */
function voiceOf(name: string, flamelets: ActorRef<FlameletsMessage>): Behavior<FlameletMessage> {
  return () => (message) => flamelets.tell({ type: 'heard', name, message })
}
