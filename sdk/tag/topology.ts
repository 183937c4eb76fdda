import { type Schema, writtenAssociations } from './schema.ts'

/** A dataset's id; or an id with a count, which stands for the id that many times. */
export type DatasetEntry = string | { readonly dataset: string; readonly count: number }

/** For a role that consumes data: group → its datasets. */
export interface DataSpecEntry {
  readonly role: string
  readonly datasetGroups: Readonly<Record<string, readonly DatasetEntry[]>>
}

/** A schema, and the datasets of its groups. In a workload, dataset ids are `0` … `clients − 1`. */
export interface Topology {
  readonly schema: Schema
  readonly dataSpec: readonly DataSpecEntry[]
}

/** Number of tasks that an entry stands for. */
export function countOf(entry: DatasetEntry): number {
  return typeof entry === 'string' ? 1 : entry.count
}

/** Number of tasks that the entries of a group stand for. */
export function tasksOf(entries: readonly DatasetEntry[]): number {
  let tasks = 0
  for (const entry of entries) tasks += countOf(entry)
  return tasks
}

/** The dataset that an entry names. */
export function datasetOf(entry: DatasetEntry): string {
  return typeof entry === 'string' ? entry : entry.dataset
}

/** Numbers of a topology's tasks: for each role that is no data consumer, and for all data consumers together. */
export function taskCounts({ schema, dataSpec }: Topology): {
  readonly byRole: ReadonlyMap<string, number>
  readonly withData: number
} {
  const consumers = new Set(schema.roles.filter(({ isDataConsumer }) => isDataConsumer).map(({ name }) => name))
  let withData = 0
  for (const [role, tasks] of tasksWithData({ dataSpec })) if (consumers.has(role)) withData += tasks
  const byRole = new Map<string, number>()
  for (const role of schema.roles) {
    if (consumers.has(role.name)) continue
    byRole.set(role.name, Math.max(1, role.replica ?? 1) * writtenAssociations(role).length)
  }
  return { byRole, withData }
}

/** Number of tasks that the datasets require, by role. */
export function tasksWithData({ dataSpec }: Pick<Topology, 'dataSpec'>): ReadonlyMap<string, number> {
  const byRole = new Map<string, number>()
  for (const { role, datasetGroups } of dataSpec)
    for (const entries of Object.values(datasetGroups)) byRole.set(role, (byRole.get(role) ?? 0) + tasksOf(entries))
  return byRole
}

/** Number of tasks that a topology expands into. */
export function taskCount(topology: Topology): number {
  const { byRole, withData } = taskCounts(topology)
  let count = withData
  for (const tasks of byRole.values()) count += tasks
  return count
}
