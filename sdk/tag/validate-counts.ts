import { associationsOf } from './channels.ts'
import type { Topology } from './topology.ts'
import type { NoteFault, TopologyFacts } from './validate.ts'

/** That a topology would have more tasks than it may: at a role's replicas if these alone are too many, else at the datasets. */
export function countFaults({ schema, dataSpec }: Topology, { mostTasks }: TopologyFacts, note: NoteFault): void {
  if (mostTasks === undefined) return
  const consumers = new Set(schema.roles.filter(({ isDataConsumer }) => isDataConsumer).map(({ name }) => name))
  let tasks = 0
  for (const { role, datasetGroups } of dataSpec) {
    if (!consumers.has(role)) continue
    for (const datasets of Object.values(datasetGroups)) tasks += datasets.length
  }
  let isTold = false
  for (const [index, role] of schema.roles.entries()) {
    if (consumers.has(role.name)) continue
    const count = Math.max(1, role.replica ?? 1) * associationsOf(schema, role).length
    tasks += count
    if (count <= mostTasks) continue
    note(`schema.roles.${index}.replica`, 'TAG_TASKS', { count, most: mostTasks })
    isTold = true
  }
  if (tasks > mostTasks && !isTold) note('dataSpec', 'TAG_TASKS', { count: tasks, most: mostTasks })
}
