import {
  type Fault,
  type Findings,
  faultError,
  type NoteFault,
  shortName,
  type TopologyFacts,
  tagError,
} from './errors.ts'
import { channelsByRole } from './schema.ts'
import type { Topology } from './topology.ts'
import { countFaults, datasetFaults } from './validate-datasets.ts'
import { graphFaults } from './validate-graphs.ts'
import { groupFaults } from './validate-groups.ts'
import { shapeFaults } from './validate-shape.ts'

/** Most faults that are listed. Further faults are only counted. */
export const mostFaults = 100

/**
 * The faults of a topology, each with its path. Without faults the topology can be expanded. Consequences of another
 * fault are left out. At most 100 faults are listed; `count` is the number of all.
 */
export function findFaults(
  topology: Topology,
  facts: TopologyFacts = {},
): { readonly faults: Fault[]; readonly count: number } {
  const faults: Fault[] = []
  let count = 0
  const listsMore = () => count < mostFaults
  const note: NoteFault = (place, code, values = {}, times = 1) => {
    const isListed = listsMore()
    count += times
    if (!isListed) return
    const { message, hint } = faultError(code, shortened(values))
    faults.push({ code, place: shortName(place), message, hint })
  }
  const findings: Findings = { joined: channelsByRole(topology.schema), unplaced: new Set(), listsMore }
  shapeFaults(topology, facts, findings, note)
  groupFaults(topology, findings, note)
  datasetFaults(topology, facts, findings, note)
  graphFaults(topology, facts, note)
  countFaults(topology, facts, findings, note)
  return { faults, count }
}

/** Shortens names, whose length the sender chooses. Lists are short already. */
function shortened(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(values).map(([name, value]) => {
    return [
      name,
      typeof value === 'string' && name !== 'known' && name !== 'formats' ? shortName(value) : value,
    ] as const
  })
  return Object.fromEntries(entries)
}

/** The faults of a topology, at most 100. */
export function validateTopology(topology: Topology, facts: TopologyFacts = {}): Fault[] {
  return findFaults(topology, facts).faults
}

/** @throws TAG_INVALID with the faults, if there are any. */
export function assertValid(topology: Topology, facts?: TopologyFacts): void {
  const { faults, count } = findFaults(topology, facts)
  if (count === 0) return
  const lines = faults.map(({ place, code, message }) => `  ${place}: ${code} ${message}`)
  if (count > faults.length) lines.push(`  and ${count - faults.length} more`)
  throw tagError('TAG_INVALID', { count, list: lines.join('\n'), faults })
}
