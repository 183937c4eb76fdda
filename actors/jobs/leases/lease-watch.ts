import type { ActorRef, Behavior, Store } from '../../../runtime/index.ts'
import { type Collections, collectionsOf } from '../../records/collections.ts'
import type { LeaseRecord } from '../../records/record-models.ts'
import { type Asking, answer } from '../../requests/requests.ts'
import { settleExpansions } from '../catalogue/expansions.ts'
import { endLease, type JobLeases, leasesByJob, takeOver } from './leases.ts'
import { livingServers } from './living-servers.ts'

export interface LeaseParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** Id of this server among the servers on the store. Differs for each process. */
  readonly server: string
  /**
   * Whether other servers may share the store. Default: false; then all leases that are left belong to ended processes.
   */
  readonly shared?: boolean
  /** Whether this server goes on with a job that another process left under way. Default: with every job. */
  readonly goesOnWith?: (job: string) => boolean | Promise<boolean>
  /** Time between two signs of life of this server, and between its looks at other servers. Default: 500. */
  readonly beatMs?: number
  /** A server without a sign of life for this time is dead. Default: 2,500. */
  readonly deadAfterMs?: number
}

export type LeaseWatchMessage =
  | { readonly type: 'look' }
  /** No job runs here any more: other servers may take the jobs over at once. */
  | ({ readonly type: 'leave' } & Asking<null>)

/** Messages from the lease watch to the controller. */
export type LeaseNews =
  /** Asks whether the job is here, or is being started here. */
  | { readonly type: 'is-here'; readonly job: string; readonly replyTo: ActorRef<boolean> }
  | { readonly type: 'taken-over'; readonly job: string; readonly fence: number }
  /** The last lease on each job, of every owner. */
  | { readonly type: 'leases-seen'; readonly last: ReadonlyMap<string, LeaseRecord> }

/** Longest time for the controller to answer whether a job is here. */
const answerTimeoutMs = 60_000

/**
 * Takes over the jobs of servers that are gone: at the start, and, on a shared store, all the time. A job that was
 * started here during the first look is left alone.
 */
export function leaseWatch(parts: LeaseParts, news: ActorRef<LeaseNews>): Behavior<LeaseWatchMessage> {
  const { store, server, shared = false, now, goesOnWith = () => true, beatMs = 500, deadAfterMs = 2500 } = parts
  /** True after the first look: a restart after a fault must not take over the jobs that this server has by then. */
  let begun = false

  return async (context) => {
    const collections = collectionsOf(store)
    const servers = livingServers(collections, { server, startedAt: now(), clock: context.clock, deadAfterMs })
    if (shared) {
      await context.track(servers.beat())
      context.every(beatMs, { type: 'look' })
    }
    const isHere = (job: string) =>
      context.ask<boolean, LeaseNews>(news, (replyTo) => ({ type: 'is-here', job, replyTo }), {
        timeoutMs: answerTimeoutMs,
      })
    if (!begun) {
      const isLeft = (owner: string) => !shared || owner === server
      await context.track(leasesByJob(collections).then((found) => takeOverLeases(collections, found, isLeft)))
      begun = true
    }
    let hasLeft = false
    return (message) => {
      switch (message.type) {
        case 'look':
          return hasLeft ? undefined : context.track(look(collections))
        case 'leave':
          hasLeft = true
          return answer(message, async () => {
            if (shared) await context.track(servers.leave())
            return null
          })
      }
    }

    async function look(collections: Collections): Promise<void> {
      await servers.beat()
      // Leases are read before servers: an owner was alive before it wrote its lease, so `look` can't miss it.
      const found = await leasesByJob(collections)
      const { living, dead } = await servers.look()
      const last = new Map([...found].map(([job, [lease]]) => [job, lease] as const))
      news.tell({ type: 'leases-seen', last })
      await takeOverLeases(collections, found, (owner) => !living.has(owner))
      await settleExpansions(collections, { store }, (owner) => owner === undefined || !living.has(owner))
      for (const id of dead) await servers.forget(id)
    }

    /** Takes over the leases of owners that are gone, and removes leases that a later one has replaced. */
    async function takeOverLeases(
      collections: Collections,
      found: JobLeases,
      isGone: (owner: string) => boolean,
    ): Promise<void> {
      for (const [job, [last, ...earlier]] of found) {
        const isLeft = isGone(last.owner) && !(last.owner === server && (await isHere(job)))
        if (!isLeft && earlier.length === 0) continue
        if (isLeft && (await goesOnWith(job))) {
          const fence = await takeOver(collections, job, last.fence, server)
          if (fence !== undefined) news.tell({ type: 'taken-over', job, fence })
        }
        const found = await collections.jobs.get(job)
        // A lease beyond the number that the job's document names may be about to be named.
        const present = found ? (found.value.fence ?? 0) : Number.POSITIVE_INFINITY
        for (const lease of [last, ...earlier]) if (lease.fence < present) await endLease(collections, lease)
      }
    }
  }
}
