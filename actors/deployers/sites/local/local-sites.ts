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
import { type LocalEnd, type LocalLife, localLives } from './local-lives.ts'
import { type DialledAt, type LocalTransport, openTransport } from './local-transport.ts'

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

/** All that a process of a run is told, as one line of its standard input. */
export interface LocalSiteSetup {
  /** Name of the process's node, and the number of this life. */
  readonly name: string
  readonly incarnation: number
  readonly token: string
  readonly at: DialledAt
  /** The node that started the process. */
  readonly parent: string
  /** Keeps the state of the process's tasks. */
  readonly folder: string
  /** The workload's file and its bundle, as URLs. */
  readonly module: string
  readonly bundle: string
  /** Threads that train. 0: the process's main thread. */
  readonly workers: number
  readonly check: boolean
  readonly paths?: GivenDatasets['paths']
}

/** Name of this process's node among its processes. */
const node = 'run'

/**
 * Starts processes on this machine that host tasks of a job, joined to this process by a link, each with a token of its
 * own. A process that ends by itself is started again after growing delays, with the state of its folder; one that ends
 * again and again leaves its tasks to others.
 */
export async function localSites(options: LocalSitesOptions): Promise<LocalSites> {
  const { count, transport, folder, workload, workers, paths, check = false } = options
  const names = Array.from({ length: count }, (_, index) => `host-${index}`)
  /** By name: the sites that have joined, and whose processes live. */
  const sites = new Map<string, RemoteSite>()
  const followers = new Set<ActorRef<SiteNews>>()
  /** The last end of the last process that was started again. */
  let exhausted: CodedError | undefined
  /** Tells of no site before each process has joined once, so that the first one doesn't get all tasks. */
  let isComplete = false
  const system = actorSystem({ name: node, onFault: () => {} })
  const link = nodeLink(system, { authenticate: async ({ node: name, token }) => rightsOf(name, token) })
  const program = new URL('node-local-site.js', import.meta.url)
  const lives = localLives({ names, program, setupOf, onEnd })
  const opened = await openTransport(transport, node, link, lives.isToken)
  lives.start()
  return {
    pids: lives.pids,
    follow(follower) {
      followers.add(follower)
      void system.stopped(follower).then(() => followers.delete(follower))
      if (isComplete) tellPresent(follower)
      if (exhausted) follower.tell({ type: 'sites-exhausted', cause: exhausted })
    },
    isPossible: (name) => names.includes(name),
    noteRound: () => lives.noteRound(),
    close,
    [Symbol.asyncDispose]: close,
  }

  function rightsOf(name: string, token: string): PeerRights {
    if (!lives.isToken(name, token)) throw new Error('the token is none of a process of this run')
    return {
      node: name,
      mayStop: false,
      entry: (peer) => entryOf(name, peer),
      detached(isDetached) {
        if (sites.has(name)) tell({ type: isDetached ? 'site-away' : 'site-back', name })
      },
    }
  }

  /** The actor by which a life of a process speaks. */
  function entryOf(name: string, { nodeIncarnation }: Peer): ActorRef<never> {
    return system.spawn<FlameletMessage>(
      `${name}-${nodeIncarnation}`,
      () => (message) => {
        if (message.type !== 'register' || nodeIncarnation !== lives.lifeOf(name)) return
        const { site: ref, registration } = message
        if (!isActorRef<SiteMessage>(ref)) return
        const { mostTasks } = registration
        const site = { name, facts: { computeId: node, datasets: [], mostTasks }, site: ref }
        sites.set(name, site)
        message.replyTo.tell({ type: 'registered', server: node, compute: node })
        if (isComplete) tell({ type: 'site-here', site })
        else complete()
      },
      { decode: decodeFlameletMessage, supervise: { type: 'resume' } },
    )
  }

  function complete(): void {
    isComplete ||= names.every((name) => sites.has(name) || lives.isGivenUp(name))
    if (isComplete) for (const follower of followers) tellPresent(follower)
  }

  function tellPresent(follower: ActorRef<SiteNews>): void {
    for (const site of sites.values()) follower.tell({ type: 'site-here', site })
  }

  function tell(news: SiteNews): void {
    for (const follower of followers) follower.tell(news)
  }

  function setupOf({ name, number, token }: LocalLife): LocalSiteSetup {
    return {
      name,
      incarnation: number,
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
  }

  function onEnd({ name, cause, isGivenUp }: LocalEnd): void {
    sites.delete(name)
    link.declareDead(name)
    tell({ type: 'site-gone', name })
    tell({ type: 'site-fault', name, cause })
    if (!isGivenUp) return
    tell({ type: 'site-leaving', name })
    if (names.every((each) => lives.isGivenUp(each))) {
      exhausted = cause
      tell({ type: 'sites-exhausted', cause })
    }
    if (!isComplete) complete()
  }

  async function close(): Promise<void> {
    await lives.close()
    link.close()
    await opened.close()
    await system.terminate()
  }
}
