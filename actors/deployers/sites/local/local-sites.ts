import { randomBytes, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import {
  type ActorRef,
  actorSystem,
  type CodedError,
  isActorRef,
  nodeLink,
  type Peer,
  type PeerRights,
} from '../../../../runtime/index.ts'
import type { GivenDatasets, SiteMessage } from '../../../../sdk/index.ts'
import type { BundledWorkload } from '../../../../sdk/node/index.ts'
import { decodeFlameletMessage, type FlameletMessage } from '../../../flamelets/index.ts'
import type { RemoteSite, SiteNews, Sites } from '../../../flamelets/sites.ts'
import { placementError } from '../../errors.ts'
import { type LocalProcess, startLocalSite } from './local-process.ts'
import { type LocalTransport, openTransport } from './local-transport.ts'

export interface LocalSitesOptions {
  /** Number of processes. */
  readonly count: number
  readonly transport: LocalTransport
  /** Has a folder for each process, with the state of its tasks. */
  readonly folder: string
  readonly workload: BundledWorkload
  /** Threads that train, for each process. 0: its main thread, whose beats then wait for the training. */
  readonly workers: number
  readonly paths?: GivenDatasets['paths'] | undefined
  /** Run each round twice and compare both runs. Default: false. */
  readonly check?: boolean
}

/** Local processes that host tasks. */
export interface LocalSites extends Sites, AsyncDisposable {
  /** The present processes' ids, by name. */
  readonly pids: ReadonlyMap<string, number>
  /** A round was committed: earlier ends of processes don't count any more. */
  noteRound(): void
  /** Ends all processes. */
  close(): Promise<void>
}

/** One of the processes, through all its lives. */
interface Local {
  readonly name: string
  incarnation: number
  token: string
  process?: LocalProcess
  site?: RemoteSite
  /** Ends by itself since the last round. */
  deaths: number
  retry?: NodeJS.Timeout
}

/** Name of this process's node among its processes. */
const node = 'run'
/** A process isn't started again when it has ended by itself this many times without a round in between. */
const mostDeaths = 5
const firstBackOffMs = 100
const longestBackOffMs = 5000

/**
 * Starts processes on this machine that host tasks of a job, joined to this process by a link, each with a token of its
 * own. A process that ends by itself is started again after growing delays, with the state of its folder; one that ends
 * again and again leaves its tasks to others.
 */
export async function localSites(options: LocalSitesOptions): Promise<LocalSites> {
  const { count, transport, folder, workload, workers, paths, check = false } = options
  const locals = new Map<string, Local>()
  const followers = new Set<ActorRef<SiteNews>>()
  const pids = new Map<string, number>()
  let isClosing = false
  /** The last end of the last process that was started again. */
  let exhausted: CodedError | undefined
  /** Tells of no site before each process has joined once, so that the first one doesn't get all tasks. */
  let isComplete = false
  const system = actorSystem({ name: node, onFault: () => {} })
  const link = nodeLink(system, { authenticate: async ({ node: name, token }) => rightsOf(name, token) })
  const isToken = (name: string, token: string) => {
    const known = locals.get(name)?.token
    return (
      known !== undefined && known.length === token.length && timingSafeEqual(Buffer.from(known), Buffer.from(token))
    )
  }
  const opened = await openTransport(transport, node, link, isToken)
  for (let index = 0; index < count; index++) {
    const local: Local = { name: `host-${index}`, incarnation: 0, token: '', deaths: 0 }
    locals.set(local.name, local)
    start(local)
  }
  return {
    pids,
    follow(follower) {
      followers.add(follower)
      void system.stopped(follower).then(() => followers.delete(follower))
      if (isComplete) tellPresent(follower)
      if (exhausted) follower.tell({ type: 'sites-exhausted', cause: exhausted })
    },
    isPossible: (name) => locals.has(name),
    noteRound() {
      for (const local of locals.values()) local.deaths = 0
    },
    close,
    [Symbol.asyncDispose]: close,
  }

  function rightsOf(name: string, token: string): PeerRights {
    const local = locals.get(name)
    if (!local || !isToken(name, token)) throw new Error('the token is none of a process of this run')
    return {
      node: name,
      mayStop: false,
      entry: (peer) => entryOf(local, peer),
      detached(isDetached) {
        if (local.site) tell({ type: isDetached ? 'site-away' : 'site-back', name })
      },
    }
  }

  /** The actor by which a life of a process speaks. */
  function entryOf(local: Local, { nodeIncarnation }: Peer): ActorRef<never> {
    return system.spawn<FlameletMessage>(
      `${local.name}-${nodeIncarnation}`,
      () => (message) => {
        if (message.type !== 'register' || nodeIncarnation !== local.incarnation) return
        const { site: ref, registration } = message
        if (!isActorRef<SiteMessage>(ref)) return
        const { mostTasks } = registration
        const site = { name: local.name, facts: { computeId: node, datasets: [], mostTasks }, site: ref }
        local.site = site
        message.replyTo.tell({ type: 'registered', server: node, compute: node })
        if (isComplete) tell({ type: 'site-here', site })
        else complete()
      },
      { decode: decodeFlameletMessage, supervise: { type: 'resume' } },
    )
  }

  function complete(): void {
    isComplete ||= [...locals.values()].every(({ site, deaths }) => site !== undefined || deaths >= mostDeaths)
    if (isComplete) for (const follower of followers) tellPresent(follower)
  }

  function tellPresent(follower: ActorRef<SiteNews>): void {
    for (const { site } of locals.values()) if (site) follower.tell({ type: 'site-here', site })
  }

  function tell(news: SiteNews): void {
    for (const follower of followers) follower.tell(news)
  }

  function start(local: Local): void {
    local.incarnation += 1
    local.token = randomBytes(24).toString('hex')
    const { name, incarnation, token } = local
    const setup = {
      name,
      incarnation,
      token,
      at: opened.dialledBy(name, token),
      parent: node,
      folder: join(folder, name),
      module: workload.module.href,
      bundle: workload.bundle.href,
      workers,
      check,
      ...(paths && { paths }),
    }
    local.process = startLocalSite(setup, (how) => ended(local, how))
    if (local.process.pid !== undefined) pids.set(name, local.process.pid)
  }

  function ended(local: Local, how: string): void {
    const { name } = local
    pids.delete(name)
    delete local.process
    delete local.site
    if (isClosing) return
    link.declareDead(name)
    tell({ type: 'site-gone', name })
    local.deaths += 1
    const isLast = local.deaths >= mostDeaths
    const next = isLast ? 'the tasks go to other processes' : 'the process is started again'
    const times = local.deaths === 1 ? 'once' : `${local.deaths} times`
    const cause = placementError('LOCAL_SITE_ENDED', { site: name, times, how, next })
    tell({ type: 'site-fault', name, cause })
    if (isLast) {
      tell({ type: 'site-leaving', name })
      if ([...locals.values()].every(({ deaths }) => deaths >= mostDeaths)) {
        exhausted = cause
        tell({ type: 'sites-exhausted', cause })
      }
      return isComplete ? undefined : complete()
    }
    local.retry = setTimeout(() => start(local), Math.min(longestBackOffMs, firstBackOffMs * 2 ** (local.deaths - 1)))
  }

  async function close(): Promise<void> {
    isClosing = true
    for (const { retry } of locals.values()) clearTimeout(retry)
    await Promise.all([...locals.values()].map((local) => local.process?.close()))
    link.close()
    await opened.close()
    await system.terminate()
  }
}
