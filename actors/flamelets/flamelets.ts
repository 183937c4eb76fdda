import type { ActorRef, Behavior, CodedError, Store } from '../../runtime/index.ts'
import type { SiteMessage } from '../../sdk/index.ts'

import { joinCompute, leaveCompute } from '../catalogue/computes.ts'
import { checkIdentifier } from '../model/atoms.ts'
import { catalogueError } from '../model/errors.ts'
import type { FlameletFacts, FlameletState, FlameletStatus, JobFault } from '../model/flamelet.ts'
import { endedNames } from '../model/job-states.ts'
import { collectionsOf } from '../records/collections.ts'
import type { TrustedAdmins } from '../records/parts.ts'
import type { FlameletRecord } from '../records/record-models.ts'
import { afterOf, type Page, type PageRequest, pageOf } from '../requests/page.ts'
import { type Asked, answerBy, type Handlers, type Request } from '../requests/requests.ts'
import { turnsByKey } from '../requests/turns.ts'
import {
  type DrainAnswer,
  decodeFlameletMessage,
  type FlameletMessage,
  type FlameletRegistration,
  type HostedRun,
  type LogLevel,
  type RegisterAnswer,
} from './protocol.ts'

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

/** A flamelet as deployments see it. */
export interface FlameletSite {
  readonly name: string
  readonly user: string
  /** The flamelet has joined with a token of the scope admin. */
  readonly isVouched: boolean
  readonly facts: FlameletFacts
  /** The one job whose tasks the flamelet may get. */
  readonly job?: string
  readonly hosted: readonly HostedRun[]
  readonly site: ActorRef<SiteMessage>
}

export type FlameletNews =
  /** The flamelet has joined; with another ref of its site after each restart of the flamelet. */
  | { readonly type: 'site-here'; readonly site: FlameletSite; readonly isAway?: boolean }
  /** The flamelet gets no more tasks, and wants to be rid of those that it has. */
  | { readonly type: 'site-leaving'; readonly name: string }
  /** The flamelet has no connection at present, or has one again. Its ref stays good. */
  | { readonly type: 'site-away' | 'site-back'; readonly name: string }
  /** The flamelet's node has ended. */
  | { readonly type: 'site-gone'; readonly name: string }
  /** A fault of a local flamelet, for people. */
  | { readonly type: 'site-fault'; readonly name: string; readonly cause: CodedError }
  /** All local flamelets, which get the tasks of the compute, end again and again. */
  | { readonly type: 'sites-exhausted'; readonly cause: CodedError; readonly computeId: string }

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
  | { readonly type: 'follow-flamelets'; readonly follower: ActorRef<FlameletNews> }
  /** A link's session with a node has lost its connection, or has one again. */
  | { readonly type: 'flamelet-connected'; readonly name: string; readonly isConnected: boolean }
  | { readonly type: 'heard'; readonly name: string; readonly message: FlameletMessage }
  | LocalFlameletEnd
  | { readonly type: 'site-ended'; readonly name: string; readonly site: ActorRef<never> }
  /** The server closes: flamelets that lose their server aren't gone. */
  | { readonly type: 'release' }
  | { readonly type: 'unfollowed'; readonly follower: ActorRef<FlameletNews> }

export interface FlameletsParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  readonly newKey: () => string
  readonly computeAdmins?: TrustedAdmins
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

/** Names of the flamelets that a server starts. */
export interface LocalNames {
  readonly prefix: string
  readonly names: readonly string[]
}

/** All that is known of a flamelet. */
interface Flamelet {
  readonly name: string
  user: string
  isAdmin: boolean
  isLocal: boolean
  job: string | undefined
  state: FlameletState
  since: string
  /** Absent before the first registration. */
  record?: FlameletRecord
  /** The actor by which the flamelet speaks. */
  voice?: ActorRef<FlameletMessage>
  site?: ActorRef<SiteMessage>
  hosted: readonly HostedRun[]
  residentBytes?: number
  /** The flamelet is about to end. */
  isLeaving: boolean
  /** Asks to drain that aren't answered. */
  draining: ActorRef<DrainAnswer>[]
}

/** The name of this server for flamelets. */
const server = 'control-plane'
/** The compute of tasks that may run anywhere, which local flamelets get. */
const anywhere = 'default'

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
    const followers = new Set<ActorRef<FlameletNews>>()
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
      if (!record.isLocal) serve(record.computeId, 1)
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
      const record = { userId: user, ...stamps, ...(isLocal ? ({ isLocal } as const) : {}), ...facts }
      await collections.flamelets.put(name, record)
      if (!isLocal) {
        serve(record.computeId, 1)
        if (flamelet.record) serve(flamelet.record.computeId, -1)
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

    /** Tells why a local flamelet has ended. Its tasks go elsewhere, or fail, once it isn't started again. */
    function localEnded({ name, cause, isGivenUp }: LocalFlameletEnd): void {
      tell({ type: 'site-fault', name, cause })
      if (!isGivenUp) return
      givenUp.add(name)
      noteLocal(name)
      tell({ type: 'site-leaving', name })
      const isServed = [...known.values()].some(
        ({ record, site, name }) => site !== undefined && record?.computeId === anywhere && !givenUp.has(name),
      )
      const { names } = parts.locals ?? noLocals
      if (!isServed && names.every((name) => givenUp.has(name)))
        tell({ type: 'sites-exhausted', cause, computeId: anywhere })
    }

    async function noteGone(flamelet: Flamelet): Promise<void> {
      const { name, record, state, since } = flamelet
      if (!record || state !== 'gone') return
      flamelet.record = { ...record, goneAt: since }
      await collections.flamelets.put(name, flamelet.record)
    }

    /** Counts the flamelets of a compute. */
    function serve(computeId: string, more: 1 | -1): void {
      const count = (served.get(computeId) ?? 0) + more
      if (count > 0) served.set(computeId, count)
      else served.delete(computeId)
    }

    function enter(flamelet: Flamelet, state: FlameletState): void {
      flamelet.state = state
      flamelet.since = now()
    }

    function answerDrained(flamelet: Flamelet): void {
      if (flamelet.hosted.length > 0) return
      for (const replyTo of flamelet.draining.splice(0)) replyTo.tell({ type: 'drained' })
    }

    function follow(follower: ActorRef<FlameletNews>): void {
      followers.add(follower)
      context.watch(follower, () => ({ type: 'unfollowed', follower }))
      for (const flamelet of known.values()) {
        const site = siteOf(flamelet)
        if (!site || (flamelet.isLocal && awaited.size > 0)) continue
        follower.tell({ type: 'site-here', site, isAway: flamelet.state === 'away' })
        if (flamelet.isLeaving) follower.tell({ type: 'site-leaving', name: flamelet.name })
      }
    }

    function tell(news: FlameletNews): void {
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
        serve(computeId, -1)
      }
      known.delete(name)
      counts.set(flamelet.user, (counts.get(flamelet.user) ?? 1) - 1)
      tell({ type: 'site-gone', name })
      if (voice) context.stop(voice)
      return null
    }
  }
}

/** The actor by which one flamelet speaks. What it says is heard under its proven name. */
function voiceOf(name: string, flamelets: ActorRef<FlameletsMessage>): Behavior<FlameletMessage> {
  return () => (message) => flamelets.tell({ type: 'heard', name, message })
}

/** The last part of a realm names the compute, the parts before it are the region. */
function factsOf(name: string, registration: FlameletRegistration): FlameletFacts {
  const { realm = '', compute, datasets, mostTasks, memoryBytes, platform } = registration
  const cut = realm.lastIndexOf('/')
  return {
    region: compute === undefined ? realm.slice(0, Math.max(0, cut)) : realm,
    computeId: compute ?? (realm.slice(cut + 1) || name),
    datasets: [...datasets],
    mostTasks,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    platform: { ...platform },
  }
}

function siteOf({ name, user, isAdmin, job, record, hosted, site }: Flamelet): FlameletSite | undefined {
  if (!record || !site) return undefined
  return { name, user, isVouched: isAdmin, facts: factsIn(record), hosted, site, ...(job === undefined ? {} : { job }) }
}

function newFlamelet(name: string, user: string, state: FlameletState, since: string): Flamelet {
  const unproven = { isAdmin: false, isLocal: false, job: undefined }
  return { name, user, ...unproven, state, since, hosted: [], isLeaving: false, draining: [] }
}

function statusOf(
  { name, user, state, since, hosted, residentBytes }: Flamelet,
  record: FlameletRecord,
): FlameletStatus {
  return {
    name,
    userId: user,
    state,
    since,
    ...factsIn(record),
    ...(residentBytes === undefined ? {} : { residentBytes }),
    tasks: hosted.map(({ job, ends }) => ({ jobId: job, ends: [...ends] })),
  }
}

function factsIn({ region, computeId, datasets, mostTasks, memoryBytes, platform }: FlameletRecord): FlameletFacts {
  const memory = memoryBytes === undefined ? {} : { memoryBytes }
  return { region, computeId, datasets, mostTasks, ...memory, platform }
}

const noLocals: LocalNames = { prefix: server, names: [] }

/**
 * Counts the flamelets of each compute, those that are gone among them, whose tasks wait for their return. Local ones
 * are this server's alone, present or not.
 */
export async function servedComputes(store: Store, { names }: LocalNames = noLocals): Promise<Map<string, number>> {
  const served = new Map<string, number>()
  if (names.length > 0) served.set(anywhere, names.length)
  for await (const { value } of collectionsOf(store).flamelets.find())
    if (!value.isLocal) served.set(value.computeId, (served.get(value.computeId) ?? 0) + 1)
  return served
}
