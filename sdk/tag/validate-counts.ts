import { type Topology, taskCount, taskCounts } from './topology.ts'
import type { NoteFault, TopologyFacts } from './validate.ts'

/** That a topology would have more tasks than it may: at a role's replicas if these alone are too many, else at the datasets. */
export function countFaults(topology: Topology, { mostTasks }: TopologyFacts, note: NoteFault): void {
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
}
