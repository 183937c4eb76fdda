import type { ActorContext, ActorRef } from '../../../runtime/index.ts'
import type { RendezvousMessage } from '../../../sdk/index.ts'
import type { SpreadNews, TasksToSpread } from './spread-parts.ts'
import type { SpreadState } from './spread-state.ts'

/** Longest time for sites to release their tasks at the end. */
const stopMs = 10_000

/** Has sites release tasks: a site that wants to be rid of them, and all sites at the end. */
export function siteReleases(
  context: ActorContext<SpreadNews>,
  { job }: TasksToSpread,
  { tasks, sites, placedAt, unplace }: SpreadState,
  { arrange, end }: { arrange(): Promise<void>; end(): void },
  rendezvous: ActorRef<RendezvousMessage>,
) {
  const { run } = job
  const releasing = new Set<string>()
  let isStopping = false

  return { leaving, released, stop, stopped }

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
    const names = ends.map(({ task }) => task.end)
    if (names.length > 0) site.ref.tell({ type: 'release', run, ends: names, handOver: true, replyTo: site.answers })
    return arrange()
  }

  function released(name: string): Promise<void> | undefined {
    if (stopped(name)) return undefined
    for (const spread of placedAt(name)) if (spread.state === 'leaving') unplace(spread)
    return arrange()
  }

  function stop(forget: boolean): void {
    if (isStopping) return
    isStopping = true
    end()
    for (const [name, site] of sites) {
      const isConcerned = [...tasks.values()].some(({ place, state }) => place === name && state !== 'waiting')
      if (!isConcerned) continue
      site.ref.tell({ type: 'release', run, forget, replyTo: site.answers })
      if (site.isHere && !site.lost) releasing.add(name)
    }
    if (releasing.size === 0) return context.stop()
    context.after(stopMs, { type: 'stopped-anyway' })
  }

  /** Whether the job's tasks stop for good. If so, the site has released its tasks, or can't any more. */
  function stopped(name: string): boolean {
    if (!isStopping) return false
    releasing.delete(name)
    if (releasing.size === 0) context.stop()
    return true
  }
}
