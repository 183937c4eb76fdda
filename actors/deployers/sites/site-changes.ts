import type { ActorContext } from '../../../runtime/index.ts'
import type { RemoteSite } from '../../flamelets/sites.ts'
import type { SpreadNews, TasksToSpread } from './spread-parts.ts'
import type { SpreadState } from './spread-state.ts'

/** Moves a job's tasks when sites come, are away, or go for good. */
export function siteChanges(
  context: ActorContext<SpreadNews>,
  { job }: TasksToSpread,
  { tasks, sites, goneAfterMs, know, placedAt, unplace, lossOf, failPlaceless }: SpreadState,
  arrange: () => Promise<void>,
) {
  const { run } = job
  let isArrangeDue = false

  return { here, arranged, awaitReturn, back, gone, lost, unseen }

  function here(remote: RemoteSite, isAway = false): void {
    const { name, site: ref } = remote
    if (remote.job !== undefined && remote.job !== job.id) return
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
    // Once the sites are known that were told of with this one, or the first would get all tasks.
    if (!isArrangeDue) context.self.tell({ type: 'arrange' })
    isArrangeDue = true
  }

  /** Arranges the tasks anew for sites that have come. */
  function arranged(): Promise<void> {
    isArrangeDue = false
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

  /** The site's node has ended. The site's tasks wait for the site's return. */
  function gone(name: string): Promise<void> | undefined {
    const site = sites.get(name)
    if (!site) return undefined
    site.isHere = false
    awaitReturn(name)
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

  /** Tasks whose former sites have not come for long go to others. */
  async function unseen(): Promise<void> {
    for (const spread of tasks.values())
      if (spread.place !== undefined && spread.state === 'waiting' && !sites.has(spread.place)) unplace(spread)
    return arrange()
  }
}
