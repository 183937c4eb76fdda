import type { NoteFault, TopologyFacts } from './errors.ts'
import { defaultGraph, graphMisfit, graphNamed, graphNames } from './gossip-graph.ts'
import { funcTagsOf, groupsOf, type SchemaChannel } from './schema.ts'
import { type Topology, tasksOf } from './topology.ts'

/** Finds faults in the graphs of channels whose ends gossip. */
export function graphFaults(topology: Topology, { datasetsFollow }: TopologyFacts, note: NoteFault): void {
  for (const [index, channel] of topology.schema.channels.entries()) {
    const { name, graph, pair } = channel
    const isGossip = pair.some((role) => funcTagsOf(channel, role).includes('gossip'))
    const place = `schema.channels.${index}.graph`
    if (graph !== undefined && !isGossip) note(place, 'TAG_GRAPH_UNUSED', { channel: name, graph })
    if (!isGossip) continue
    const found = graphNamed(graph)
    if (!found) note(place, 'TAG_GRAPH_UNKNOWN', { graph, known: graphNames })
    else if (!datasetsFollow)
      for (const [group, ends] of endsByGroup(channel, topology)) {
        const reason = graphMisfit(found, ends)
        if (reason !== undefined) note(place, 'TAG_GRAPH_SIZE', { graph: graph ?? defaultGraph, ends, group, reason })
      }
  }
}

/** Number of data-holding ends by group of a channel. */
function endsByGroup(channel: SchemaChannel, { dataSpec }: Topology): ReadonlyMap<string, number> {
  const groups = groupsOf(channel)
  const counts = new Map<string, number>()
  for (const { role, datasetGroups } of dataSpec) {
    if (!channel.pair.includes(role)) continue
    for (const [given, entries] of Object.entries(datasetGroups)) {
      const [only = given, ...others] = groups
      const group = others.length === 0 ? only : given
      counts.set(group, (counts.get(group) ?? 0) + tasksOf(entries))
    }
  }
  return counts
}
