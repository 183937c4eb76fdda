import { type Topology, taskCount, taskCounts, tasksWithData } from './topology.ts'
import type { Findings, NoteFault, TopologyFacts } from './validate.ts'

/** Channels that a task may join, on the average of the most tasks. */
const joinsOfTask = 20

/**
 * That a topology would have more tasks than it may: at a role's replicas if these alone are too many, else at the datasets. Or
 * that each of many tasks would join many channels, since a task's groups of all these are kept with it.
 */
export function countFaults(
  topology: Topology,
  { mostTasks }: TopologyFacts,
  { joined }: Findings,
  note: NoteFault,
): void {
  if (mostTasks === undefined) return
  const { byRole } = taskCounts(topology)
  let isTold = false
  for (const [index, { name }] of topology.schema.roles.entries()) {
    const count = byRole.get(name) ?? 0
    if (count <= mostTasks) continue
    note(`schema.roles.${index}.replica`, 'TAG_TASKS', { count, most: mostTasks })
    isTold = true
  }
  const count = taskCount(topology)
  if (count > mostTasks && !isTold) note('dataSpec', 'TAG_TASKS', { count, most: mostTasks })
  let joins = 0
  for (const [role, tasks] of [...byRole, ...tasksWithData(topology)]) joins += tasks * joined(role).length
  const most = joinsOfTask * mostTasks
  if (joins > most && count <= mostTasks) note('schema.channels', 'TAG_JOINS', { count: joins, most })
}
