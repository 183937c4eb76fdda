import { defaultCompute, type HostedTask, type Schema } from '../../../sdk/index.ts'
import type { RemoteSite } from '../../flamelets/sites.ts'

/** A task with the facts that decide where it may run. */
export interface PlacedTask extends HostedTask {
  readonly computeId: string
}

/** A site and the room that is left there. */
export interface SiteRoom {
  readonly site: RemoteSite
  /** Tasks that the site may still get. */
  readonly room: number
}

/** Whether a site may host a task, apart from its room. */
export type Fits = (site: RemoteSite, task: PlacedTask) => boolean

/**
 * Whether a site of a job's sites serves the task's compute: the site's compute has this id, or the last part of a
 * realm names it. A site that names its datasets gets tasks with these alone.
 */
export function servesCompute({ facts: { computeId, datasets } }: RemoteSite, task: PlacedTask): boolean {
  if (task.computeId !== defaultCompute && task.computeId !== computeId) return false
  const { dataset, datasetUrl = dataset } = task
  return (
    dataset === undefined ||
    datasets.length === 0 ||
    datasets.some(({ name }) => name === dataset || name === datasetUrl)
  )
}

/** Whether a task has no data, and no aggregator above it: these tasks make the models of a job. */
export function isTopmost({ channels }: Pick<Schema, 'channels'>): (task: HostedTask) => boolean {
  const below = new Set(
    channels.flatMap(({ funcTags = {} }) =>
      Object.entries(funcTags).flatMap(([role, tags]) => (tags.includes('upload') ? [role] : [])),
    ),
  )
  return ({ role, dataset }) => dataset === undefined && !below.has(role)
}

/**
 * Chooses a site for each task, in order: of those that fit, the one with the most room; of equal ones the first by
 * name. A task that nothing fits has no entry.
 */
export function placesFor(
  tasks: readonly PlacedTask[],
  rooms: readonly SiteRoom[],
  fits: Fits,
): ReadonlyMap<string, string> {
  const left = new Map(rooms.map(({ site, room }) => [site.name, room]))
  const sorted = rooms.map(({ site }) => site).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const places = new Map<string, string>()
  for (const task of tasks) {
    let best: string | undefined
    for (const site of sorted) {
      const room = left.get(site.name) ?? 0
      if (room > 0 && (best === undefined || room > (left.get(best) ?? 0)) && fits(site, task)) best = site.name
    }
    if (best === undefined) continue
    places.set(task.end, best)
    left.set(best, (left.get(best) ?? 0) - 1)
  }
  return places
}
