import { resolve } from 'node:path'
import { confinement } from '../../actors/deployers/job-process/index.ts'
import type { ArchiveLimits } from '../../actors/index.ts'
import { deviceCode, processSite } from '../../flamelet/index.ts'
import type { ActorContext, ActorRef, DurableStore, NodeLink } from '../../runtime/index.ts'
import type { OwnSiteMessage } from '../../sdk/index.ts'
import type { SitesSetting } from '../server-root.ts'

export interface OwnSitesParts extends SitesSetting {
  /** Keeps the state of the tasks' roles. */
  readonly store: DurableStore
  readonly limits: ArchiveLimits
}

/** Spawns a site of the server's for a job. The site's processes are nodes that the server's link joins by pipes. */
export interface OwnSites {
  readonly spawn: SpawnOwnSite
  /** Ends the process of a task on purpose. */
  kill(run: string, end: string): void
}

type SpawnOwnSite = (context: Pick<ActorContext<never>, 'spawn' | 'signal'>, link: NodeLink) => ActorRef<OwnSiteMessage>

/** Name of the server's node. */
const node = 'control-plane'
/** Longest time for which a task's process may be blocked, such as by an evaluation. */
const roundLimitMs = 60 * 60_000

/**
 * The server's own sites: each task of a job that runs on the server's machine has a process of its own, so that no
 * job's code runs in the server. A confined task is refused with JOB_CONFINEMENT where Node can't restrict rights.
 */
export async function ownSites({ folder, own, store, limits }: OwnSitesParts): Promise<OwnSites> {
  const codeOf = await deviceCode({
    folder: resolve(folder, 'code', 'sites'),
    trust: { flamelet: node, keys: 'any' },
    now: () => new Date().toISOString(),
    limits,
  })
  const isConfined = own !== undefined && own.reads !== 'all'
  let sites = 0
  const present = new Set<ActorRef<OwnSiteMessage>>()
  const spawn: SpawnOwnSite = (context, link) => {
    sites += 1
    const site = processSite({
      flamelet: node,
      prefix: `${node}~${sites}`,
      reads: own?.reads ?? [],
      store,
      link,
      async codeOf(job, fetch) {
        // Rather no task than one with all rights of this account.
        if (isConfined) confinement({ reads: [], writes: [] })
        return codeOf(job, fetch)
      },
      pathsOf: () => own?.paths ?? {},
      roundLimitMs,
    })
    const ref = context.spawn('site', site, { supervise: { type: 'escalate' } })
    present.add(ref)
    context.signal.addEventListener('abort', () => present.delete(ref), { once: true })
    return ref
  }
  return {
    spawn,
    kill(run, end) {
      for (const site of present) site.tell({ type: 'kill', run, end })
    },
  }
}
